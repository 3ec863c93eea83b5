"""Baselines that a network must beat, under the same folds: majority, age and sex, and classic voice features.

Voice features are standardised within their task; means and deviations come from the training rows. The reason: the
HNR of a syllable train is below that of a vowel in every voice, so only a comparison with other trains is informative.
A feature then has one weight for all tasks, and where a task lacks it (a vowel has no syllable rate) it is 0, neither
high nor low. Baselines need no validation subjects, so each fold trains on every row that it does not test.
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
"""Measures of spread, 0 or more. Their logarithm is used, so that doubling is the same step at every level."""


class Settings(Strict):
    """The `baselines` block of params.yaml."""

    trees: Count = 500


class WithinTask(TransformerMixin, BaseEstimator):
    """Standardise each voice feature within its recording's task, after filling missing values with the task's median.

    Tables have the columns `task` and VOICE. A feature is 0 in a task that had no value of it in `fit`, or was not in
    `fit` at all.
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
        """Standardised features, shape (rows, features), without missing values."""
        check_is_fitted(self, "deviations_")
        filled = self._values(table).fillna(self._of_task(self.medians_, table))
        centred = filled - self._of_task(self.means_, table)
        return (centred / self._of_task(self.deviations_, table)).fillna(0.0)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The names of the features."""
        return np.asarray(VOICE, dtype=object)

    @staticmethod
    def _values(table: pd.DataFrame) -> pd.DataFrame:
        values = table[VOICE].astype(float)
        for name in SKEWED:
            values[name] = np.log(values[name].where(values[name] > 0))
        return values

    @staticmethod
    def _of_task(learned: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
        """The learned values of each row's task, in the order of the rows."""
        return learned.reindex(table["task"]).set_index(table.index)


def classifier(model: Baseline, settings: Settings, seed: int) -> Pipeline:
    """Build an unfitted baseline. Its tables have `task` and the columns of AGE_SEX and VOICE.

    majority: the share of positives, for everyone. age_sex: logistic regression; `clinical.encoder` fills missing
    values. voice_linear: logistic regression; voice_forest: a seeded random forest; both on VOICE, standardised within
    task, and on the task. Regressions are regularised (L2, C = 1) and read standardised features.
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
    """Fit a baseline on all rows outside a fold, and predict the rows of the fold.

    Parameters
    ----------
    rows : DataFrame
        recording_id, subject_id, label (1 = positive class), fold, and the columns that `classifier` needs.
    model : str
        One of `BASELINES`.
    fold : int
        The test fold.

    Returns
    -------
    tuple of DataFrame and dict of str to float
        Predictions: recording_id, subject_id, fold, label, probability (6 digits). Weight of each feature, in log odds
        per standard deviation; empty unless the baseline is a regression.

    Notes
    -----
    `majority` predicts the share of positives of all rows. The share of the training rows would rise as the positives
    in the test fold become fewer, and the pooled AUC of this constant would fall below 0.5.
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
