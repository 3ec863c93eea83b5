"""What a network must beat: majority, age and sex, and classic voice features, under the same folds.

The voice features are standardised within their task, learned on the training rows: a syllable train's HNR lies below a
vowel's in every voice, so only its place among other trains is informative. So one weight serves a feature in all
tasks, and a feature that a task does not have (a vowel's syllable rate) is 0 in it, neither high nor low. Nothing is
watched while these fit: each fold trains on all that it does not test.
"""

from typing import Any, Self, get_args

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.validation import check_is_fitted

from bulbar.appraisal.comparisons import Baseline
from bulbar.cohort import clinical
from bulbar.core.digests import seed_of
from bulbar.core.settings import Count, Strict
from bulbar.features import praat

BASELINES: tuple[Baseline, ...] = get_args(Baseline)
"""The baselines that are fitted here."""

AGE_SEX = {"age_years": "numeric", "sex": "categorical"}
VOICE = list(praat.MEASURES)

SKEWED = ("sd_f0_hz", "jitter_local", "shimmer_local", "syllable_irregularity")
"""Measures of spread, from 0 up: taken as logarithms, in which a doubling is the same step at every level."""


class Settings(Strict):
    """The `baselines` block of params.yaml."""

    trees: Count = 500


class WithinTask(TransformerMixin, BaseEstimator):
    """Each voice feature standardised within its recording's task; what is missing becomes the task's median first.

    Tables have the columns `task` and VOICE. In a task without any value of a feature in `fit`, and in a task not seen
    there, it is 0.
    """

    def fit(self, table: pd.DataFrame, y: object = None) -> Self:
        """Learn each task's median, mean and standard deviation of each feature."""
        values = self._values(table)
        self.medians_ = values.groupby(table["task"]).median()
        filled = values.fillna(self._of_task(self.medians_, table))
        self.means_ = filled.groupby(table["task"]).mean()
        deviations = filled.groupby(table["task"]).std(ddof=0)
        self.deviations_ = deviations.where(deviations > 1e-9, 1.0)  # equal values may differ in the last bit
        return self

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        """Shape (rows, features), without a missing value."""
        check_is_fitted(self, "deviations_")
        filled = self._values(table).fillna(self._of_task(self.medians_, table))
        centred = filled - self._of_task(self.means_, table)
        return (centred / self._of_task(self.deviations_, table)).fillna(0.0)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The features' own names."""
        return np.asarray(VOICE, dtype=object)

    @staticmethod
    def _values(table: pd.DataFrame) -> pd.DataFrame:
        values = table[VOICE].astype(float)
        for name in SKEWED:
            values[name] = np.log(values[name].where(values[name] > 0))
        return values

    @staticmethod
    def _of_task(learned: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
        """What was learned of each row's task, in the rows' order."""
        return learned.reindex(table["task"]).set_index(table.index)


def classifier(model: Baseline, settings: Settings, seed: int) -> Pipeline:
    """An unfitted baseline; rows are tables with `task`, the columns of AGE_SEX and VOICE.

    majority: the share of positives, for everyone. age_sex: logistic regression, missing values filled
    as `clinical.encoder` does. voice_linear: logistic regression; voice_forest: a random forest, seeded; both on VOICE,
    standardised within task, and on the task. The regressions are regularised (L2, C = 1) on standardised features.
    """
    if model == "majority":
        return Pipeline([("prior", DummyClassifier(strategy="prior"))])
    task = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer(
        [("voice", WithinTask(), ["task", *VOICE]), ("task", task, ["task"])], verbose_feature_names_out=False
    ).set_output(transform="pandas")
    if model == "voice_forest":
        forest = RandomForestClassifier(settings.trees, random_state=seed, n_jobs=1)
        return Pipeline([("columns", columns), ("forest", forest)])
    if model == "age_sex":
        columns = clinical.encoder(AGE_SEX, "subject_wise")
    scale = StandardScaler().set_output(transform="pandas")
    return Pipeline([("columns", columns), ("scale", scale), ("regression", LogisticRegression())])


def out_of_fold(
    rows: pd.DataFrame, model: Baseline, fold: int, settings: Settings, seed: int
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Fit a baseline on every row outside a fold, and score the rows in it.

    The majority's share is that of all rows: that of the training rows is the higher, the fewer positives the fold has,
    which would give a constant an AUC under 0.5 over the pairs of several folds.

    rows: recording_id, subject_id, label (1: the positive class), fold, and what `classifier` needs. Returns the tested
    rows' recording_id, subject_id, fold, label, probability (6 digits), and the weight of each feature
    (log odds for a standard deviation more) of a regression; of the others, none.
    """
    trained, tested = rows if model == "majority" else rows[rows["fold"] != fold], rows[rows["fold"] == fold]
    fitted = classifier(model, settings, seed_of(seed, f"baselines/{model}/{fold}")).fit(trained, trained["label"])
    predicted = tested[["recording_id", "subject_id", "fold", "label"]].copy()
    predicted["probability"] = fitted.predict_proba(tested)[:, 1].round(6)
    regression = fitted.named_steps.get("regression")
    if regression is None:
        return predicted, {}
    names = fitted[:-1].get_feature_names_out()
    return predicted, dict(zip(map(str, names), regression.coef_[0].tolist(), strict=True))
