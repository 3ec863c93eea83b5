"""Voice measures for a voice model: seven by `praat` from the recording as released, the others from a prepared one.

Each measure stands in MEASURES with its unit, definition and source; docs/voice_measures.md is written from it by
`python -m bulbar.features.voice_measures docs/voice_measures.md`. No measure depends on the recording's absolute level
or on a constant offset: microphones and their distance differ between clinics.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd
import parselmouth
from parselmouth.praat import call
from scipy import signal

from bulbar.core.atomic_write import write_text
from bulbar.core.markdown import markdown_table
from bulbar.core.names import SYLLABLES, VOWELS
from bulbar.features import audio, cepstra, praat, voice_signal
from bulbar.features.voice_signal import STEP_S, VoiceSignal, mean_square

Tasks = Literal["all", "vowels", "trains"]
"""Tasks in which a measure is defined."""


@dataclass(frozen=True)
class Measure:
    """What a column of data/acoustic/features.csv is."""

    unit: str
    definition: str
    source: str
    tasks: Tasks


_MANUAL = 'Boersma and Weenink, Praat manual, "Voice"'
_BOERSMA = "Boersma 1993, Proc Inst Phonetic Sciences 17"
_BRUECKL = "Brückl 2012, Interspeech"
_HILLENBRAND = "Hillenbrand and Houde 1996, J Speech Hear Res 39"
_MERMELSTEIN = "Davis and Mermelstein 1980, IEEE Trans ASSP 28"
_WEISMER = "Weismer et al. 1992, JASA 91"
_KENT = "Kent and Kim 2003, Clin Linguist Phon 17"
_STEVENS = "Stevens and Blumstein 1978, JASA 64"
_OWN = "own definition"

_RAW: Mapping[str, Measure] = {
    "mean_f0_hz": Measure("Hz", "mean F0 over voiced frames (`To Pitch`)", _BOERSMA, "all"),
    "sd_f0_hz": Measure("Hz", "standard deviation of F0 over voiced frames (`To Pitch`)", _BOERSMA, "all"),
    "hnr_db": Measure("dB", "mean harmonics-to-noise ratio (`To Harmonicity (cc)`)", _BOERSMA, "all"),
    "jitter_local": Measure("share", "mean difference of neighbouring periods over the mean period", _MANUAL, "all"),
    "shimmer_local": Measure("share", "mean difference of neighbouring amplitudes over their mean", _MANUAL, "all"),
    "syllable_rate_hz": Measure(
        "Hz", "syllables a second, pauses left out", "de Jong and Wempe 2009, Behav Res Methods 41", "trains"
    ),
    "syllable_irregularity": Measure(
        "share", "coefficient of variation of the intervals between syllables", "Cummins and Port 1998, J Phonetics 26",
        "trains",
    ),
}  # fmt: skip

_PITCH: Mapping[str, Measure] = {
    "f0_mean_semitones": Measure("semitones re 100 Hz", "mean of F0 (`To Pitch (cc)`)", _BOERSMA, "all"),
    "f0_mad_semitones": Measure("semitones", "median absolute deviation of F0 from its median", _BOERSMA, "all"),
    "f0_iqr_semitones": Measure("semitones", "interquartile range of F0", _BOERSMA, "all"),
    "f0_range_semitones": Measure("semitones", "F0 from the 5th to the 95th percentile", _BOERSMA, "all"),
    "voice_breaks_per_s": Measure("1/s", "gaps between glottal pulses longer than 1.25 / 70 Hz", _MANUAL, "vowels"),
    "voice_break_share": Measure("share", "duration of these gaps over the whole", _MANUAL, "vowels"),
    "jitter_ppq5": Measure("share", "period from the mean of five around it, over the mean period", _MANUAL, "all"),
    "jitter_ddp": Measure("share", "difference of neighbouring differences of periods, over the mean", _MANUAL, "all"),
    "shimmer_apq5": Measure("share", "amplitude from the mean of five around it, over the mean", _MANUAL, "all"),
    "shimmer_apq11": Measure("share", "amplitude from the mean of eleven around it, over the mean", _MANUAL, "all"),
}

_TREMOR: Mapping[str, Measure] = {
    "f0_tremor_semitones": Measure("semitones", "amplitude of F0's modulation at 3 to 12 Hz", _BRUECKL, "vowels"),
    "f0_tremor_hz": Measure("Hz", "frequency of the strongest modulation of F0 at 3 to 12 Hz", _BRUECKL, "vowels"),
    "level_tremor_db": Measure("dB", "amplitude of the level's modulation at 3 to 12 Hz", _BRUECKL, "vowels"),
    "level_tremor_hz": Measure("Hz", "frequency of the strongest modulation of the level", _BRUECKL, "vowels"),
}

_FORMANTS: Mapping[str, Measure] = {
    "f1_median_hz": Measure("Hz", "median of F1 over voiced frames", _WEISMER, "all"),
    "f1_iqr_hz": Measure("Hz", "interquartile range of F1", _WEISMER, "all"),
    "f2_median_hz": Measure("Hz", "median of F2 over voiced frames", _WEISMER, "all"),
    "f2_iqr_hz": Measure("Hz", "interquartile range of F2", _WEISMER, "all"),
    "f2_f1_ratio": Measure("ratio", "median of F2 over median of F1", _WEISMER, "all"),
}

_CEPSTRA: Mapping[str, Measure] = {
    "cpps_db": Measure(
        "dB", "smoothed cepstral peak prominence", _HILLENBRAND, "all"
    ),
    **{
        f"mfcc_{number}_{statistic}_db": Measure(
            "dB", f"{words} of mel cepstral coefficient {number}, loud frames", _MERMELSTEIN, "all"
        )
        for statistic, words in (("mean", "mean"), ("sd", "standard deviation"))
        for number in range(1, cepstra.MFCC_COEFFICIENTS + 1)
    },
}  # fmt: skip

_LEVEL: Mapping[str, Measure] = {
    "level_decay_db_per_s": Measure(
        "dB/s", "fall of a least-squares line through the level of loud frames", _OWN, "vowels"
    ),
}

_TRAIN: Mapping[str, Measure] = {
    "syllable_duty_cycle": Measure(
        "share", "share of the time within 6 dB of the syllable's own peak, mean over syllables", _KENT, "trains"
    ),
    "syllable_level_decay_db_per_s": Measure("dB/s", "fall of a line through the syllables' peaks", _KENT, "trains"),
    "burst_level_db": Measure(
        "dB", "release above 1 kHz, before voicing, against the syllable's peak there; median", _STEVENS, "trains"
    ),
    "burst_decay_db_per_s": Measure("dB/s", "fall of a line through the bursts' levels", _STEVENS, "trains"),
}

MEASURES: Mapping[str, Measure] = MappingProxyType(
    {**_RAW, **_PITCH, **_TREMOR, **_FORMANTS, **_CEPSTRA, **_LEVEL, **_TRAIN}
)
"""Every measure by name, in the order of the columns; the seven of `praat.MEASURES` first."""

FAMILIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "classic seven": tuple(_RAW),
        "pitch, jitter, shimmer": tuple(_PITCH),
        "tremor": tuple(_TREMOR),
        "formants": tuple(_FORMANTS),
        "cepstra": tuple(_CEPSTRA),
        "level": tuple(_LEVEL),
        "syllables": tuple(_TRAIN),
    }
)
"""The measures of each family, as importance is reported."""

TRACT_MEASURES = ("f1_median_hz", "f2_median_hz", "f3_median_hz", "formant_dispersion_hz")
MFCC_MEANS = tuple(f"mfcc_{number}_mean_db" for number in range(1, cepstra.MFCC_COEFFICIENTS + 1))
"""With TRACT_MEASURES, what `timbre` measures."""

F0_SPREAD = ("f0_mad_semitones", "f0_iqr_semitones", "f0_range_semitones")
"""Measures of how much F0 varies."""

# `To Pitch (cc)`: Praat's standard settings, but for step and range.
_PITCH_FLOOR_HZ, _PITCH_CEILING_HZ = 70.0, 500.0
_CANDIDATES, _VERY_ACCURATE = 15, "no"
_SILENCE, _VOICING, _OCTAVE_COST, _OCTAVE_JUMP_COST, _VOICED_UNVOICED_COST = 0.03, 0.45, 0.01, 0.35, 0.14
_FEWEST_VOICED = 10  # frames, 0.1 s
_SEMITONE_REFERENCE_HZ = 100.0

# Jitter, shimmer and the voice report: Praat's standard settings.
_NEIGHBOURS = (0.0001, 0.02, 1.3)  # shortest and longest period in seconds, their largest ratio
_AMPLITUDE_RATIO = 1.6

# `To Formant (burg)`. Praat's manual ("Sound: To Formant (burg)...") looks for five formants below 5000 Hz in men and
# 5500 Hz in women: 4.0 and 3.6 below 4000 Hz, the band of a recording at 8 kHz. With four, F2 of the phantom's women
# is 1000 Hz for 2500; with 3.5 (seven poles) that of both sexes is right within 10 %.
_FORMANT_STEP_S, _FORMANTS_LOOKED_FOR, _FORMANT_CEILING_HZ = 0.02, 3.5, 4000.0
_FORMANT_WINDOW_S, _FORMANT_PRE_EMPHASIS_HZ = 0.025, 50.0

_TREMOR_HZ = (3.0, 12.0)
_TREMOR_WINDOW_S, _TREMOR_LINES = 2.56, 1024  # Welch: lines of 0.1 Hz from windows of 2.56 s
_TREMOR_SHORTEST_S = 1.0  # three cycles at 3 Hz
_TREMOR_VOICED_SHARE = 0.5
_DECAY_SHORTEST_S = 1.0

_DUTY_DB = 6.0
_FEWEST_SYLLABLES = 3
_BURST_STEP_S, _BURST_WINDOW_S, _VOICING_WINDOW_S = 0.001, 0.005, 0.02
_BURST_FROM_HZ, _VOICING_TO_HZ, _BAND_ORDER = 1000.0, 500.0, 4
_BURST_SEARCH_S = (-0.040, -0.005)  # before the onset of voicing: lags reach 25 ms
_VOICING_SEARCH_S = (-0.03, 0.10)  # around the rise of the intensity
_VOICING_RISE_DB = 30.0


def measure_file(path: str | Path, task: str, settings: praat.Settings) -> dict[str, float]:
    """Every measure of one recording, its channels averaged; see `measure`.

    Parameters
    ----------
    path : str or Path
        Any recording that soundfile reads.
    task : str
        Of `names.TASKS`; the SYLLABLES are trains.
    settings : praat.Settings
        Pitch range of the seven.

    Returns
    -------
    dict of str to float
    """
    samples, sample_rate_hz = audio.read(path)
    return measure(audio.to_mono(samples), sample_rate_hz, settings, train=task in SYLLABLES)


def measure(samples: np.ndarray, sample_rate_hz: int, settings: praat.Settings, *, train: bool) -> dict[str, float]:
    """Every one of MEASURES, NaN where it is not defined.

    Parameters
    ----------
    samples : array, shape (n,), float
        Mono signal as released.
    sample_rate_hz : int
        From 8000 on.
    settings : praat.Settings
        Pitch range of the seven; its subset of measures is not looked at.
    train : bool
        Whether it is a syllable train; other measures are defined for it than for a vowel.

    Returns
    -------
    dict of str to float
        In the order of MEASURES. Without a voice, or too short for one, all are NaN.

    Notes
    -----
    The seven are measured on the recording as released (see `praat.measure`), the others on what
    `voice_signal.prepare` leaves; those of the spectrum at 8 kHz whatever the recording's rate.
    """
    found = praat.measure(
        samples, sample_rate_hz, settings.model_copy(update={"measures": praat.MEASURES}), train=train
    )
    prepared = voice_signal.prepare(samples, sample_rate_hz, train=train)
    if prepared is not None:
        found |= _prepared_measures(prepared, train=train)
    return {name: float(found.get(name, np.nan)) for name in MEASURES}


def timbre_file(path: str | Path, task: str) -> dict[str, float]:
    """Formants and mean MFCCs of one recording, its channels averaged; see `timbre`.

    Parameters
    ----------
    path : str or Path
        Any recording that soundfile reads.
    task : str
        Of sustained VOWELS 0.25 s are cut off both ends.
    """
    samples, sample_rate_hz = audio.read(path)
    return timbre(audio.to_mono(samples), sample_rate_hz, vowel=task in VOWELS)


def timbre(samples: np.ndarray, sample_rate_hz: int, *, vowel: bool) -> dict[str, float]:
    """What a voice carries beside its pitch: TRACT_MEASURES and MFCC_MEANS.

    Parameters
    ----------
    samples : array, shape (n,), float
        Mono signal as released.
    sample_rate_hz : int
        From 8000 on.
    vowel : bool
        Whether it is one sustained vowel; of anything else, such as a sentence, both ends are used.

    Returns
    -------
    dict of str to float
        Medians of F1, F2 and F3 over voiced frames and the formant dispersion (F3 - F1) / 2, the mean distance of
        neighbours, in Hz; means of the mel cepstral coefficients 1 to 12 over loud frames, in dB. NaN where not
        defined.

    Notes
    -----
    The longer a vocal tract, the closer its formants. Source of the dispersion: Fitch 1997, JASA 102.
    """
    found = dict.fromkeys((*TRACT_MEASURES, *MFCC_MEANS), np.nan)
    prepared = voice_signal.prepare(samples, sample_rate_hz, train=not vowel)
    if prepared is None:
        return found
    sound = parselmouth.Sound(prepared.samples, prepared.sample_rate_hz)
    pitch = _pitch(sound)
    if np.count_nonzero(pitch.selected_array["frequency"]) < _FEWEST_VOICED:
        return found
    formants = _voiced_formants_hz(sound, pitch, count=3)
    first, second, third = (float(np.median(values)) if values.size else np.nan for values in formants)
    means = _loud_mfcc_db(prepared.narrow()).mean(axis=1).tolist()
    values = (first, second, third, (third - first) / 2, *means)
    return dict(zip(found, values, strict=True))


def _prepared_measures(voice: VoiceSignal, *, train: bool) -> dict[str, float]:
    sound = parselmouth.Sound(voice.samples, voice.sample_rate_hz)
    pitch = _pitch(sound)
    f0_hz = pitch.selected_array["frequency"]
    if np.count_nonzero(f0_hz) < _FEWEST_VOICED:
        return {}
    cycles = call([sound, pitch], "To PointProcess (cc)")
    narrow = voice.narrow()
    found = _f0(f0_hz) | _perturbation(sound, cycles) | _formants(sound, pitch) | _cepstral(narrow)
    if train:
        return found | _syllables(narrow, sound, pitch)
    return found | _breaks(sound, pitch, cycles) | _f0_tremor(pitch) | _level_tremor(voice) | _level_decay(voice)


def _pitch(sound: parselmouth.Sound) -> parselmouth.Pitch:
    return call(
        sound, "To Pitch (cc)", STEP_S, _PITCH_FLOOR_HZ, _CANDIDATES, _VERY_ACCURATE, _SILENCE, _VOICING, _OCTAVE_COST,
        _OCTAVE_JUMP_COST, _VOICED_UNVOICED_COST, _PITCH_CEILING_HZ,
    )  # fmt: skip


def _semitones(f0_hz: np.ndarray) -> np.ndarray:
    return 12 * np.log2(f0_hz / _SEMITONE_REFERENCE_HZ)


def _f0(f0_hz: np.ndarray) -> dict[str, float]:
    """Of a track with zeros where nothing is voiced."""
    semitones = _semitones(f0_hz[f0_hz > 0])
    low, first, median, third, high = np.quantile(semitones, [0.05, 0.25, 0.5, 0.75, 0.95])
    return {
        "f0_mean_semitones": semitones.mean(),
        "f0_mad_semitones": np.median(np.abs(semitones - median)),
        "f0_iqr_semitones": third - first,
        "f0_range_semitones": high - low,
    }


def _perturbation(sound: parselmouth.Sound, cycles: parselmouth.Data) -> dict[str, float]:
    return {
        "jitter_ppq5": call(cycles, "Get jitter (ppq5)", 0, 0, *_NEIGHBOURS),
        "jitter_ddp": call(cycles, "Get jitter (ddp)", 0, 0, *_NEIGHBOURS),
        "shimmer_apq5": call([sound, cycles], "Get shimmer (apq5)", 0, 0, *_NEIGHBOURS, _AMPLITUDE_RATIO),
        "shimmer_apq11": call([sound, cycles], "Get shimmer (apq11)", 0, 0, *_NEIGHBOURS, _AMPLITUDE_RATIO),
    }


def _breaks(sound: parselmouth.Sound, pitch: parselmouth.Pitch, cycles: parselmouth.Data) -> dict[str, float]:
    """Number and total duration of the breaks, of Praat's voice report: it has no other query for them."""
    report = call(
        [sound, pitch, cycles], "Voice report", 0, sound.duration, _PITCH_FLOOR_HZ, _PITCH_CEILING_HZ, _NEIGHBOURS[2],
        _AMPLITUDE_RATIO, _SILENCE, _VOICING,
    )  # fmt: skip
    number = re.search(r"Number of voice breaks: (\d+)", report)
    lasting_s = re.search(r"Degree of voice breaks: .*\(([\d.eE+-]+) seconds", report)
    if number is None or lasting_s is None:
        return {}
    return {
        "voice_breaks_per_s": int(number[1]) / sound.duration,
        "voice_break_share": float(lasting_s[1]) / sound.duration,
    }


