"""Baselines of the gender study: a threshold on mean F0, regressions on formants and on mean MFCCs.

Men and women differ in pitch, and in the length of the vocal tract: the longer it is, the lower and closer are the
formants. A network is worth its cost only where it beats all three. Where F0 lies between `OVERLAP_HZ`, F0 itself
cannot decide.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from bulbar.core.names import Protocol
from bulbar.features.voice_measures import MFCC_MEANS, TRACT_MEASURES
from bulbar.voice import fitting, people

F0, FORMANTS, MFCC = "mean_f0_threshold", "formants", "mfcc"
IN_WORDS = {F0: "threshold on mean F0", FORMANTS: "regression on formants", MFCC: "regression on mean MFCCs"}
"""The baselines, and their names in tables."""

OVERLAP_HZ = (155.0, 185.0)
"""Mean F0 that many men and many women have."""

N_SPLITS = 5
MOST_SPEAKERS = 2000
"""A cohort with more has enough speakers in its test part, and is not divided into folds."""

_RECIPES = {
    FORMANTS: (TRACT_MEASURES, fitting.Recipe(c=1.0)),
    MFCC: (MFCC_MEANS, fitting.Recipe(c=0.1)),
}


def predict(measured: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], float]:
    """Fit every baseline to the training recordings and predict the others.

    Parameters
    ----------
    measured : DataFrame
        recording_id, subject_id, part, label, task, mean_f0_hz and the columns of `voice_measures.timbre`.

    Returns
    -------
    predicted : dict
        Baseline, of IN_WORDS -> as from `by_f0` and `by_measures`.
    threshold : float
        From `by_f0`.
    """
    of_f0, threshold_hz = by_f0(measured)
    others = {name: by_measures(measured, columns, recipe) for name, (columns, recipe) in _RECIPES.items()}
    return {F0: of_f0, **others}, threshold_hz


def by_f0(f0: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Fit a threshold on mean F0 to the training recordings and predict the others.

    Parameters
    ----------
    f0 : DataFrame
        recording_id, subject_id, part, label, mean_f0_hz. NaN (nothing voiced) is replaced by the median of the
        training recordings.

    Returns
    -------
    predicted : DataFrame
        Validation and test recordings with their probability, logistic in log F0.
    threshold : float
        In hertz; NaN if it is outside the F0 range of the training recordings and so separates nothing.
    """
    trained = f0["part"] == "train"
    voiced = f0.loc[trained, "mean_f0_hz"].dropna()
    median = float(voiced.median()) if len(voiced) else 1.0
    octaves = np.log2(f0["mean_f0_hz"].fillna(median if len(voiced) else 1.0).to_numpy()[:, None] / median)
    model = LogisticRegression(C=100.0).fit(octaves[trained], f0.loc[trained, "label"])
    probability = model.predict_proba(octaves[~trained])[:, 1]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        threshold = float(median * np.exp2(-model.intercept_[0] / model.coef_[0, 0]))
    predicted = _predicted(f0[~trained], probability)
    return predicted, threshold if voiced.min() <= threshold <= voiced.max() else np.nan


def by_measures(measured: pd.DataFrame, columns: Sequence[str], recipe: fitting.Recipe) -> pd.DataFrame:
    """Fit a regression on some measures to the training recordings and predict the others.

    Parameters
    ----------
    measured : DataFrame
        recording_id, subject_id, part, label, task and `columns`. A missing value is replaced by the median of the
        training recordings. With several tasks, each measure counts relative to its mean in the task: formants differ
        more between vowels than between speakers.
    columns : sequence of str
        The measures.
    recipe : fitting.Recipe
        How it is fitted, as `fitting.fit` has it: L2 penalty, both classes of equal weight.

    Returns
    -------
    DataFrame
        Validation and test recordings with their probability.
    """
    trained = measured["part"] == "train"
    tasks = sorted(measured.loc[trained, "task"].unique())[1:]
    covariates = pd.DataFrame({f"task_{task}": (measured["task"] == task).astype(float) for task in tasks})
    covariates = covariates.reindex(measured.index)
    rows = measured[list(columns)].astype(float)
    labels = measured.loc[trained, "label"].tolist()
    regression = fitting.fit(rows[trained], covariates[trained], labels, recipe)
    log_odds = regression.log_odds(rows.join(covariates)[~trained])
    return _predicted(measured[~trained], people.probability(log_odds))


def _predicted(others: pd.DataFrame, probability: np.ndarray) -> pd.DataFrame:
    return others[["recording_id", "subject_id", "part", "label"]].assign(probability=probability.round(6))


def out_of_fold(measured: pd.DataFrame, protocol: Protocol, seed: int) -> dict[str, pd.DataFrame]:
    """Predict every recording by baselines that were fitted on the other folds.

    Parameters
    ----------
    measured : DataFrame
        As for `predict`; its column `part` is not used.
    protocol : str
        `record_wise`: folds over recordings. `subject_wise`: over speakers. Both stratified by label.
    seed : int
        Seed of the folds.

    Returns
    -------
    dict
        Baseline -> recording_id, subject_id, fold, label, probability. Empty if a class has too few speakers for
        N_SPLITS folds, or if there are more than MOST_SPEAKERS.
    """
    speakers = measured.drop_duplicates("subject_id")["label"].value_counts()
    if len(speakers) < 2 or speakers.min() < N_SPLITS or speakers.sum() > MOST_SPEAKERS:
        return {}
    splitter_class = StratifiedKFold if protocol == "record_wise" else StratifiedGroupKFold
    splitter = splitter_class(N_SPLITS, shuffle=True, random_state=seed)
    groups = None if protocol == "record_wise" else measured["subject_id"]
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in IN_WORDS}
    for fold, (trained, _) in enumerate(splitter.split(measured, measured["label"], groups), start=1):
        parts = np.full(len(measured), "test", dtype=object)
        parts[trained] = "train"
        predicted, _ = predict(measured.assign(part=parts))
        for name, table in predicted.items():
            found[name].append(table.drop(columns="part").assign(fold=fold))
    return {name: pd.concat(tables, ignore_index=True) for name, tables in found.items()}


def in_overlap(measured: pd.DataFrame) -> pd.Series:
    """Whether the mean of a speaker's recordings lies between OVERLAP_HZ, by subject_id; False without any voice.

    measured: subject_id and mean_f0_hz of each recording.
    """
    return measured.groupby("subject_id")["mean_f0_hz"].mean().between(*OVERLAP_HZ)
