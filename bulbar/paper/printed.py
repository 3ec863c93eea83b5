"""Which numbers fit printed digits: the range of scores, and every fraction k of n, that are printed like this."""

from decimal import Decimal
from typing import Literal

import numpy as np
import numpy.typing as npt

Printing = Literal["rounded", "cut off"]
PRINTINGS: tuple[Printing, ...] = ("rounded", "cut off")

_SLACK = 1e-9
"""Tolerance for floating-point error, in percent."""


def bounds(text: str, printing: Printing) -> tuple[float, float]:
    """Lowest and highest score that is printed as `text`.

    Parameters
    ----------
    text : str
        A score in percent. Its digits show the precision: `92` is in whole percent, `98.57` in hundredths.
    printing : {"rounded", "cut off"}
        How the score was printed.

    Returns
    -------
    low, high : float
        In percent. If rounded, both are included, because a half may go up or down. If cut off, `high` is excluded.

    Examples
    --------
    >>> bounds("92", "rounded"), bounds("92", "cut off")
    ((91.5, 92.5), (92.0, 93.0))
    """
    value = Decimal(text)
    step = Decimal(1).scaleb(int(value.as_tuple().exponent))
    below, above = (step / 2, step / 2) if printing == "rounded" else (Decimal(0), step)
    return float(value - below), float(value + above)


def admits(text: str, percent: np.ndarray, printing: Printing) -> np.ndarray:
    """Whether each score in percent could be printed as `text`; False for NaN."""
    low, high = bounds(text, printing)
    return (percent >= low - _SLACK) & (percent < high + (_SLACK if printing == "rounded" else -_SLACK))


def counts(text: str, of: npt.ArrayLike, printing: Printing = "rounded") -> tuple[np.ndarray, np.ndarray]:
    """Find all fractions k of n that are printed as `text`.

    Parameters
    ----------
    text : str
        A score in percent.
    of : array-like of int
        Values of n to try.
    printing : {"rounded", "cut off"}
        How the score was printed.

    Returns
    -------
    n, k : array of int
        Of equal length, sorted by n, then by k.

    Examples
    --------
    >>> n, k = counts("80.33", [244, 245])
    >>> n.tolist(), k.tolist()
    ([244], [196])
    """
    n = np.asarray(of, dtype=int)
    low, high = np.array(bounds(text, printing))[:, None] / 100 * n
    n, k = whole_numbers(n, np.maximum(low, 0), np.minimum(high, n))
    fits = admits(text, 100 * k / n, printing)
    return n[fits], k[fits]


def whole_numbers(of: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pair each element with every whole number of its range [low, high]: two arrays of equal length."""
    first, last = np.ceil(low - _SLACK).astype(int), np.floor(high + _SLACK).astype(int)
    times = np.maximum(last - first + 1, 0)
    steps = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    return np.repeat(of, times), np.repeat(first, times) + steps
