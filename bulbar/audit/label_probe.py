"""Does this alone predict the label? A quick classifier, and what it scores when the labels are shuffled.

The classifier is kernel ridge regression: its scores are linear in the labels it learns from, so that the observed
labels and all the shuffled ones are learned in one fit, each as a column of the targets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.fft
from scipy.special import expit
from sklearn.kernel_ridge import KernelRidge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from bulbar.audit.finding import Finding, Meaning, Verdict, p_of_shuffles, verdict_of
from bulbar.cohort import clinical
from bulbar.core.digests import seed_of
from bulbar.core.markdown import with_interval
from bulbar.scoring import intervals, metrics

Per = Literal["subject", "recording"]

PENALTY = 0.3
"""Kernel ridge's alpha: low enough that one recording in training moves the score of a voice like it."""

COEFFICIENTS = 40
"""Of the cepstrum of a recording's mean spectrum: they hold the shape of tract and source, later ones little else."""


@dataclass(frozen=True, eq=False)
class LabelProbe:
    """How well the label is predicted.

    value: AUC over pairs within a fold, `per` subject or recording. low, high: its bootstrap interval over subjects.
    p: of the shuffles. null: the AUC after each shuffle, shape (m,). table: out-of-fold scores (subject_id, fold,
    label, probability), a row per subject or recording; `probability` is the score squashed into (0, 1): its order
    means something, its height does not.
    """

    value: float
    low: float
    high: float
    p: float
    null: np.ndarray
    table: pd.DataFrame
    per: Per

    @property
    def in_words(self) -> str:
        """Such as `AUC 0.81 (0.70 to 0.90), p 0.001`."""
        return f"AUC {with_interval(self.value, self.low, self.high)}, p {self.p:.3f}"

    def verdict(self, meaning: Meaning = "leak") -> Verdict:
        """By the rule of all probes."""
        return verdict_of(self.low, self.p, meaning=meaning)

    @property
    def numbers(self) -> dict[str, float]:
        """The AUC with its interval and p."""
        return {"roc_auc": self.value, "low": self.low, "high": self.high, "p": self.p}

    def finding(
        self, probe: str, of: str, sentence: str, *, meaning: Meaning = "leak", details: Mapping[str, Any] | None = None
    ) -> Finding:
        """This as a row of the audit table."""
        drawn: dict[str, Any] = {"low": self.low, "high": self.high, "p": self.p, "details": details or {}}
        return Finding(probe, of, f"AUC per {self.per}", self.value, self.verdict(meaning), sentence, **drawn)


def probe_label(
    features: pd.DataFrame | np.ndarray,
    table: pd.DataFrame,
    *,
    within: npt.ArrayLike | None = None,
    per: Per | None = None,
    shuffles: int = 999,
    draws: int = 2000,
    seed: int = 0,
) -> LabelProbe:
    """How well `features` predict the label, out of fold, against shuffles of the labels between subjects.

    features: a row per row of `table`, numbers and categories; missing ones are filled by what the training rows hold.
    table: subject_id, label (0 or 1, one for each subject), fold; recordings, or subjects. within: for each row the
    group, such as the task, in which it is compared: numbers are standardised within it.
    per: what an AUC counts pairs of. A subject's score is the mean over its rows; split by recording it has no one
    fold, so there only `recording` is possible. Default: subjects where they can be.
    Where a subject has one fold the labels are shuffled within it, for the folds were stratified by the observed ones:
    then these are as likely as any shuffle if there is nothing to learn. Else between all subjects.
    Raises ValueError where `per` is not possible.
    """
    rows = table.reset_index(drop=True)
    frame = pd.DataFrame(features).reset_index(drop=True).rename(columns=str)
    subject_of, subjects = pd.factorize(rows["subject_id"], sort=True)
    by_subject = len(rows[["subject_id", "fold"]].drop_duplicates()) == len(subjects)
    if per == "subject" and not by_subject:
        raise ValueError("an AUC per subject within folds needs each subject in one fold")
    per = per or ("subject" if by_subject else "recording")
    of_subjects = rows.groupby(subject_of).agg(label=("label", "first"), fold=("fold", "first"))
    labels = shuffled_labels(of_subjects, within_folds=by_subject, shuffles=shuffles, seed=seed_of(seed, "shuffles"))
    groups = np.zeros(len(rows)) if within is None else pd.factorize(np.asarray(within))[0]
    scores = _out_of_fold(frame, labels[subject_of], rows["fold"].to_numpy(), groups)
    if per == "subject":
        mean = np.zeros((len(subjects), len(rows)))
        mean[subject_of, np.arange(len(rows))] = 1 / np.bincount(subject_of)[subject_of]
        scores, rows = mean @ scores, of_subjects.assign(subject_id=subjects)
    else:
        labels = labels[subject_of]
    scores = scores.round(9)  # equal rows have equal scores, whatever the last bits of a sum are
    aucs = np.nan_to_num(metrics.roc_auc_within_folds(labels, scores, rows["fold"]), nan=0.5)  # of one class alone
    scored = rows.filter(["recording_id", "subject_id", "fold", "label"]).assign(probability=expit(scores[:, 0]))
    low, high = intervals.intervals(scored, draws=draws, seed=seed_of(seed, "intervals"))["roc_auc"]
    return LabelProbe(float(aucs[0]), low, high, p_of_shuffles(aucs[0], aucs[1:]), aucs[1:], scored, per)


