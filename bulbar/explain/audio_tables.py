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
    """The mean map of one class in one task.

    `map` has the shape (mel, frame); it is None (withheld) for fewer than five subjects. `seconds` is the mean duration
    of the recordings, or the duration of an image if recordings are not stretched to its width.
    """

    map: np.ndarray | None
    subjects: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Voices:
    """The explanations of all folds: each row comes from the network that was not trained on its subject.

    Parameters
    ----------
    rows : DataFrame
        recording_id, subject_id, fold, label, task, duration_s of each image row.
    found : ExplainedImages
        The explanations, in the same order.
    dead : bool array, shape (n, mel)
        Mel bands that contain no voice; all False for MFCC images.
    classes : (str, str)
        Names of the negative and the positive class.
    spectrogram : Settings
        How the images were made.
    sample_rate_hz : int
        Sampling rate of the audio behind the images.
    drawing : mapping
        draws, level and seed of the intervals.
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
        """Label of each subject, sorted by subject."""
        return intervals.subjects_of(self.rows)

    def by_subject(self, values: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Mean over each recording's rows, then over each subject's recordings, sorted by subject.

        `rows`, a boolean mask, selects rows.
        """
        table = self.rows if rows is None else self.rows[rows]
        recordings, of_recording = intervals.of_groups(values if rows is None else values[rows], table["recording_id"])
        owner = table.drop_duplicates("recording_id").set_index("recording_id")["subject_id"]
        return intervals.of_groups(of_recording, owner.loc[recordings])[1]

    def over_recordings(self, values: np.ndarray) -> float:
        """Mean over recordings of one number per row."""
        return float(intervals.of_groups(values, self.rows["recording_id"])[1].mean())

    def mean(self, of_subject: np.ndarray, label: int | None = None) -> intervals.Mean:
        """Mean over all subjects or over one class, with interval; NaN for fewer than five subjects."""
        labels = self.labels.to_numpy()
        chosen = np.full(len(labels), True) if label is None else labels == label
        return intervals.over_subjects(of_subject[chosen], labels[chosen], **self.drawing)

    def scored(self, log_odds: np.ndarray) -> pd.DataFrame:
        """Out-of-fold probabilities per subject, as in `metrics.per_subject`."""
        table = self.rows.drop_duplicates("recording_id").sort_values("recording_id", ignore_index=True)
        _, probability = intervals.of_groups(expit(log_odds), self.rows["recording_id"])
        return metrics.per_subject(table.assign(probability=probability))


def joined(by_fold: Sequence[ExplainedImages]) -> ExplainedImages:
    """Concatenate the explanations of several folds."""

    def under(name: str) -> Any:
        parts = [getattr(one, name) for one in by_fold]
        if isinstance(parts[0], dict):
            return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        return np.concatenate(parts)

    return ExplainedImages(**{field.name: under(field.name) for field in fields(ExplainedImages)})


def panels(voices: Voices, method: str) -> dict[tuple[str, str], Panel]:
    """Mean map per task and class: over each subject's recordings, then over subjects. The first task is all tasks."""
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
    """Width of an image in seconds; if recordings are stretched to this width, their mean duration."""
    settings = voices.spectrogram
    if settings.time_axis != "resize":
        return settings.frames * settings.hop_length / voices.sample_rate_hz
    rows = voices.rows if chosen is None else voices.rows[chosen]
    return float(rows.drop_duplicates("recording_id")["duration_s"].mean())


def occluded(voices: Voices, axis: int) -> pd.DataFrame:
    """Measure the effect of hiding each part of the image.

    Parameters
    ----------
    voices : Voices
        Explanations of all folds.
    axis : {0, 1}
        0 for frequency bands, 1 for time segments.

    Returns
    -------
    DataFrame
        One row per part: its limits, the drop of the log-odds for each class, and the drop of the AUC per subject
        within folds, with intervals over subjects and p for no difference in AUC. The limits of bands are from_hz and
        to_hz (coefficients for MFCC images), with the share of recordings in which the whole band is dead. The limits
        of time segments are from_share and to_share of the image, and from_s and to_s of the mean recording. The drop
        is in log-odds of the positive class: above 0, the hidden part supports this class.
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
    """Effect of hiding all dead bands: their share of the image, the drop of the AUC and the rise of the log loss.

    Per subject and paired, with intervals and p for no difference; negative values mean that the score improved. Only
    the share if it is 0; None for MFCC images.
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
    """Similarity of maps while more layers get random weights: method, level, measure, mean over subjects, verdict.

    The verdict is based on the rank correlation after all layers are randomised; it is empty in the other rows.
    """
    table = []
    for (method, level), likeness in voices.found.likeness.items():
        checked = np.isfinite(likeness).all(axis=1)
        labels = intervals.subjects_of(voices.rows[checked]).to_numpy()
        for measure, values in zip(sanity.MEASURES, voices.by_subject(likeness, checked).T, strict=True):
            mean = intervals.over_subjects(values, labels, **voices.drawing)
            judged = level == sanity.LEVELS[-1] and measure == sanity.MEASURES[0]
            row = {"method": method, "level": level, "measure": measure, **_named("likeness", mean)}
            table.append(row | {"verdict": sanity.verdict(mean.low, mean.high) if judged else ""})
    return pd.DataFrame(table)


def deleted(voices: Voices) -> pd.DataFrame:
    """Mean deletion curve of each order with its interval over subjects; the first column is the share deleted."""
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
    """Area under each method's deletion curve, and the difference to random order with its interval."""
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
    """The headline numbers of the audio network.

    `checked` comes from `sanity_check`, `bands` and `stretches` from `occluded` (axis 0 and 1), `left` from `areas`.
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
    """The part with the largest drop of the AUC when hidden: its limits, the drop and, for a band, `share_dead`.

    The interval is for this part alone. It does not account for the selection of the largest of several parts.
    """
    worst = occluded.iloc[int(occluded["auc_drop"].argmax())]
    drop = ["auc_drop", "auc_drop_low", "auc_drop_high"]
    shown = [*occluded.columns[1:3], *drop, *(name for name in occluded if name == "share_dead")]
    return {str(name): float(worst[name]) for name in shown}


def costliest_is_dead(headline: Mapping[str, Any]) -> str | None:
    """A clause for the printed line if the band with the largest drop is dead in most recordings, else None."""
    worst = headline["costliest_band"]
    if worst.get("share_dead", 0) <= 0.5 or worst["auc_drop"] <= 0:
        return None
    return (
        f"the most important band, {worst['from_hz']:,.0f} to {worst['to_hz']:,.0f} Hz, lies above the bandwidth of"
        f" {100 * worst['share_dead']:.0f} % of the recordings, where there is no voice"
    )


def _named(name: str, mean: intervals.Mean) -> dict[str, float]:
    return {name: mean.value, f"{name}_low": mean.low, f"{name}_high": mean.high}
