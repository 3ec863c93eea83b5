"""Random search over a grid whose every point is fitted: how close it comes, and after how many trials."""

from typing import Any

import numpy as np
import pandas as pd

CLOSE = 0.1
"""A search is close to the grid's best point when it has gone nine tenths of the way there from the median point."""


def replay(losses: np.ndarray, *, orders: int, seed: int) -> pd.DataFrame:
    """How close a random search of the first n points comes to the best of a grid, over many random orders of the grid.

    losses: of each of the grid's points, shape (N,), NaN where training failed. Returns n (1 to N), found_best (the
    share of orders that hold a point as good as the best by then), gap_median, gap_low, gap_high (how far the best by
    then lies above the grid's, median and the inner 95 % of the orders; NaN where nothing but failures is), close
    (share of orders within CLOSE of the way from the median point).
    """
    best = np.minimum.accumulate(_reordered(losses, orders, seed), axis=1)
    gaps = best - np.nanmin(losses)
    low = np.quantile(gaps, 0.025, axis=0, method="lower")  # ranks alone: an infinite gap is no number to interpolate
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
    """Trials that a random search takes to come close, as in `replay`: the median of its orders, and the inner 95 %."""
    first = 1 + np.argmax(_reordered(losses, orders, seed) <= _close_to_best(losses), axis=1)
    low, median, high = np.quantile(first, [0.025, 0.5, 0.975])
    return float(median), float(low), float(high)


def _reordered(losses: np.ndarray, orders: int, seed: int) -> np.ndarray:
    """The losses in many random orders, shape (orders, N); where training failed, infinite."""
    generator = np.random.default_rng(seed)
    ranked = np.where(np.isnan(losses), np.inf, losses)
    return np.stack([generator.permutation(ranked) for _ in range(orders)])


def _close_to_best(losses: np.ndarray) -> float:
    """The highest loss that counts as close to the lowest one."""
    lowest = np.nanmin(losses)
    return float(lowest + CLOSE * (np.nanmedian(losses) - lowest))


def summary(losses: np.ndarray, *, orders: int, seed: int) -> dict[str, Any]:
    """The few numbers of `replay` and `trials_until_close`."""
    median, low, high = trials_until_close(losses, orders=orders, seed=seed)
    return {
        "orders": orders,
        "grid_points": len(losses),
        "close_is": f"within {CLOSE:.0%} of the way from the grid's best to its median point",
        "trials_until_close": {"median": median, "low": low, "high": high},
        "share_of_the_grid": median / len(losses),
    }
