"""Probe: mel bands above a recording's bandwidth contain no voice. Do their extent and content predict the label?

These bands contain 16-bit rounding noise, clicks where silence was cut out, and spectral leakage. The image is relative
to the recording's own maximum, so this noise is brighter in quieter recordings: a network that uses these bands learns
how loud people were recorded.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bulbar.audit.finding import Finding, p_of_shuffles, verdict_of
from bulbar.core.digests import seed_of
from bulbar.core.disclosure import FEWEST_SHOWN
from bulbar.core.markdown import with_interval
from bulbar.features import spectrogram
from bulbar.scoring import intervals, metrics
from bulbar.scoring.metrics import roc_auc_within_folds

_ROWS_AT_ONCE = 64

IN_WORDS = {"leak": "predicts", "suspect": "may predict", "clear": "does not predict"}


def level_db(images: np.ndarray, dead: np.ndarray, floor_db: float = -80.0) -> np.ndarray:
    """Mean level of the dead bands of each image, in dB relative to the recording's maximum.

    Parameters
    ----------
    images : array, shape (n, mel, frame), in [0, 1]
        Mel images: 1 is the recording's maximum, 0 is `floor_db`. May be memory-mapped; read in blocks.
    dead : bool array, shape (n, mel)
        The dead bands, from `spectrogram.dead_bands`.
    floor_db : float < 0
        Level of a pixel of value 0.

    Returns
    -------
    array, shape (n,)
        In dB; NaN if an image has no dead band.

    Notes
    -----
    The mean includes the pixels at the floor. So it follows the rounding noise in both cases: if most pixels are at the
    floor, and if the noise fills every pixel. The share of pixels above the floor would be 1 for everyone in the second
    case.
    """
    means = np.full(len(images), np.nan)
    for start in range(0, len(images), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        of_band = np.mean(images[some], axis=2, dtype=float)
        bands = dead[some].sum(axis=1)
        has = bands > 0
        means[some][has] = (of_band * dead[some]).sum(axis=1)[has] / bands[has]
    return floor_db * (1 - means)


def probe(
    conditions: pd.DataFrame,
    labels: pd.Series,
    images: np.ndarray,
    recording_ids: Sequence[str],
    settings: spectrogram.Settings,
    *,
    shuffles: int = 999,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> list[Finding]:
    """Test whether the extent of the dead bands (`sources`) and their content (`content`) predict the label.

    Parameters
    ----------
    conditions : DataFrame
        recording_id, subject_id and bandwidth_hz (highest frequency that the image can show) of each released
        recording. Recordings without an image are ignored.
    labels : Series
        1 or 0, indexed by subject_id.
    images : array, shape (n, mel, frame)
        Mel images.
    recording_ids : sequence of str, length n
        Recording of each image; with `segments` a recording has several images.
    settings : spectrogram.Settings
        How the images were made.
    shuffles, draws, level, seed
        Number of label shuffles, number of bootstrap draws, confidence level, random seed.

    Returns
    -------
    list of Finding
        `sources`: the share of bands that begin above the bandwidth. `content`: `level_db` of these bands, for the
        recordings that have any; omitted if a class has fewer than five such subjects. Both are means over a subject's
        recordings. Empty for `mfcc`, because a coefficient spans all bands.

    Notes
    -----
    The verdict is based on the AUC of the share or level itself, in the direction that gives an AUC above 0.5; the
    AUCs of the shuffles are treated in the same way.
    """
    if settings.representation != "mel":
        return []
    by_recording = conditions.set_index("recording_id").loc[list(dict.fromkeys(recording_ids))]
    subjects = by_recording["subject_id"]
    dead = pd.DataFrame(spectrogram.dead_bands(by_recording["bandwidth_hz"].to_numpy(), settings), subjects.index)
    levels = level_db(images, dead.loc[list(recording_ids)].to_numpy(), settings.floor_db)
    of_content = pd.Series(levels).groupby(list(recording_ids)).mean().dropna()

    drawing: dict[str, Any] = {"shuffles": shuffles, "draws": draws, "level": level}
    share = dead.mean(axis=1).groupby(subjects).mean().round(9)
    findings = [_of_sources(share, labels, seed=seed_of(seed, "dead_bands/sources"), **drawing)]
    content = of_content.groupby(subjects.loc[of_content.index]).mean().round(6)
    counts = labels.loc[content.index].value_counts()
    if len(counts) == 2 and counts.min() >= FEWEST_SHOWN:
        findings.append(_of_content(content, labels, seed=seed_of(seed, "dead_bands/content"), **drawing))
    return findings


def _predicted(
    of_subject: pd.Series, labels: pd.Series, *, shuffles: int, draws: int, level: float, seed: int
) -> tuple[dict[str, Any], dict[str, float | None]]:
    """How well one number per subject predicts the label, as fields of a Finding, and the mean of each group.

    The means are None if a group has fewer than five subjects.
    """
    label, values = labels.loc[of_subject.index].to_numpy(), of_subject.to_numpy()
    table = pd.DataFrame({"subject_id": of_subject.index, "fold": 1, "label": label, "probability": values})
    if metrics.roc_auc(label, values) < 0.5:
        table["probability"] = -values  # the controls have higher values
    auc = metrics.roc_auc(label, table["probability"])
    low, high = intervals.intervals(table, draws=draws, level=level, seed=seed)["roc_auc_pooled"]
    shuffled = np.random.default_rng(seed).permuted(np.tile(label, (shuffles, 1)), axis=1)
    by_chance = roc_auc_within_folds(shuffled.T, values[:, np.newaxis], np.ones(len(values)))
    p = p_of_shuffles(auc, np.maximum(by_chance, 1 - by_chance))
    shown = min(np.sum(label == 1), np.sum(label == 0)) >= FEWEST_SHOWN
    groups = {"positive": label == 1, "negative": label == 0}
    means = {name: float(values[group].mean()) if shown else None for name, group in groups.items()}
    return {"value": auc, "low": low, "high": high, "p": p, "verdict": verdict_of(low, p)}, means


def _of_sources(share: pd.Series, labels: pd.Series, **drawing: Any) -> Finding:
    """The share of dead bands, with its interval over subjects."""
    alone, means = _predicted(share, labels, **drawing)
    label = labels.loc[share.index].to_numpy()
    drawn = intervals.drawn_subjects(label, draws=drawing["draws"], seed=drawing["seed"])
    shares = drawn @ share.to_numpy() / drawn.sum(axis=1)
    low, high = intervals.percentiles(shares, drawing["level"], subjects=intervals.smaller_class(label))
    value, auc, p = float(share.mean()), alone["value"], alone["p"]
    what = f"{100 * value:.1f} % of the mel bands begin above the highest frequency in their recording"
    if low == high and auc == 0.5:
        sentence = f"{what}, the same in everyone: their extent does not predict the label."
    else:
        if means["positive"] is not None and means["negative"] is not None:
            positive, negative = 100 * means["positive"], 100 * means["negative"]
            what += f": {positive:.1f} % in the positive group, {negative:.1f} % in the other"
        sentence = f"{what}. That share alone {IN_WORDS[alone['verdict']]} the label: AUC {auc:.2f}, p {p:.3f}."
    details = {"auc": auc, "auc_low": alone["low"], "auc_high": alone["high"]}
    return Finding(
        probe="dead_bands",
        of="sources",
        figure="share of the image without voice",
        sentence=sentence,
        details={**details, "subjects": len(share), "mean_share": means},
        **{**alone, "value": value, "low": low, "high": high},
    )


def _of_content(levels: pd.Series, labels: pd.Series, **drawing: Any) -> Finding:
    """The content of the dead bands: AUC of its level."""
    alone, means = _predicted(levels, labels, **drawing)
    auc = with_interval(alone["value"], alone["low"], alone["high"])
    what = "The bands above each recording's bandwidth contain"
    sentence = (
        f"{what} no voice, only noise: their mean level, relative to the recording's loudest pixel, is"
        f" {means['positive']:.1f} dB in the positive group and {means['negative']:.1f} dB in the other. That level"
        f" alone {IN_WORDS[alone['verdict']]} the label: AUC {auc}, p {alone['p']:.3f}."
    )
    if np.ptp(levels) == 0:
        sentence = f"{what} the same level in everyone, {levels.iloc[0]:.0f} dB, which does not predict the label."
    details = {"subjects": len(levels), "mean_level_db": means}
    return Finding("dead_bands", "content", "AUC per subject", sentence=sentence, details=details, **alone)
