"""Label probe: how well does one input alone predict the label, compared with shuffled labels?

The classifier is kernel ridge regression. Its scores are linear in the training labels, so a single fit handles the
observed labels and all shuffles at once, each as one column of the targets.
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
"""Alpha of the kernel ridge: so low that one training recording changes the score of a similar voice."""

COEFFICIENTS = 40
"""Number of cepstral coefficients of the mean spectrum: they describe vocal tract and source, later ones add little."""


@dataclass(frozen=True, eq=False)
class LabelProbe:
    """Result of `probe_label`: how well an input predicts the label.

    Parameters
    ----------
    value : float in [0, 1]
        AUC over pairs within a fold.
    low, high : float
        Bootstrap interval of `value` over subjects.
    p : float
        p-value of the shuffles.
    null : array, shape (m,)
        AUC after each shuffle.
    table : DataFrame
        Out-of-fold scores: subject_id, fold, label, probability; one row per subject or recording. `probability` is
        the score mapped to (0, 1): only its order has a meaning.
    per : {"subject", "recording"}
        Unit of the pairs that the AUC counts.
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
        """The verdict, by the rule that all probes share."""
        return verdict_of(self.low, self.p, meaning=meaning)

    @property
    def numbers(self) -> dict[str, float]:
        """The AUC with its interval and p."""
        return {"roc_auc": self.value, "low": self.low, "high": self.high, "p": self.p}

    def finding(
        self, probe: str, of: str, sentence: str, *, meaning: Meaning = "leak", details: Mapping[str, Any] | None = None
    ) -> Finding:
        """The result as a row of the audit table."""
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
    """Measure how well `features` predict the label out of fold, compared with labels shuffled between subjects.

    Parameters
    ----------
    features : DataFrame or array, one row per row of `table`
        Numbers and categories. Missing values are filled from the training rows.
    table : DataFrame
        Columns subject_id, label (0 or 1, one per subject), fold; one row per recording or per subject.
    within : array-like, optional
        Group of each row, such as its task. Numbers are standardised within each group.
    per : {"subject", "recording"}, optional
        Unit of the pairs that the AUC counts. A subject's score is the mean over its rows. If the split is by
        recording, a subject has several folds and only "recording" is possible. Default: "subject" where possible.
    shuffles, draws, seed : int
        Number of label shuffles, number of bootstrap draws, random seed.

    Returns
    -------
    LabelProbe

    Raises
    ------
    ValueError
        If `per` is "subject" but subjects have several folds.

    Notes
    -----
    If each subject has one fold, labels are shuffled within folds. The folds were stratified by the observed labels,
    so under the null hypothesis these are as likely as any such shuffle. Otherwise labels are shuffled between all
    subjects.
    """
    rows = table.reset_index(drop=True)
    frame = pd.DataFrame(features).reset_index(drop=True).rename(columns=str)
    subject_of, subjects = pd.factorize(rows["subject_id"], sort=True)
    by_subject = len(rows[["subject_id", "fold"]].drop_duplicates()) == len(subjects)
    if per == "subject" and not by_subject:
        raise ValueError(
            "per='subject' needs each subject in one fold, found subjects in several folds: use per='recording'"
        )
    per = per or ("subject" if by_subject else "recording")
    of_subjects = rows.groupby(subject_of).agg(label=("label", "first"), fold=("fold", "first"))
    labels = shuffled_labels(of_subjects, within_folds=by_subject, shuffles=shuffles, seed=seed_of(seed, "shuffles"))
    groups = np.zeros(len(rows)) if within is None else pd.factorize(np.asarray(within))[0]
    scores = out_of_fold(frame, labels[subject_of], rows["fold"].to_numpy(), groups)
    if per == "subject":
        mean = np.zeros((len(subjects), len(rows)))
        mean[subject_of, np.arange(len(rows))] = 1 / np.bincount(subject_of)[subject_of]
        scores, rows = mean @ scores, of_subjects.assign(subject_id=subjects)
    else:
        labels = labels[subject_of]
    scores = scores.round(9)  # equal rows get equal scores: rounding removes floating-point differences of the sums
    aucs = np.nan_to_num(metrics.roc_auc_within_folds(labels, scores, rows["fold"]), nan=0.5)  # NaN: one class only
    scored = rows.filter(["recording_id", "subject_id", "fold", "label"]).assign(probability=expit(scores[:, 0]))
    low, high = intervals.intervals(scored, draws=draws, seed=seed_of(seed, "intervals"))["roc_auc"]
    return LabelProbe(float(aucs[0]), low, high, p_of_shuffles(aucs[0], aucs[1:]), aucs[1:], scored, per)


def shuffled_labels(subjects: pd.DataFrame, *, within_folds: bool, shuffles: int, seed: int) -> np.ndarray:
    """Labels per subject, shape (subjects, 1 + shuffles): column 0 is observed, the others are shuffled.

    `subjects` has the columns label and fold. With `within_folds`, each fold keeps its number of positive subjects.
    """
    generator = np.random.default_rng(seed)
    labels = np.repeat(subjects["label"].to_numpy()[:, np.newaxis], 1 + shuffles, axis=1)
    parts = subjects["fold"].to_numpy() if within_folds else np.zeros(len(subjects))
    for part in np.unique(parts):
        here = parts == part
        labels[here, 1:] = generator.permuted(labels[here, 1:], axis=0)
    return labels


def out_of_fold(features: pd.DataFrame, labels: np.ndarray, fold: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Score each row with a classifier trained on the other folds, shape (rows, columns of labels).

    labels: the same shape, 0 or 1. fold, groups: of each row; numbers are standardised within a group. Targets are
    balanced: each class has the same total weight, so that scores do not depend on the share of positive rows in
    training.
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
    """Encode training and test rows as the subject-wise protocol does, then standardise within each group.

    Everything is fitted to the training rows. A group without training rows is scaled by all of them. Values outside
    the training range are not clipped.
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
    """The table as typed by `clinical.typed`, with kinds inferred from dtypes, and an unfitted subject-wise encoder."""
    kinds = {
        str(name): "numeric" if pd.api.types.is_numeric_dtype(column) else "categorical"
        for name, column in table.items()
    }
    return clinical.typed(table, kinds), clinical.encoder(kinds, "subject_wise")


def summary_of_images(images: np.ndarray, recording_ids: npt.ArrayLike, *, rows_at_once: int = 256) -> pd.DataFrame:
    """The input of the quick classifier: the cepstrum of each recording's mean mel spectrum, C_0 to C_39.

    Parameters
    ----------
    images : array, shape (n, mel, frame)
        Mel images; may be memory-mapped.
    recording_ids : array-like, shape (n,)
        Recording of each image. The images of a recording are averaged.
    rows_at_once : int
        Number of images that are read at a time.

    Returns
    -------
    DataFrame
        One row per recording, indexed by recording_id, in order of first appearance; columns c0, c1, ...

    Notes
    -----
    The mean spectrum is a classic feature for speaker recognition (Furui, Itakura & Saito 1972, Electronics and
    Communications in Japan 55-A).
    """
    starts = range(0, len(images), rows_at_once)
    spectra = [np.asarray(images[start : start + rows_at_once]).mean(axis=2, dtype=float) for start in starts]
    cepstra = scipy.fft.dct(np.concatenate(spectra), axis=1, norm="ortho")[:, :COEFFICIENTS]
    table = pd.DataFrame(cepstra, columns=[f"c{order}" for order in range(cepstra.shape[1])])
    return table.groupby(pd.Index(np.asarray(recording_ids), name="recording_id"), sort=False).mean()