def _modulation(track: np.ndarray) -> tuple[float, float]:
    """Amplitude of a sine with the modulation's power at 3 to 12 Hz, and the frequency of its strongest line.

    track: shape (t,), a value each STEP_S.
    """
    window = min(len(track), round(_TREMOR_WINDOW_S / STEP_S))
    frequencies_hz, density = signal.welch(
        track, 1 / STEP_S, nperseg=window, nfft=_TREMOR_LINES, detrend="linear", scaling="density"
    )
    inside = (frequencies_hz >= _TREMOR_HZ[0]) & (frequencies_hz <= _TREMOR_HZ[1])
    power = density[inside].sum() * frequencies_hz[1]
    return float(np.sqrt(2 * power)), float(frequencies_hz[inside][density[inside].argmax()])


def _f0_tremor(pitch: parselmouth.Pitch) -> dict[str, float]:
    """From the first to the last voiced frame, what is not voiced interpolated."""
    f0_hz = pitch.selected_array["frequency"]
    voiced = np.flatnonzero(f0_hz)
    frames = np.arange(voiced[0], voiced[-1] + 1)
    if len(frames) * STEP_S < _TREMOR_SHORTEST_S or len(voiced) < _TREMOR_VOICED_SHARE * len(frames):
        return {}
    depth, rate_hz = _modulation(np.interp(frames, voiced, _semitones(f0_hz[voiced])))
    return {"f0_tremor_semitones": depth, "f0_tremor_hz": rate_hz}


