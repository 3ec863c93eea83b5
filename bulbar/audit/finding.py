"""The result of a probe: a number with its interval, a verdict and a sentence for a reviewer. The audit's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import Field

from bulbar.core.settings import MOST, Strict

Meaning = Literal["leak", "sign", "confounder"]
Verdict = Literal[Meaning, "suspect", "clear", "not testable"]

LEAK_FROM = 0.60
"""If the whole interval of an AUC lies above this, the input predicts the label."""

LEVEL = 0.95
"""Confidence level of every interval of the audit; the verdicts are defined for this level."""

LEAK_P, SUSPECT_P = 0.01, 0.05


@dataclass(frozen=True)
class Finding:
    """One row of the audit table.

    Parameters
    ----------
    probe : str
        Name of the probe, such as `missingness`.
    of : str
        What the probe examined, such as `clinical all` or `record_wise`.
    figure : str
        What `value` measures, such as `AUC per subject`.
    value : float
        The measured number.
    verdict : {"leak", "suspect", "clear", "sign", "confounder"}
        Explained in `audit.page.MEANING`.
    sentence : str
        The result in words, for a reviewer who has not read the code.
    low, high : float
        Limits of the 95 % interval of `value`; NaN if it has none.
    p : float in (0, 1]
        p-value of the shuffles; NaN if there were none.
    details : mapping
        Other results, for metrics/audit.json: aggregates only, never a value of one person.
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
    """Permutation p-value: (b + 1) / (m + 1), where b of m shuffles reach `value`.

    Parameters
    ----------
    value : float
        The score with the observed labels.
    shuffled : array, shape (m,)
        The same score after each shuffle of the labels.

    Returns
    -------
    float in (0, 1]

    Notes
    -----
    Source: Phipson and Smyth 2010.

    Examples
    --------
    >>> p_of_shuffles(0.9, np.array([0.4, 0.95, 0.5]))
    0.5
    """
    return (int(np.sum(np.asarray(shuffled) >= value)) + 1) / (len(shuffled) + 1)


def verdict_of(low: float, p: float, *, meaning: Meaning = "leak") -> Verdict:
    """The verdict on an input that alone predicts the label, or does not. All probes use this rule.

    Parameters
    ----------
    low : float
        Lower limit of the 95 % interval of the AUC.
    p : float
        p-value of the shuffles.
    meaning : {"leak", "sign", "confounder"}
        The verdict if the input predicts the label: a leak, a legitimate sign of the disease or a confounder.

    Returns
    -------
    str
        `meaning` if `low` > 0.60 and `p` < 0.01; else `suspect` if `p` < 0.05; else `clear`.

    Examples
    --------
    >>> verdict_of(0.75, 0.001), verdict_of(0.55, 0.03), verdict_of(0.45, 0.4)
    ('leak', 'suspect', 'clear')
    """
    if low > LEAK_FROM and p < LEAK_P:
        return meaning
    return "suspect" if p < SUSPECT_P else "clear"


class Settings(Strict):
    """The `audit` block of params.yaml. With fewer than 999 shuffles a p-value below 0.01 is not reliable."""

    shuffles: int = Field(default=999, ge=999, le=MOST)
