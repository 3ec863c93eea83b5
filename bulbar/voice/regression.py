"""A fitted logistic regression on adjusted, standardised measures, as plain numbers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bulbar.core.settings import Strict

CLIP = 3.0
"""Standard deviations from the mean beyond which a measure counts as this far away."""


class Covariate(Strict):
    """A covariate, and the median that stands in where it is not known."""

    name: str
    median: float


class Feature(Strict):
    """One column of a person's row, and what the training rows taught about it.

    median: stands in for a missing value. adjustment: intercept, then one coefficient for each covariate: the value
    expected at these covariates. mean, sd: of the adjusted column. weight: log-odds for one sd more.
    """

    name: str
    median: float
    adjustment: tuple[float, ...]
    mean: float
    sd: float
    weight: float


class StoredRegression(Strict):
    """A fitted regression as plain numbers: it predicts without scikit-learn, and is stored as JSON."""

    covariates: tuple[Covariate, ...]
    features: tuple[Feature, ...]
    intercept: float

    def standardised(self, rows: pd.DataFrame) -> np.ndarray:
        """Impute, adjust, standardise and clip a table of people.

        Parameters
        ----------
        rows : DataFrame
            One row per person, with the columns of features and covariates; NaN, or no such column, is missing.

        Returns
        -------
        array, shape (people, features)
        """
        values = _filled(rows, [(feature.name, feature.median) for feature in self.features])
        known = _filled(rows, [(one.name, one.median) for one in self.covariates])
        if not self.features:
            return np.zeros((len(rows), 0))
        design = np.column_stack([np.ones(len(rows)), known])
        expected = design @ np.array([feature.adjustment for feature in self.features]).T
        means, sds = (np.array([getattr(feature, name) for feature in self.features]) for name in ("mean", "sd"))
        return np.clip((values - expected - means) / sds, -CLIP, CLIP)

    def contributions(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to each person's log-odds, shape (people, features), named by feature."""
        weights = np.array([feature.weight for feature in self.features])
        names = [feature.name for feature in self.features]
        return pd.DataFrame(self.standardised(rows) * weights, index=rows.index, columns=names)

    def log_odds(self, rows: pd.DataFrame) -> np.ndarray:
        """Log-odds of label 1 of each person, shape (people,)."""
        return self.contributions(rows).to_numpy().sum(axis=1) + self.intercept


def _filled(rows: pd.DataFrame, named: Sequence[tuple[str, float]]) -> np.ndarray:
    names, medians = [name for name, _ in named], [median for _, median in named]
    values = rows.reindex(columns=names).to_numpy(dtype=float)
    return np.where(np.isnan(values), medians, values) if names else np.zeros((len(rows), 0))
