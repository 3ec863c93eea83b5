"""Classic voice features of one recording, measured by Praat, and how they agree with a release's own.

They are measured on the recording as released. Joined where silence was cut out, a voice has neighbouring cycles that
were never neighbours and syllables at distances that nobody spoke; and a release that publishes such values measured
them on its own files.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import parselmouth
from parselmouth.praat import call
from pydantic import Field, field_validator, model_validator
from scipy import stats
from scipy.signal import find_peaks

from bulbar.core.names import SYLLABLES
from bulbar.core.settings import Strict
from bulbar.features import audio, harmonicity

"""Tasks that repeat one syllable."""

VOICE_MEASURES: Mapping[str, str] = {
    "mean_f0_hz": "meanF0Hz",
    "sd_f0_hz": "stdevF0Hz",
    "hnr_db": "HNR",
    "jitter_local": "localJitter",
    "shimmer_local": "localShimmer",
}
"""Our measures by the names that VOC-ALS gives them; its columns are named NAME_TASK."""

TRAIN_MEASURES = ("syllable_rate_hz", "syllable_irregularity")
MEASURES = (*VOICE_MEASURES, *TRAIN_MEASURES)

AGREEMENT = ("pearson", "spearman", "median_relative_difference", "median_absolute_relative_difference")
"""How two columns of the same measure are compared."""

FEWEST_COMPARED = 5
"""Recordings below which a column is not compared."""

# Praat's own standard settings, as its manual and its editor have them.
_HNR_STEP_S, _SILENCE_SHARE = 0.01, 0.1  # and one period per window
_SHORTEST_PERIOD_S, _LONGEST_PERIOD_S, _PERIOD_RATIO, _AMPLITUDE_RATIO = 0.0001, 0.02, 1.3, 1.6

# As in the second version of de Jong and Wempe's script (2010): its defaults of -25 dB and 0.3 s, and the dip of 4 dB
# that it names for clean recordings: a fluttering voice rises and falls by the default's 2 dB within a syllable.
_INTENSITY_PITCH_HZ = 50.0
_SILENCE_DB, _ALMOST_MAXIMUM = 25.0, 0.99
_DIP_DB = 4.0
_PAUSE_S = 0.3

_INTENSITY_STEP_S = 0.005  # Praat's default of 16 ms is a tenth of a syllable
_VOICED_WITHIN_S = 0.05  # a breathy vowel is not voiced in every frame


class Settings(Strict):
    """The `acoustic` block of params.yaml: Praat's pitch range, and which of MEASURES are wanted: by default all.

    Where `measures` is not set, the stage adds those of `voice_measures`.
    """

    min_pitch_hz: float = Field(default=75.0, ge=10)
    max_pitch_hz: float = Field(default=500.0, le=20_000)
    measures: tuple[str, ...] = Field(default=MEASURES, min_length=1)

    @model_validator(mode="after")
    def _a_range(self) -> Self:
        if self.max_pitch_hz <= self.min_pitch_hz:
            raise ValueError("max_pitch_hz above min_pitch_hz")
        return self

    @field_validator("measures")
    @classmethod
    def _known(cls, measures: tuple[str, ...]) -> tuple[str, ...]:
        """In the order of MEASURES."""
        if unknown := sorted(set(measures) - set(MEASURES)):
            raise ValueError(f"any of {', '.join(MEASURES)}, got {', '.join(unknown)}")
        return tuple(name for name in MEASURES if name in measures)


def measure_file(path: str | Path, task: str, settings: Settings) -> dict[str, float]:
    """The features of one recording, its channels averaged; see `measure`."""
    samples, sample_rate_hz = audio.read(path)
    return measure(audio.to_mono(samples), sample_rate_hz, settings, train=task in SYLLABLES)


def measure(samples: np.ndarray, sample_rate_hz: int, settings: Settings, *, train: bool) -> dict[str, float]:
    """Every one of `settings.measures`, NaN where it is not defined: nothing is voiced, or too little to measure.

    samples: mono signal, shape (n,), float. train: whether it is a syllable train; a vowel has no syllable measures.
    Mean and sd of F0 (hertz, voiced frames) and HNR (dB) as Praat's `To Pitch` and `To Harmonicity (cc)`; jitter and
    shimmer local, as fractions, of the cycles that `To PointProcess (periodic, cc)` finds. Settings: Praat's standard,
    with our pitch range. Source: Boersma 1993; Boersma and Weenink, Praat manual, "Voice".
    Syllables a second, and the coefficient of variation of the intervals between them: see `syllable_times`.
    """
    missing = dict.fromkeys(settings.measures, np.nan)
    shortest_s = max(3.2 / settings.min_pitch_hz, 6.5 / _INTENSITY_PITCH_HZ)  # Praat's windows, with room to round
    if len(samples) < shortest_s * sample_rate_hz:
        return missing
    steady = audio.without_offset(np.asarray(samples, dtype=float))  # shimmer and cycles would take an offset for voice
    sound = parselmouth.Sound(steady, sample_rate_hz)
    pitch = call(sound, "To Pitch", 0.0, settings.min_pitch_hz, settings.max_pitch_hz)
    if call(pitch, "Count voiced frames") == 0:
        return missing
    wanted = set(settings.measures)
    found = {
        "mean_f0_hz": call(pitch, "Get mean", 0, 0, "Hertz"),
        "sd_f0_hz": call(pitch, "Get standard deviation", 0, 0, "Hertz"),
    }
    if "hnr_db" in wanted:
        found["hnr_db"] = harmonicity.mean_hnr_db(
            steady, sample_rate_hz, step_s=_HNR_STEP_S, min_pitch_hz=settings.min_pitch_hz, silence_share=_SILENCE_SHARE
        )
    if wanted & {"jitter_local", "shimmer_local"}:
        found |= _cycles(sound, pitch)
    if train and wanted & set(TRAIN_MEASURES):
        found |= rhythm(*syllable_times(sound, pitch))
    return {name: found.get(name, np.nan) for name in settings.measures}


def _cycles(sound: parselmouth.Sound, pitch: parselmouth.Pitch) -> dict[str, float]:
    cycles = call([sound, pitch], "To PointProcess (cc)")  # `To PointProcess (periodic, cc)` finds this pitch again
    neighbours = (_SHORTEST_PERIOD_S, _LONGEST_PERIOD_S, _PERIOD_RATIO)
    return {
        "jitter_local": call(cycles, "Get jitter (local)", 0, 0, *neighbours),
        "shimmer_local": call([sound, cycles], "Get shimmer (local)", 0, 0, *neighbours, _AMPLITUDE_RATIO),
    }


def syllable_times(sound: parselmouth.Sound, pitch: parselmouth.Pitch) -> tuple[np.ndarray, np.ndarray]:
    """When each syllable of a train begins, shape (n,), seconds; and whether a pause precedes it, shape (n,), bool.

    A syllable is a voiced peak of the intensity, above all silence (25 dB below the 99th percentile) and at least 4 dB
    above the dips beside it; a pause is a silence of 0.3 s. Source: de Jong and Wempe 2009, Behavior Research Methods
    41. The peak of a flat vowel lies anywhere in it, so a syllable is timed where the intensity has risen half-way from
    the dip to the peak: the beat of Cummins and Port 1998, J Phonetics 26.
    """
    track = call(sound, "To Intensity", _INTENSITY_PITCH_HZ, _INTENSITY_STEP_S, "yes")
    intensity_db, times_s = track.as_array()[0], track.xs()
    silence_db = np.quantile(intensity_db, _ALMOST_MAXIMUM) - _SILENCE_DB
    peaks, _ = find_peaks(intensity_db, height=silence_db, prominence=_DIP_DB)
    voiced_s = pitch.xs()[pitch.selected_array["frequency"] > 0]
    peaks = [peak for peak in peaks if np.min(np.abs(voiced_s - times_s[peak]), initial=np.inf) <= _VOICED_WITHIN_S]
    floored_db = np.maximum(intensity_db, silence_db - _DIP_DB)
    begun_s, after_pause = [], []
    for before, peak in pairwise([0, *peaks]):
        half_db = (floored_db[before:peak].min() + floored_db[peak]) / 2
        last = before + int(np.flatnonzero(floored_db[before:peak] < half_db)[-1])
        rise = slice(last, last + 2)
        begun_s.append(float(np.interp(half_db, floored_db[rise], times_s[rise])))
        after_pause.append(_longest_run(intensity_db[before:peak] < silence_db) * _INTENSITY_STEP_S >= _PAUSE_S)
    return np.array(begun_s), np.array(after_pause, dtype=bool)


def _longest_run(values: np.ndarray) -> int:
    """How many true values stand together at most."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], values, [False]]).astype(int)))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


