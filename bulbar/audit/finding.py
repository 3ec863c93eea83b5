"""What a probe finds: a figure with its interval, a verdict, a sentence for a reviewer. The audit's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import Field

from bulbar.core.settings import MOST, Strict

Meaning = Literal["leak", "sign", "confounder"]
Verdict = Literal[Meaning, "suspect", "clear"]

LEAK_FROM = 0.60
"""An AUC whose interval lies above this predicts the label."""

LEVEL = 0.95
"""Of every interval of the audit: its verdicts are defined on it."""

LEAK_P, SUSPECT_P = 0.01, 0.05


@dataclass(frozen=True)
class Finding:
    """One row of the audit table.

    probe: the probe's name, such as `missingness`. of: what it looked at, such as `clinical all` or `record_wise`.
    figure: what `value` is, such as `AUC per subject`; low, high: its 95 % interval, NaN where it has none. p: of the
    shuffles, NaN where none were made. sentence: for a reviewer who has not read the code. details: what else the probe
    found, for metrics/audit.json; aggregates only, no value of one person.
    """

    probe: str
    of: str
    figure: str
    value: float
    verdict: Verdict
    sentence: str
    low: float = np.nan
    high: float = np.nan
    p: float = np.nan
    details: Mapping[str, Any] = field(default_factory=dict)


def p_of_shuffles(value: float, shuffled: np.ndarray) -> float:
    """How often nothing does as well as something: (b + 1) / (m + 1), b of m shuffles reach `value`.

    shuffled: the same figure after each shuffle, shape (m,). Source: Phipson and Smyth 2010.
    """
    return (int(np.sum(np.asarray(shuffled) >= value)) + 1) / (len(shuffled) + 1)


def verdict_of(low: float, p: float, *, meaning: Meaning = "leak") -> Verdict:
    """The one rule of all probes that predict the label from one thing alone.

    low: lower end of the AUC's 95 % interval. p: of the shuffles. meaning: what a thing that predicts it is called: a
    leak, or a legitimate sign of the disease, or a confounder.
    """
    if low > LEAK_FROM and p < LEAK_P:
        return meaning
    return "suspect" if p < SUSPECT_P else "clear"


class Settings(Strict):
    """The `audit` block of params.yaml. Fewer shuffles than 999 cannot carry a p under 0.01 with any certainty."""

    shuffles: int = Field(default=999, ge=999, le=MOST)
