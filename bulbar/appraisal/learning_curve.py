"""How the AUC grows with the number of training subjects: would more subjects help?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from bulbar.core.digests import seed_of
from bulbar.core.settings import Count, Strict
from bulbar.scoring import metrics

Share = Annotated[float, Field(gt=0, le=1)]

FitPredict = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]
"""Training recordings, tested recordings -> the tested ones' out-of-fold table."""


class Settings(Strict):
    """The `learning_curve` block of params.yaml: shares of the training subjects, and subsets drawn of each."""

    shares: tuple[Share, ...] = Field(default=(0.25, 0.5, 0.75, 1.0), min_length=1)
    repeats: Count = 3


class Point(NamedTuple):
    """One point: mean number of training subjects of a fold, and mean, lowest and highest AUC over the subsets."""

    subjects: float
    mean: float
    lowest: float
    highest: float


def subset(train: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """The recordings of a share of the training subjects, at least two of each class.

    train: subject_id, label, one row per recording.
    """
    generator, kept = np.random.default_rng(seed), []
    for _, subjects in train.groupby("label")["subject_id"]:
        names = np.array(sorted(set(subjects)))
        kept += generator.permutation(names)[: max(2, round(share * len(names)))].tolist()
    return train[train["subject_id"].isin(kept)]


def point(recordings: pd.DataFrame, fit_predict: FitPredict, share: float, repeats: int, seed: int) -> Point:
    """AUC per subject, over pairs within a fold, of models that learn from a share of each fold's training subjects.

    Parameters
    ----------
    recordings : DataFrame
        recording_id, subject_id, label, fold and what `fit_predict` reads. Each subject is in one fold.
    share : float in (0, 1]
        Of the training subjects of each class. All of them are one subset, so 1 is not repeated.
    """
    aucs, sizes = [], []
    for repeat in range(1 if share == 1 else repeats):
        tables = []
        for fold in sorted(set(recordings["fold"])):
            train, tested = recordings[recordings["fold"] != fold], recordings[recordings["fold"] == fold]
            drawn = subset(train, share, seed_of(seed, f"{share}/{repeat}/{fold}"))
            sizes.append(drawn["subject_id"].nunique())
            tables.append(fit_predict(drawn, tested))
        aucs.append(metrics.auc_within_folds(metrics.per_subject(pd.concat(tables))))
    return Point(float(np.mean(sizes)), float(np.mean(aucs)), float(np.min(aucs)), float(np.max(aucs)))


def table_of(points: Mapping[str, Sequence[Point]]) -> pd.DataFrame:
    """A row for each model and share: model, subjects, mean, lowest, highest."""
    return pd.DataFrame([{"model": model, **one._asdict()} for model, found in points.items() for one in found])
