"""How answers put protocols, shares and scores into words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

SPLIT = {"record_wise": "Split by recording", "subject_wise": "Split by subject"}
"""A protocol as an answer names it."""


def joined(names: Sequence[str]) -> str:
    """Such as `A, B and C`."""
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)


def percent(share: float) -> str:
    """A share in [0, 1], such as `66.7 %`."""
    return f"{100 * share:.1f} %"


def score(value: float | None) -> str:
    """Such as `0.712`."""
    return "not defined" if value is None or not np.isfinite(value) else f"{value:.3f}"


def estimate(of: Mapping[str, float | None]) -> str:
    """A score that lies in its file with its interval (value, low, high), such as `0.712 (0.612 to 0.812)`."""
    return f"{score(of['value'])} ({score(of['low'])} to {score(of['high'])})"


def with_interval(scores: Mapping[str, Any], name: str, *, interval: str | None = None) -> str:
    """A score as `estimate` prints it, alone where its file has no interval.

    scores: name -> score, and `intervals`: name -> (low, high). interval: the score's name there, where it differs.
    """
    low, high = scores.get("intervals", {}).get(interval or name, (None, None))
    if low is None or high is None:
        return score(scores[name])
    return estimate({"value": scores[name], "low": low, "high": high})
