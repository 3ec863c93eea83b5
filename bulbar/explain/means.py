"""From rows of images to people: means over a subject's recordings, then over subjects, with intervals."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from bulbar import disclosure, uncertainty


class Mean(NamedTuple):
    """A mean over subjects with the ends of its interval."""

    value: float
    low: float
    high: float


def of_groups(values: np.ndarray, names: pd.Series) -> tuple[pd.Index, np.ndarray]:
    """The mean of the rows of each name, sorted by name: names, and an array of shape (names, ...)."""
    which, known = pd.factorize(names, sort=True)
    flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    sums = np.zeros((len(known), flat.shape[1]))
    np.add.at(sums, which, flat)
    counts = np.bincount(which, minlength=len(known))
    return pd.Index(known), (sums / counts[:, np.newaxis]).reshape(len(known), *np.shape(values)[1:])


def over_subjects(values: np.ndarray, labels: np.ndarray, *, draws: int, level: float, seed: int) -> Mean:
    """The mean of one number per subject, its interval from drawing subjects within each class.

    NaN, withheld, of fewer than five subjects.
    """
    if len(values) < disclosure.FEWEST_SHOWN:
        return Mean(np.nan, np.nan, np.nan)
    drawn = uncertainty.drawn_subjects(labels, draws=draws, seed=seed) @ values / len(values)
    return Mean(
        float(np.mean(values)), *uncertainty.percentiles(drawn, level, subjects=uncertainty.smaller_class(labels))
    )
