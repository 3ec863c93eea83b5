"""Random search simulated on a grid with all points fitted: how close it comes to the best, after how many trials."""

from typing import Any

import numpy as np
import pandas as pd

CLOSE = 0.1
"""A search is close to the grid's best point after 90 % of the way from the median point: 10 % are left."""


def replay(losses: np.ndarray, *, orders: int, seed: int) -> pd.DataFrame:
    """Simulate random searches: how close the first n points come to the best of the grid, over many random orders.

    Parameters
    ----------
    losses : array, shape (N,)
        Validation loss of each point of the grid; NaN if training failed.
    orders : int > 0
        Number of random orders.
    seed : int
        Seed of the orders.

    Returns
    -------
    DataFrame
        n: 1 to N. found_best: share of orders with a point as good as the grid's best. gap_median, gap_low, gap_high:
        best loss so far minus that of the grid, median and inner 95 % of the orders; NaN if all points so far failed.
        close: share of orders within CLOSE of the way from the median point.
    """
    best = np.minimum.accumulate(_reordered(losses, orders, seed), axis=1)
    gaps = best - np.nanmin(losses)
    low = np.quantile(gaps, 0.025, axis=0, method="lower")  # no interpolation, because a gap may be infinite
    median = np.quantile(gaps, 0.5, axis=0, method="averaged_inverted_cdf")
    high = np.quantile(gaps, 0.975, axis=0, method="higher")
    table = pd.DataFrame(
        {
            "n": np.arange(1, len(losses) + 1),
            "found_best": (gaps == 0).mean(axis=0),
            "gap_median": median,
            "gap_low": low,
            "gap_high": high,
            "close": (best <= _close_to_best(losses)).mean(axis=0),
        }
    )
    return table.replace(np.inf, np.nan)


def trials_until_close(losses: np.ndarray, *, orders: int, seed: int) -> tuple[float, float, float]:
    """Number of trials until a random search is close, as in `replay`: median, and ends of the inner 95 %."""
    first = 1 + np.argmax(_reordered(losses, orders, seed) <= _close_to_best(losses), axis=1)
    low, median, high = np.quantile(first, [0.025, 0.5, 0.975])
    return float(median), float(low), float(high)


def _reordered(losses: np.ndarray, orders: int, seed: int) -> np.ndarray:
    """The losses in many random orders, shape (orders, N); infinite if training failed."""
    generator = np.random.default_rng(seed)
    ranked = np.where(np.isnan(losses), np.inf, losses)
    return np.stack([generator.permutation(ranked) for _ in range(orders)])


def _close_to_best(losses: np.ndarray) -> float:
    """The highest loss that counts as close to the lowest one."""
    lowest = np.nanmin(losses)
    return float(lowest + CLOSE * (np.nanmedian(losses) - lowest))


def summary(losses: np.ndarray, *, orders: int, seed: int) -> dict[str, Any]:
    """The main numbers of `replay` and `trials_until_close`, for metrics."""
    median, low, high = trials_until_close(losses, orders=orders, seed=seed)
    return {
        "orders": orders,
        "grid_points": len(losses),
        "close_is": f"within {CLOSE:.0%} of the way from the grid's best to its median point",
        "trials_until_close": {"median": median, "low": low, "high": high},
        "share_of_the_grid": median / len(losses),
    }