def _level_tremor(voice: VoiceSignal) -> dict[str, float]:
    frames, loud = np.arange(len(voice.level_db)), np.flatnonzero(voice.loud)
    if len(frames) * STEP_S < _TREMOR_SHORTEST_S or len(loud) < _TREMOR_VOICED_SHARE * len(frames):
        return {}
    depth_db, rate_hz = _modulation(np.interp(frames, loud, voice.level_db[loud]))
    return {"level_tremor_db": depth_db, "level_tremor_hz": rate_hz}


def _level_decay(voice: VoiceSignal) -> dict[str, float]:
    times_s, level_db = voice.times_s[voice.loud], voice.level_db[voice.loud]
    return {} if np.ptp(times_s) < _DECAY_SHORTEST_S else {"level_decay_db_per_s": _fall(times_s, level_db)}


def _fall(times_s: np.ndarray, values: np.ndarray) -> float:
    """How much a least-squares line falls a second."""
    around = times_s - times_s.mean()
    return float(-np.sum(around * values) / np.sum(around**2))


def _formants(sound: parselmouth.Sound, pitch: parselmouth.Pitch) -> dict[str, float]:
    """Median and spread of F1 and F2 over voiced frames."""
    found: dict[str, float] = {}
    for number, values in enumerate(_voiced_formants_hz(sound, pitch, count=2), start=1):
        if not values.size:
            return {}
        first, median, third = np.quantile(values, [0.25, 0.5, 0.75])
        found |= {f"f{number}_median_hz": median, f"f{number}_iqr_hz": third - first}
    return found | {"f2_f1_ratio": found["f2_median_hz"] / found["f1_median_hz"]}


