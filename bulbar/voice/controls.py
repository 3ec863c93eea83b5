"""What is expected of a control of some age and sex: a regression over the cohort's controls, never single people."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from bulbar.core.disclosure import FEWEST_SHOWN
from bulbar.core.settings import Strict
from bulbar.voice.people import COVARIATES, covariates

WITHIN = 1.96
"""Standard deviations on either side that hold 95 % of a normal distribution."""


class Expected(NamedTuple):
    """The range that holds 95 % of controls, in the measure's unit."""

    low: float
    high: float


class Line(Strict):
    """A measure's regression: intercept, one coefficient for each covariate, and the residual standard deviation."""

    coefficients: tuple[float, ...]
    sd: float


class ControlRanges(Strict):
    """Regressions of every measure on age and sex over the controls.

    covariates: names and the controls' means, which stand in where a value is not known. lines: by column.
    """

    covariates: dict[str, float]
    lines: dict[str, Line]

    @classmethod
    def of(cls, rows: pd.DataFrame, subjects: pd.DataFrame, controls: Sequence[str]) -> Self:
        """Learn from the controls.

        Parameters
        ----------
        rows : DataFrame
            One row per person, from `model.rows_for`.
        subjects : DataFrame
            subject_id, age_years, sex.
        controls : sequence of str
            subject_id of each control.

        A column that fewer than five controls have is left out.
        """
        known = covariates(subjects, COVARIATES).reindex(list(controls))
        means = known.mean().fillna(0.0)
        lines = {}
        for name in rows.columns.difference(known.columns, sort=False):
            values = rows[name].reindex(list(controls)).dropna()
            if len(values) < max(FEWEST_SHOWN, known.shape[1] + 2):
                continue
            design = np.column_stack([np.ones(len(values)), known.loc[values.index].fillna(means)])
            found, *_ = np.linalg.lstsq(design, values.to_numpy(), rcond=None)
            left = values.to_numpy() - design @ found
            sd = float(np.sqrt(np.sum(left**2) / (len(values) - design.shape[1])))
            lines[str(name)] = Line(coefficients=tuple(map(float, found)), sd=sd)
        return cls(covariates={str(name): float(value) for name, value in means.items()}, lines=lines)

    def expected(self, column: str, person: pd.Series) -> Expected | None:
        """The range of a control of this person's age and sex; None where too few controls have the measure.

        person: the columns of `people.covariates`, NaN or absent where not known.
        """
        line = self.lines.get(column)
        if line is None:
            return None
        values = [1.0]
        for name, mean in self.covariates.items():
            value = float(person.get(name, np.nan))
            values.append(mean if np.isnan(value) else value)
        middle = float(np.dot(values, line.coefficients))
        return Expected(middle - WITHIN * line.sd, middle + WITHIN * line.sd)
