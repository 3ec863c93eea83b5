"""Share of the image that carries no signal because the source is band-limited, and whether it tells the label."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import librosa
import numpy as np
import pandas as pd
from scipy.stats import rankdata

from bulbar.audit.finding import Finding, p_of_shuffles, verdict_of
from bulbar.core.disclosure import FEWEST_SHOWN
from bulbar.core.seeds import seed_of
from bulbar.features import spectrogram
from bulbar.scoring import intervals, metrics

EMPTY_DB = 60.0
"""A band is empty where it lies so far below the recording's loudest cell.

Not at the floor itself: rounding to 16 bit fills an empty band to between -75 and -60 dB.
"""

FRAMES_SHARE = 0.95
"""In so many of the frames: where silence was cut out, the joint makes a click in every band."""

_ROWS_AT_ONCE = 64


def nominal_share(bandwidth_hz: np.ndarray, settings: spectrogram.Settings) -> np.ndarray:
    """Share of the mel bands that begin above what the source carries. Shape (n,) to (n,).

    bandwidth_hz: highest frequency of each source. A band begins at the lower edge of its triangle. From a source at
    8 kHz it is 0.3125 of 128 bands up to 11,025 Hz: mel gives the upper 64 % of the frequencies a third of the rows.
    """
    edges_hz = librosa.mel_frequencies(settings.mel_bands + 2, fmin=settings.min_hz, fmax=settings.max_hz, htk=True)
    return np.mean(edges_hz[:-2] >= np.asarray(bandwidth_hz)[:, np.newaxis], axis=1)


def measured_share(images: np.ndarray, floor_db: float = -80.0) -> np.ndarray:
    """Share of each image's rows that lie `EMPTY_DB` below its loudest cell in `FRAMES_SHARE` of the frames.

    images: mel images in [0, 1], shape (n, mel, frame), 1 being the recording's maximum and 0 `floor_db`; may be
    memory-mapped, for some rows are read at a time. Returns shape (n,).
    """
    empty_to = max(0.0, 1 - EMPTY_DB / -floor_db)
    shares = [
        np.mean(np.quantile(images[start : start + _ROWS_AT_ONCE], FRAMES_SHARE, axis=2) <= empty_to, axis=1)
        for start in range(0, len(images), _ROWS_AT_ONCE)
    ]
    return np.concatenate(shares)


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
    """How much of the images is empty: by the sources' bandwidths, and as found in the images.

    conditions: recording_id, subject_id, bandwidth_hz of each released recording; those without an image are left out.
    labels: 1 or 0 by subject_id.
    images, recording_ids: the image rows, shape (n, mel, frame), and each row's recording (`segments` has several rows
    of one). The figure is the mean over subjects of the mean over a subject's recordings, with its bootstrap interval
    over subjects. The verdict is on whether that share tells the label: the AUC of the share itself, whichever group
    has more, with the shuffles' AUC taken the same way. No finding for `mfcc`: a coefficient spans all bands.
    """
    if settings.representation != "mel":
        return []
    by_recording = conditions.set_index("recording_id").loc[list(dict.fromkeys(recording_ids))]
    rows = by_recording.loc[list(recording_ids), "subject_id"]
    nominal = pd.Series(nominal_share(by_recording["bandwidth_hz"].to_numpy(), settings), by_recording["subject_id"])
    by_image = pd.Series(measured_share(images, settings.floor_db), rows.index)
    measured = by_image.groupby(level=0).mean()
    measured.index = by_recording.loc[measured.index, "subject_id"]
    drawing: dict[str, Any] = {"shuffles": shuffles, "draws": draws, "level": level}
    return [
        _finding(
            name, share.groupby(level=0).mean().round(9), labels, seed=seed_of(seed, f"dead_bands/{name}"), **drawing
        )
        for name, share in (("sources", nominal), ("images", measured))
    ]


def _finding(
    name: str, share: pd.Series, labels: pd.Series, *, shuffles: int, draws: int, level: float, seed: int
) -> Finding:
    """One share, by subject, as a row of the audit table."""
    table = pd.DataFrame({"subject_id": share.index, "fold": 1, "probability": share.to_numpy()})
    table["label"] = labels.loc[share.index].to_numpy()
    if metrics.roc_auc(table["label"], table["probability"]) < 0.5:
        table["probability"] = 1 - table["probability"]  # controls have more of it: the AUC of what is filled
    auc = metrics.roc_auc(table["label"], table["probability"])
    auc_low, auc_high = intervals.intervals(table, draws=draws, level=level, seed=seed)["roc_auc_pooled"]
    p = p_of_shuffles(auc, _shuffled_aucs(share.to_numpy(), table["label"].to_numpy(), shuffles, seed))
    drawn = intervals.drawn_subjects(table["label"], draws=draws, seed=seed)
    means = drawn @ share.to_numpy() / drawn.sum(axis=1)
    low, high = intervals.percentiles(means, level, subjects=intervals.smaller_class(table["label"]))
    labelled = table.assign(share=share.to_numpy()).groupby("label")["share"]
    groups = {"positive": float(labelled.mean()[1]), "negative": float(labelled.mean()[0])}
    shown = labelled.size().min() >= FEWEST_SHOWN
    finding = Finding(
        probe="dead_bands",
        of=name,
        figure="empty share of the image",
        value=float(share.mean()),
        low=low,
        high=high,
        verdict=verdict_of(auc_low, p),
        sentence="",
        p=p,
        details={
            "auc": auc,
            "auc_low": auc_low,
            "auc_high": auc_high,
            "subjects": len(share),
            "mean_share": groups if shown else dict.fromkeys(groups),
        },
    )
    return replace(finding, sentence=_sentence(finding, groups if shown else None))


def _shuffled_aucs(share: np.ndarray, labels: np.ndarray, shuffles: int, seed: int) -> np.ndarray:
    """The AUC after each shuffle of the labels between subjects, whichever group has more; shape (shuffles,)."""
    generator = np.random.default_rng(seed)
    shuffled = generator.permuted(np.tile(labels, (shuffles, 1)), axis=1)
    positive = int(labels.sum())
    pairs = positive * (len(labels) - positive)
    auc = (shuffled @ rankdata(share) - positive * (positive + 1) / 2) / pairs  # Mann-Whitney
    return np.maximum(auc, 1 - auc)


def _sentence(finding: Finding, groups: Mapping[str, float] | None) -> str:
    percent = f"{100 * finding.value:.1f} %"
    if finding.of == "sources":
        what = f"{percent} of the mel bands begin above the highest frequency that their recording carries"
    else:
        what = (
            f"{percent} of the image's rows lie {EMPTY_DB:g} dB or more below the recording's loudest "
            f"in {100 * FRAMES_SHARE:g} % of the frames"
        )
    if finding.low == finding.high and finding.details["auc"] == 0.5:
        return f"{what}, in everyone alike: no voice is there to learn from, and its extent tells no label."
    if groups:
        positive, negative = (100 * groups[group] for group in ("positive", "negative"))
        what += f": {positive:.1f} % in the positive group, {negative:.1f} % in the other"
    tells = {"leak": "tells", "suspect": "may tell"}.get(finding.verdict, "does not tell")
    return f"{what}. That share alone {tells} the label: AUC {finding.details['auc']:.2f}, p {finding.p:.3f}."