def _voiced_formants_hz(sound: parselmouth.Sound, pitch: parselmouth.Pitch, count: int) -> list[np.ndarray]:
    """F1 and so on in the voiced frames that have them; Praat itself resamples to twice the ceiling."""
    track = call(
        sound, "To Formant (burg)", _FORMANT_STEP_S, _FORMANTS_LOOKED_FOR, _FORMANT_CEILING_HZ, _FORMANT_WINDOW_S,
        _FORMANT_PRE_EMPHASIS_HZ,
    )  # fmt: skip
    nearest = np.rint((track.xs() - pitch.t1) / pitch.dt).astype(int).clip(0, pitch.n_frames - 1)
    voiced = pitch.selected_array["frequency"][nearest] > 0
    tracks = [call(track, "To Matrix", number).as_array()[0] for number in range(1, count + 1)]
    return [values[voiced & (values > 0)] for values in tracks]


def _cepstral(narrow: VoiceSignal) -> dict[str, float]:
    """CPPS of all frames, MFCCs of the loud ones."""
    numbered = list(enumerate(_loud_mfcc_db(narrow), start=1))
    return {
        "cpps_db": cepstra.cpps_db(narrow.samples, narrow.sample_rate_hz),
        **{f"mfcc_{number}_mean_db": track.mean() for number, track in numbered},
        **{f"mfcc_{number}_sd_db": track.std(ddof=1) for number, track in numbered},
    }


