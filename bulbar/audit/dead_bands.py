"""Mel bands above what a recording carries hold no voice. Do their extent and their content predict the label?

What lies there is noise of rounding to 16 bit, clicks where silence was cut out, and leakage. The image is relative to
the recording's own maximum, so the quieter a recording, the higher that noise stands in it: a network that looks there
learns how loud people were recorded.
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
    """Mean level of the dead bands of each image, in dB below the recording's maximum, shape (n,).

    images: mel images in [0, 1], shape (n, mel, frame), 1 being the recording's maximum and 0 `floor_db`; may be
    memory-mapped, for some rows are read at a time. dead: of `spectrogram.dead_bands`, shape (n, mel). The mean is over
    all pixels of these bands, those at the floor too: it follows the noise of rounding both where that leaves most
    pixels at the floor and where it fills every pixel, when the share of pixels above the floor is 1 for everybody. NaN
    where an image has no dead band.
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
    """Do the extent of the dead bands (`sources`) and what they hold (`content`) predict the label?

    conditions: recording_id, subject_id, bandwidth_hz of each released recording: the highest frequency that its image
    can show; those without an image are left out. labels: 1 or 0 by subject_id. images, recording_ids: the image rows,
    shape (n, mel, frame), and each row's recording (`segments` has several rows of one).

    `sources`: the share of bands that begin above the bandwidth. `content`: `level_db` of these bands, of the
    recordings that have some; left out where fewer than five subjects of a class have. Both are means over a
    subject's recordings. The verdict is on the AUC of the share or level itself, whichever group has more, with
    the shuffles' AUC taken the same way. No finding for `mfcc`: a coefficient spans all bands.
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
    """How well one number a subject predicts the label, as a Finding's fields; its mean by group.

    The means are None where a group has fewer than five subjects.
    """
    label, values = labels.loc[of_subject.index].to_numpy(), of_subject.to_numpy()
    table = pd.DataFrame({"subject_id": of_subject.index, "fold": 1, "label": label, "probability": values})
    if metrics.roc_auc(label, values) < 0.5:
        table["probability"] = -values  # controls have more of it
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
    what = f"{100 * value:.1f} % of the mel bands begin above the highest frequency that their recording carries"
    if low == high and auc == 0.5:
        sentence = f"{what}, the same in everyone: their extent predicts no label."
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
    """What the dead bands hold, as the AUC of its level."""
    alone, means = _predicted(levels, labels, **drawing)
    auc = with_interval(alone["value"], alone["low"], alone["high"])
    what = "The bands above each recording's bandwidth hold"
    sentence = (
        f"{what} no voice, but noise: their mean level, relative to the recording's loudest pixel, is"
        f" {means['positive']:.1f} dB in the positive group and {means['negative']:.1f} dB in the other. That level"
        f" alone {IN_WORDS[alone['verdict']]} the label: AUC {auc}, p {alone['p']:.3f}."
    )
    if np.ptp(levels) == 0:
        sentence = f"{what} the same in everyone, {levels.iloc[0]:.0f} dB: nothing there predicts the label."
    details = {"subjects": len(levels), "mean_level_db": means}
    return Finding("dead_bands", "content", "AUC per subject", sentence=sentence, details=details, **alone)
