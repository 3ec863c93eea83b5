"""Explanations of the audio networks, as aggregates: maps by class and task, occlusion, sanity check, deletion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit

from bulbar.core import disclosure
from bulbar.explain import perturbation, sanity
from bulbar.explain.audio_maps import METHODS, ExplainedImages
from bulbar.features.spectrogram import Settings, hz_of_rows
from bulbar.scoring import intervals, metrics

ALL_TASKS = "all tasks"
ORDERS = ("random", *METHODS)


class Panel(NamedTuple):
    """The mean map of one class in one task. map: (mel, frame), None where withheld: fewer than five subjects.

    seconds: the length of the mean recording, or of a row of the image where it is not stretched.
    """

    map: np.ndarray | None
    subjects: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Voices:
    """The explanations of all folds, each row by the network that was not trained on its subject.

    rows: recording_id, subject_id, fold, label, task, duration_s of each image row. classes: names of the negative and
    the positive class. dead: which mel bands of each row hold no voice, (n, mel), bool; none of an image of MFCCs.
    drawing: draws, level, seed of intervals.
    """

    rows: pd.DataFrame
    found: ExplainedImages
    dead: np.ndarray
    classes: tuple[str, str]
    spectrogram: Settings
    sample_rate_hz: int
    drawing: Mapping[str, Any]

    @property
    def labels(self) -> pd.Series:
        """Of each subject, sorted."""
        return intervals.subjects_of(self.rows)

    def by_subject(self, values: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """The mean of each recording's rows, then of each subject's recordings, sorted by subject; of some rows."""
        table = self.rows if rows is None else self.rows[rows]
        recordings, of_recording = intervals.of_groups(values if rows is None else values[rows], table["recording_id"])
        owner = table.drop_duplicates("recording_id").set_index("recording_id")["subject_id"]
        return intervals.of_groups(of_recording, owner.loc[recordings])[1]

    def over_recordings(self, values: np.ndarray) -> float:
        """The mean over recordings of one number per row."""
        return float(intervals.of_groups(values, self.rows["recording_id"])[1].mean())

    def mean(self, of_subject: np.ndarray, label: int | None = None) -> intervals.Mean:
        """Over all subjects, or those of one class; NaN of fewer than five."""
        labels = self.labels.to_numpy()
        chosen = np.full(len(labels), True) if label is None else labels == label
        return intervals.over_subjects(of_subject[chosen], labels[chosen], **self.drawing)

    def scored(self, log_odds: np.ndarray) -> pd.DataFrame:
        """Out-of-fold probabilities per subject, as `metrics.per_subject` gives them."""
        table = self.rows.drop_duplicates("recording_id").sort_values("recording_id", ignore_index=True)
        _, probability = intervals.of_groups(expit(log_odds), self.rows["recording_id"])
        return metrics.per_subject(table.assign(probability=probability))


def joined(by_fold: Sequence[ExplainedImages]) -> ExplainedImages:
    """The explanations of several folds under each other."""

    def under(name: str) -> Any:
        parts = [getattr(one, name) for one in by_fold]
        if isinstance(parts[0], dict):
            return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        return np.concatenate(parts)

    return ExplainedImages(**{field.name: under(field.name) for field in fields(ExplainedImages)})


def panels(voices: Voices, method: str) -> dict[tuple[str, str], Panel]:
    """The mean map by task (all of them first) and class: over each subject's recordings, then over subjects."""
    rows = voices.rows
    tasks = sorted(rows["task"].unique())
    found = {}
    for task in [ALL_TASKS, *(tasks if len(tasks) > 1 else [])]:
        for label, name in enumerate(voices.classes):
            here = ((rows["task"] == task) | (task == ALL_TASKS)).to_numpy() & (rows["label"] == label).to_numpy()
            subjects = rows.loc[here, "subject_id"].nunique()
            shown = subjects >= disclosure.FEWEST_SHOWN
            mean = voices.by_subject(voices.found.maps[method], here).mean(axis=0) if shown else None
            found[task, name] = Panel(mean, subjects, seconds_across(voices, here))
    return found


def seconds_across(voices: Voices, chosen: np.ndarray | None = None) -> float:
    """How many seconds an image is wide: the mean of some rows' recordings where each is stretched to its width."""
    settings = voices.spectrogram
    if settings.time_axis != "resize":
        return settings.frames * settings.hop_length / voices.sample_rate_hz
    rows = voices.rows if chosen is None else voices.rows[chosen]
    return float(rows.drop_duplicates("recording_id")["duration_s"].mean())


def occluded(voices: Voices, axis: int) -> pd.DataFrame:
    """What hiding each part of the image costs: log-odds of each class, and AUC per subject within folds.

    axis: 0: bands, from_hz and to_hz (coefficients where the image holds MFCCs), with the share of recordings in which
    the whole band is dead; 1: stretches of time, from_share and to_share of the image, from_s and to_s of the mean
    recording. A drop is of the positive class's log-odds: over 0
    where what was hidden spoke for it. Intervals over subjects; p of no difference in AUC.
    """
    hidden = voices.found.stretches if axis else voices.found.bands
    settings, length = voices.spectrogram, voices.spectrogram.image_shape[axis]
    bounds = perturbation.edges(length, hidden.shape[1])
    if axis:
        columns = {"share": bounds / length, "s": bounds / length * seconds_across(voices)}
    elif settings.representation == "mel":
        columns = {"hz": hz_of_rows(bounds, settings)}
    else:
        columns = {"coefficient": 0.5 + bounds / length * settings.mfcc_coefficients}
    plain = voices.scored(voices.found.log_odds)
    table = []
    for part, log_odds in enumerate(hidden.T):
        row: dict[str, Any] = {"part": part + 1}
        for unit, edge in columns.items():
            row |= {f"from_{unit}": edge[part], f"to_{unit}": edge[part + 1]}
        dropped = voices.by_subject(voices.found.log_odds - log_odds)
        for label, name in enumerate(voices.classes):
            row |= _named(f"log_odds_drop_{name}", voices.mean(dropped, label))
        lost = intervals.compare(plain, voices.scored(log_odds), **voices.drawing)["roc_auc"]
        row |= _named("auc_drop", intervals.Mean(*lost[:3])) | {"p": lost.p}
        if "hz" in columns:
            row["share_dead"] = voices.over_recordings(np.all(voices.dead[:, bounds[part] : bounds[part + 1]], axis=1))
        table.append(row)
    return pd.DataFrame(table)