def _loud_mfcc_db(narrow: VoiceSignal) -> np.ndarray:
    """MFCCs of the loud frames, shape (12, t): in a closure they are the microphone's noise."""
    coefficients = cepstra.mfcc_db(narrow.samples, narrow.sample_rate_hz)
    centres = np.arange(coefficients.shape[1]) + cepstra.MFCC_WINDOW_S / STEP_S / 2
    return coefficients[:, narrow.loud[centres.astype(int).clip(0, len(narrow.loud) - 1)]]


def _syllables(narrow: VoiceSignal, sound: parselmouth.Sound, pitch: parselmouth.Pitch) -> dict[str, float]:
    """Duty cycle, decay and bursts of a train."""
    begun_s, after_pause = praat.syllable_times(sound, pitch)
    if len(begun_s) < _FEWEST_SYLLABLES:
        return {}
    edges = np.rint(begun_s / STEP_S).astype(int).clip(0, len(narrow.level_db))
    shares, peaks_db = [], []
    for (first, last), paused in zip(pairwise(edges), after_pause[1:], strict=True):
        level_db = narrow.level_db[first:last]
        peaks_db.append(level_db.max())
        if not paused:
            shares.append(np.mean(level_db > level_db.max() - _DUTY_DB))
    bursts_db = _bursts_db(narrow, begun_s)
    return {
        "syllable_duty_cycle": np.mean(shares) if shares else np.nan,
        "syllable_level_decay_db_per_s": _fall(begun_s[:-1], np.array(peaks_db)),
        "burst_level_db": np.median(bursts_db),
        "burst_decay_db_per_s": _fall(begun_s, bursts_db),
    }


