"""A claim of the paper, what it is judged on, and the rules of the verdicts.

Switrayana et al. 2025, sections 3 to 5. A claim's verdict is

- of an ordering (A above B): `held` where every paired difference that it speaks of has an interval above 0,
  `not held` where one has an interval below 0, else `not testable`. With several differences each interval is widened
  (Bonferroni), so that all of them hold together;
- of a level (80.33 %): `held` where the interval lies at or above it, `not held` where it lies below, else
  `not testable`;
- of the paper's own digits: an ordering is read off as it stands, and one counterexample refutes `consistently` or
  `never`;
- `not testable` where a cell or model is missing, where no network involved is shown to have learnt anything (all call
  everyone the same; of a sweep: none is above the majority), or where an interval leaves both sides open. The
  reason is given.

Accuracy per recording is the paper's measure, and ours here; intervals come from drawing subjects, the same draws for
all cells.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from bulbar.audit.collapse import Accuracies
from bulbar.core.names import Cell
from bulbar.scoring import metrics

Verdict = Literal["held", "not held", "not testable"]

ARCHITECTURES = tuple(f"S{depth}{pooling}" for depth in range(1, 6) for pooling in "AB")

DROPOUT_RATES = (0.5, 0.4, 0.3, 0.2, 0.1, 0.0)

BEST = Cell("S1B", 0.3)
"""The cell of the paper's 80.33 %."""


@dataclass(frozen=True)
class Run:
    """What one protocol of ours left behind.

    predictions: cell -> its out-of-fold table. models: `selected` and `published` -> model (audio, clinical_all,
    clinical_common, fused_all, fused_common) -> its out-of-fold table. histories: the same -> a row per fold and epoch
    (fold, epoch, accuracy, validation_loss). baselines: name -> out-of-fold table. The last three may lack anything.
    """

    protocol: str
    predictions: Mapping[Cell, pd.DataFrame]
    models: Mapping[str, Mapping[str, pd.DataFrame]] = field(default_factory=dict)
    histories: Mapping[str, Mapping[str, pd.DataFrame]] = field(default_factory=dict)
    baselines: Mapping[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What one source says of a claim.

    of: `paper`, or a protocol of ours with the cell where both were run. figure: what `value` is; low, high: its
    interval over subjects, NaN where it has none. because: why the verdict is what it is, and what explains it.
    """

    of: str
    figure: str
    value: float
    low: float
    high: float
    verdict: Verdict
    because: str


@dataclass(frozen=True)
class Claim:
    """One claim: its words and section in the paper, the paper's digits on it, and what each source says."""

    name: str
    quote: str
    section: str
    digits: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Evidence:
    """What every claim is judged on."""

    printed: Mapping[Cell, float]
    audio: float
    fused: float
    runs: Sequence[Run]
    measured: Mapping[str, Accuracies]
    draws: int
    level: float
    seed: int

    def mean(self, cells: Collection[Cell]) -> float:
        """The mean of the paper's printed accuracies of some cells, in percent."""
        return float(np.mean([self.printed[cell] for cell in cells]))


def cells_at(architectures: Collection[str], rates: Collection[float] = DROPOUT_RATES) -> list[Cell]:
    """Every cell of these architectures at these dropout rates."""
    return [Cell(architecture, rate) for architecture in architectures for rate in rates]


def paper_answer(figure: str, value: float, verdict: Verdict, because: str) -> Answer:
    """What the paper's own digits say of a claim: no interval."""
    return Answer("paper", figure, value, np.nan, np.nan, verdict, because)


def untestable(of: str, figure: str, because: str) -> Answer:
    """That a claim cannot be tested here, and why; no value."""
    return Answer(of, figure, np.nan, np.nan, np.nan, "not testable", because)


def listed(names: Collection[Any], most: int = 4) -> str:
    """The first few names, and how many more there are."""
    words = [f"{name.architecture} at {name.dropout_rate}" if isinstance(name, Cell) else str(name) for name in names]
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def ordering(
    of: str,
    figure: str,
    measured: Accuracies,
    differences: Mapping[str, np.ndarray],
    level: float,
    because: str,
) -> Answer:
    """A claim that every one of `differences` of `measured` is above 0; each of shape (1 + draws,), its value first.

    Its value is the smallest difference, with the interval that holds for all of them together.
    """
    n = len(differences)
    widened = 1 - (1 - level) / n
    bounds = {name: measured.interval(values, widened) for name, values in differences.items()}
    smallest = min(differences, key=lambda name: float(differences[name][0]))
    below = [name for name, (_, high) in bounds.items() if high < 0]
    unclear = [name for name, (low, high) in bounds.items() if low <= 0 <= high]
    verdict: Verdict = "not held" if below else "not testable" if unclear else "held"
    reason = {
        "held": "",
        "not held": f"{len(below)} of {n} differences lie below 0; the lowest: {smallest}. " if n > 1 else "",
        "not testable": f"The intervals of {len(unclear)} of {n} differences hold 0; the lowest: {smallest}. "
        if n > 1
        else "The interval holds 0. ",
    }[verdict]
    return Answer(of, figure, float(differences[smallest][0]), *bounds[smallest], verdict, f"{reason}{because}".strip())


def nothing_learnt(answer: Answer, why: str) -> Answer:
    """The same answer, its verdict taken back: networks that learnt nothing hold no claim and refute none."""
    return replace(answer, verdict="not testable", because=f"{why} {answer.because}".strip())


def accuracy_of_folds(table: pd.DataFrame) -> pd.Series:
    """The accuracy in each fold of an out-of-fold table, by fold."""
    right = pd.Series(metrics.called(table["probability"]) == table["label"].to_numpy())
    return right.groupby(table["fold"].to_numpy()).mean()