def without_dead_bands(voices: Voices) -> dict[str, Any] | None:
    """What a network loses when all dead bands are hidden: their share of the image, AUC lost, log loss risen.

    Per subject, paired, with intervals and the p of no difference; below 0: gained, fallen. The share alone where it is
    0; None where the image holds MFCCs.
    """
    if voices.spectrogram.representation != "mel":
        return None
    if not voices.dead.any():
        return {"share_of_image": 0.0}
    plain, hidden = voices.scored(voices.found.log_odds), voices.scored(voices.found.without_dead)
    lost = intervals.compare(plain, hidden, **voices.drawing)["roc_auc"]
    risen = intervals.compare(hidden, plain, **voices.drawing)["log_loss"]
    return {
        "share_of_image": voices.over_recordings(voices.dead.mean(axis=1)),
        "auc_drop": lost._asdict(),
        "log_loss_rise": risen._asdict(),
    }


def sanity_check(voices: Voices) -> pd.DataFrame:
    """Likeness of maps as layers forget what they learned: method, level, measure, mean over subjects, verdict.

    The verdict is on rank correlation with nothing learned left; empty elsewhere.
    """
    table = []
    for (method, level), likeness in voices.found.likeness.items():
        looked_at = np.isfinite(likeness).all(axis=1)
        labels = intervals.subjects_of(voices.rows[looked_at]).to_numpy()
        for measure, values in zip(sanity.MEASURES, voices.by_subject(likeness, looked_at).T, strict=True):
            mean = intervals.over_subjects(values, labels, **voices.drawing)
            judged = level == sanity.LEVELS[-1] and measure == sanity.MEASURES[0]
            row = {"method": method, "level": level, "measure": measure, **_named("likeness", mean)}
            table.append(row | {"verdict": sanity.verdict(mean.low, mean.high) if judged else ""})
    return pd.DataFrame(table)


def deleted(voices: Voices) -> pd.DataFrame:
    """The mean deletion curve of each order, with its interval over subjects: share deleted, then a column each."""
    curves = {order: voices.by_subject(voices.found.deleted[order]) for order in ORDERS}
    shares = np.linspace(0, 1, curves["random"].shape[1])
    table = []
    for step, share in enumerate(shares):
        row = {"share_deleted": share}
        for order in ORDERS:
            row |= _named(order, voices.mean(curves[order][:, step]))
        table.append(row)
    return pd.DataFrame(table)


def areas(voices: Voices) -> pd.DataFrame:
    """How much less is left under each method's curve than under the random one: order, area, difference, interval."""
    area = {order: voices.by_subject(perturbation.areas(voices.found.deleted[order])) for order in ORDERS}
    return pd.DataFrame(
        {
            "order": order,
            "area": area[order].mean(),
            **_named("less_than_random", voices.mean(area["random"] - area[order])),
        }
        for order in METHODS
    )


def headline(
    voices: Voices, *, checked: pd.DataFrame, bands: pd.DataFrame, stretches: pd.DataFrame, left: pd.DataFrame
) -> dict[str, Any]:
    """The few numbers of the audio network.

    checked: of `sanity_check`. bands, stretches: of `occluded`, along either axis. left: of `areas`.
    """
    verdicts = checked[checked["verdict"] != ""].set_index("method")
    less = left.set_index("order").filter(like="less_than_random").set_axis(["area", "low", "high"], axis="columns")
    return {
        "completeness_missed": np.abs(voices.found.missed).max(),
        "costliest_band": costliest(bands),
        "costliest_stretch": costliest(stretches),
        "dead_bands": without_dead_bands(voices),
        "sanity": verdicts.loc[list(METHODS), ["likeness", "verdict"]].to_dict("index"),
        "deletion_less_than_random": less.loc["integrated_gradients"].to_dict(),
    }


def costliest(occluded: pd.DataFrame) -> dict[str, float]:
    """The part whose hiding costs most: where it begins and ends, the AUC lost; of a band, its `share_dead`.

    The interval is that of this part alone: that it was picked as the largest of several is not in it.
    """
    worst = occluded.iloc[int(occluded["auc_drop"].argmax())]
    drop = ["auc_drop", "auc_drop_low", "auc_drop_high"]
    shown = [*occluded.columns[1:3], *drop, *(name for name in occluded if name == "share_dead")]
    return {str(name): float(worst[name]) for name in shown}


def costliest_is_dead(headline: Mapping[str, Any]) -> str | None:
    """A clause where the costliest band is a dead one in most recordings, else None. headline: of ours."""
    worst = headline["costliest_band"]
    if worst.get("share_dead", 0) <= 0.5 or worst["auc_drop"] <= 0:
        return None
    return (
        f"the costliest band, {worst['from_hz']:,.0f} to {worst['to_hz']:,.0f} Hz, lies above the bandwidth of"
        f" {100 * worst['share_dead']:.0f} % of the recordings, where there is no voice"
    )


def _named(name: str, mean: intervals.Mean) -> dict[str, float]:
    return {name: mean.value, f"{name}_low": mean.low, f"{name}_high": mean.high}