def _bursts_db(narrow: VoiceSignal, begun_s: np.ndarray) -> np.ndarray:
    """Of each syllable, the highest level above 1 kHz before voicing, dB below the highest after it."""
    low, high = (
        _band_level_db(narrow, _VOICING_TO_HZ, "lowpass", _VOICING_WINDOW_S),
        _band_level_db(narrow, _BURST_FROM_HZ, "highpass", _BURST_WINDOW_S),
    )
    before, after = (round(edge_s / _BURST_STEP_S) for edge_s in _BURST_SEARCH_S)
    levels_db = []
    for begun in np.rint(begun_s / _BURST_STEP_S).astype(int):
        around = slice(*(max(begun + round(edge_s / _BURST_STEP_S), 0) for edge_s in _VOICING_SEARCH_S))
        onset = around.start + _rise(low[around])
        burst_db = high[max(onset + before, 0) : max(onset + after, 1)].max()
        levels_db.append(burst_db - high[onset : around.stop].max())
    return np.array(levels_db)


def _rise(level_db: np.ndarray) -> int:
    """Where a level rises half-way to its peak for the last time before it."""
    peak = int(level_db.argmax())
    half_db = (max(level_db[: peak + 1].min(), level_db[peak] - _VOICING_RISE_DB) + level_db[peak]) / 2
    below = np.flatnonzero(level_db[:peak] < half_db)
    return int(below[-1]) + 1 if below.size else 0