def rhythm(begun_s: np.ndarray, after_pause: np.ndarray) -> dict[str, float]:
    """Syllables a second, and the coefficient of variation of the intervals between them; pauses are left out.

    begun_s: shape (n,), seconds, rising. after_pause: shape (n,), bool. NaN where fewer than two intervals are left.
    """
    intervals_s = np.diff(begun_s)[~after_pause[1:]]
    if len(intervals_s) < 2:
        return dict.fromkeys(TRAIN_MEASURES, np.nan)
    rate, irregularity = 1 / intervals_s.mean(), intervals_s.std(ddof=1) / intervals_s.mean()
    return dict(zip(TRAIN_MEASURES, (float(rate), float(irregularity)), strict=True))


def agreement(features: pd.DataFrame, released: pd.DataFrame) -> pd.DataFrame:
    """Our values beside a release's own, one row per column of the release that we have audio for.

    features: subject_id, task and any of MEASURES, one row per recording. released: subject_id and columns such as
    `localJitter_PA`; NaN: not recorded. Returns column, measure, task, n, pearson, spearman, the median of
    (ours - theirs) / theirs, and the median of its absolute value; NaN where n is below FEWEST_COMPARED, or for a
    correlation where all values of a side are the same.
    """
    compared = []
    by_subject = released.set_index("subject_id")
    for task, rows in features.groupby("task", sort=True):
        ours_of = rows.set_index("subject_id")
        for measure_name, released_name in VOICE_MEASURES.items():
            column = f"{released_name}_{task}"
            if column in by_subject and measure_name in ours_of:
                pairs = pd.concat([ours_of[measure_name], by_subject[column]], axis=1, join="inner").dropna()
                found = {"column": column, "measure": measure_name, "task": task, "n": len(pairs)}
                compared.append(found | _agreement(*pairs.to_numpy(dtype=float).T))
    return pd.DataFrame(compared, columns=["column", "measure", "task", "n", *AGREEMENT])


def _agreement(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    if len(ours) < FEWEST_COMPARED:
        return dict.fromkeys(AGREEMENT, np.nan)
    varied = np.ptp(ours) > 0 and np.ptp(theirs) > 0
    relative = (ours - theirs)[theirs != 0] / np.abs(theirs[theirs != 0])
    found = (
        float(stats.pearsonr(ours, theirs).statistic) if varied else np.nan,
        float(stats.spearmanr(ours, theirs).statistic) if varied else np.nan,
        float(np.median(relative)) if relative.size else np.nan,
        float(np.median(np.abs(relative))) if relative.size else np.nan,
    )
    return dict(zip(AGREEMENT, found, strict=True))