def shuffled_labels(subjects: pd.DataFrame, *, within_folds: bool, shuffles: int, seed: int) -> np.ndarray:
    """Labels of subjects, shape (subjects, 1 + shuffles): the observed ones, then the shuffled ones.

    subjects: label and fold of each. within_folds: every fold keeps how many of its subjects are positive.
    """
    generator = np.random.default_rng(seed)
    labels = np.repeat(subjects["label"].to_numpy()[:, np.newaxis], 1 + shuffles, axis=1)
    parts = subjects["fold"].to_numpy() if within_folds else np.zeros(len(subjects))
    for part in np.unique(parts):
        here = parts == part
        labels[here, 1:] = generator.permuted(labels[here, 1:], axis=0)
    return labels


def _out_of_fold(features: pd.DataFrame, labels: np.ndarray, fold: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Each row's scores by the classifier that learned from the other folds, shape (rows, columns of labels).

    Targets are balanced: positive and negative ones, scaled so that each class weighs the same. So no score moves with
    the share of positive rows in training.
    """
    scores = np.empty(labels.shape)
    for one in np.unique(fold):
        tested = fold == one
        trained = ~tested
        ill = labels[trained]
        share = np.clip(ill.mean(axis=0), 1 / len(ill), 1 - 1 / len(ill))  # a shuffle may leave a class out
        targets = np.where(ill == 1, 0.5 / share, -0.5 / (1 - share))
        ridge = KernelRidge(alpha=PENALTY, kernel="rbf")  # gamma: 1 / columns
        seen, unseen = _encoded(features, trained, tested, groups)
        scores[tested] = ridge.fit(seen, targets).predict(unseen)
    return scores


def _encoded(
    features: pd.DataFrame, trained: np.ndarray, tested: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Both parts as arrays: encoded as the subject-wise protocol does, then mean 0 and variance 1 within each group.

    Nothing is clipped: a value beyond those of training is as far out as it is.

    All of it is learned from the training rows; a group that they lack is scaled as they all are.
    """
    typed, encoder = typed_and_encoder(features)
    encoder.set_params(scale__clip=False).fit(typed[trained])
    parts = [encoder.transform(typed[part]).to_numpy() for part in (trained, tested)]
    scaled = [np.empty(part.shape) for part in parts]
    for group in np.unique(groups):
        places = [groups[part] == group for part in (trained, tested)]
        scaler = StandardScaler().fit(parts[0][places[0]] if places[0].any() else parts[0])
        for values, place, part in zip(scaled, places, parts, strict=True):
            if place.any():
                values[place] = scaler.transform(part[place])
    return scaled[0], scaled[1]


def typed_and_encoder(table: pd.DataFrame) -> tuple[pd.DataFrame, Pipeline]:
    """The table as `clinical.typed` has it, each column's kind by its dtype, and a subject-wise encoder, not fitted."""
    kinds = {
        str(name): "numeric" if pd.api.types.is_numeric_dtype(column) else "categorical"
        for name, column in table.items()
    }
    return clinical.typed(table, kinds), clinical.encoder(kinds, "subject_wise")


def summary_of_images(images: np.ndarray, recording_ids: npt.ArrayLike, *, rows_at_once: int = 256) -> pd.DataFrame:
    """What a quick classifier gets of each recording: the cepstrum of its mean mel spectrum, C_0 to C_39.

    images: shape (n, mel, frame), may be memory-mapped: `rows_at_once` are read at a time. recording_ids: of each
    image; a recording's images are averaged. Returns a row per recording, indexed by recording_id, in order of
    first appearance. The mean spectrum is a classic mark of a speaker (Furui, Itakura & Saito 1972, Electronics and
    Communications in Japan 55-A).
    """
    starts = range(0, len(images), rows_at_once)
    spectra = [np.asarray(images[start : start + rows_at_once]).mean(axis=2, dtype=float) for start in starts]
    cepstra = scipy.fft.dct(np.concatenate(spectra), axis=1, norm="ortho")[:, :COEFFICIENTS]
    table = pd.DataFrame(cepstra, columns=[f"c{order}" for order in range(cepstra.shape[1])])
    return table.groupby(pd.Index(np.asarray(recording_ids), name="recording_id"), sort=False).mean()
