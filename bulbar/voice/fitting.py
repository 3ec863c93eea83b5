"""How a regression is fitted: fill in, adjust for covariates, standardise, clip, select, regress."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
from pydantic import PositiveFloat
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_selection import SelectKBest, r_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted

from bulbar.core.settings import Count, Strict
from bulbar.voice.regression import CLIP, Covariate, Feature, StoredRegression


class Adjustment(TransformerMixin, BaseEstimator):
    """Subtract from each column its linear regression on the last `covariates` columns, which are then dropped.

    The regression is learned in `fit`, from all rows of both classes. Without covariates it subtracts the mean.

    Parameters
    ----------
    covariates : int
        How many of the last columns are covariates.
    """

    def __init__(self, covariates: int) -> None:
        self.covariates = covariates

    def fit(self, values: np.ndarray, labels: object = None) -> Self:
        """Learn the regressions. values: shape (rows, columns + covariates), without NaN."""
        columns, design = self._split(values)
        self.coefficients_, *_ = np.linalg.lstsq(design, columns, rcond=None)
        return self

    def transform(self, values: np.ndarray) -> np.ndarray:
        """The residuals, shape (rows, columns)."""
        check_is_fitted(self, "coefficients_")
        columns, design = self._split(values)
        return columns - design @ self.coefficients_

    def _split(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = np.asarray(values, dtype=float)
        columns = values.shape[1] - self.covariates
        return values[:, :columns], np.column_stack([np.ones(len(values)), values[:, columns:]])


class Recipe(Strict):
    """How a regression is fitted. strongest: so many columns are selected in each fold; None: all. c: inverse of the
    strength of the L2 penalty, as in scikit-learn.
    """

    strongest: Count | None = None
    c: PositiveFloat


def fit(rows: pd.DataFrame, covariates: pd.DataFrame, labels: Sequence[int], recipe: Recipe) -> StoredRegression:
    """Fit a regression; everything is learned from these rows alone.

    The steps: the median fills in a missing value; a linear regression on the covariates, over all rows of both
    classes, is subtracted; the column is standardised, and clipped at 3 standard deviations; the columns with the
    strongest absolute correlation with the label are selected; a logistic regression (L2, balanced classes) follows.

    Parameters
    ----------
    rows : DataFrame, shape (people, columns)
        Measures of the training people.
    covariates : DataFrame, shape (people, covariates)
        In the order of `rows`; without columns, nothing is adjusted.
    labels : sequence of int
        1 or 0 for each person.
    recipe : Recipe
        Strength of the penalty and number of selected columns.
    """
    rows = rows.loc[:, rows.max() > rows.min()]  # after adjustment a constant column would be noise of rounding
    if not rows.shape[1]:
        return StoredRegression(covariates=(), features=(), intercept=0.0)
    count = covariates.shape[1]
    pipeline = Pipeline(
        [
            ("fill", SimpleImputer(strategy="median", keep_empty_features=True)),
            ("adjust", Adjustment(count)),
            ("scale", StandardScaler()),
            ("clip", FunctionTransformer(np.clip, kw_args={"a_min": -CLIP, "a_max": CLIP})),
            ("select", SelectKBest(_strength, k=min(recipe.strongest or rows.shape[1], rows.shape[1]))),
            ("regression", LogisticRegression(C=recipe.c, class_weight="balanced", max_iter=5000)),
        ]
    )
    pipeline.fit(np.column_stack([rows, covariates]), np.asarray(labels, dtype=int))
    steps = pipeline.named_steps
    medians, adjustment, scale = np.nan_to_num(steps["fill"].statistics_), steps["adjust"].coefficients_, steps["scale"]
    selected, weights = steps["select"].get_support(indices=True), steps["regression"].coef_[0]
    features = tuple(
        Feature(
            name=str(rows.columns[place]),
            median=float(medians[place]),
            adjustment=tuple(map(float, adjustment[:, place])),
            mean=float(scale.mean_[place]),
            sd=float(scale.scale_[place]),
            weight=float(weight),
        )
        for place, weight in zip(selected, weights, strict=True)
    )
    known = zip(covariates.columns, medians[rows.shape[1] :], strict=True)
    return StoredRegression(
        covariates=tuple(Covariate(name=str(name), median=float(median)) for name, median in known),
        features=features,
        intercept=float(steps["regression"].intercept_[0]),
    )


def _strength(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Absolute correlation of each column with the label; 0 of a constant column."""
    return np.nan_to_num(np.abs(r_regression(values, labels)))