def _band_level_db(narrow: VoiceSignal, edge_hz: float, side: str, window_s: float) -> np.ndarray:
    """The level of a band, each _BURST_STEP_S."""
    sections = signal.butter(_BAND_ORDER, edge_hz, side, fs=narrow.sample_rate_hz, output="sos")
    power = mean_square(
        signal.sosfiltfilt(sections, narrow.samples), narrow.sample_rate_hz, window_s=window_s, step_s=_BURST_STEP_S
    )
    return 10 * np.log10(np.maximum(power, power.max() * 1e-12))


_PAGE = """\
# Voice measures

What the stage `acoustic` writes to `data/acoustic/features.csv`, one row per recording. This table is written by
`make docs` from `bulbar/features/voice_measures.py`, whose constants hold every setting.

The first seven are measured on the recording as released, with Praat's pitch range of `acoustic` in `params.yaml`: the
VOC-ALS release publishes five of them. The others are measured on a prepared recording: digital zeros at the edges
stripped, high-passed at 40 Hz, cut to its main segment (frames within 25 dB of the 90th percentile, gaps of up to 1 s
inside), 0.25 s cut off both ends of a vowel. Formants, cepstra and bursts are measured at 8 kHz whatever the
recording's rate, so they compare between recorders. No measure depends on the absolute level.

A cell is empty where a measure is not defined: nothing is voiced, too little is left, or the task is another.

"""


def page() -> str:
    """docs/voice_measures.md: what each measure is."""
    rows = [
        {"name": f"`{name}`", **{key: getattr(of, key) for key in ("unit", "definition", "tasks", "source")}}
        for name, of in MEASURES.items()
    ]
    return _PAGE + markdown_table(pd.DataFrame(rows))


if __name__ == "__main__":
    write_text(page(), sys.argv[1])
