"""What printed digits can stand for: every score, and every k of n, that prints so."""

from decimal import Decimal
from typing import Literal

import numpy as np
import numpy.typing as npt

Printing = Literal["rounded", "cut off"]
PRINTINGS: tuple[Printing, ...] = ("rounded", "cut off")

_SLACK = 1e-9
"""Of a score in percent: what floating point may add or take."""


def bounds(text: str, printing: Printing) -> tuple[float, float]:
    """Lowest and highest score in percent that prints as `text`, both included: a half may go up or down.

    text: in percent; its digits say to what it was printed, `92` to whole percents, `98.57` to hundredths. Of digits
    cut off the highest is the next value, which itself does not print so.
    """
    value = Decimal(text)
    step = Decimal(1).scaleb(int(value.as_tuple().exponent))
    below, above = (step / 2, step / 2) if printing == "rounded" else (Decimal(0), step)
    return float(value - below), float(value + above)


def admits(text: str, percent: np.ndarray, printing: Printing) -> np.ndarray:
    """Which scores in percent could print as `text`; NaN never does."""
    low, high = bounds(text, printing)
    return (percent >= low - _SLACK) & (percent < high + (_SLACK if printing == "rounded" else -_SLACK))


def counts(text: str, of: npt.ArrayLike, printing: Printing = "rounded") -> tuple[np.ndarray, np.ndarray]:
    """Every n of `of` with every k for which k of n prints as `text`: two arrays of one length, by n, then by k."""
    n = np.asarray(of, dtype=int)
    low, high = np.array(bounds(text, printing))[:, None] / 100 * n
    n, k = whole_numbers(n, np.maximum(low, 0), np.minimum(high, n))
    fits = admits(text, 100 * k / n, printing)
    return n[fits], k[fits]


def whole_numbers(of: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each element with each whole number of its own range, the ends included: two arrays of one length."""
    first, last = np.ceil(low - _SLACK).astype(int), np.floor(high + _SLACK).astype(int)
    times = np.maximum(last - first + 1, 0)
    steps = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    return np.repeat(of, times), np.repeat(first, times) + steps
