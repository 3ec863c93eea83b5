"""The paper's claims (reference/als_claims.toml), judged on the paper's own digits and on our runs.

Rules of the verdicts:

- Ordering (A above B): `held` if every paired difference has an interval above 0; `not held` if one has an interval
  below 0, or if B classifies every recording correctly; else `not testable`. With several differences each interval is
  widened (Bonferroni), so that all hold together.
- Level (80.33 %): `held` if the interval is at or above it, `not held` if it is below, else `not testable`.
- The paper's own digits: an ordering is compared without intervals. A level is `not held` if its digits can only come
  from one fold, because the claim is about the model.
- `not testable` if a cell or model is missing, or if no network involved is shown to have learned anything: all predict
  one class for everyone or, in a sweep, none is above the majority baseline.

The measure is accuracy per recording, as in the paper. Intervals are bootstrap intervals over subjects, with the same
draws for all cells.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from bulbar.audit import collapse
from bulbar.audit.collapse import Accuracies
from bulbar.core.markdown import with_interval
from bulbar.core.names import Cell
from bulbar.core.settings import Strict
from bulbar.paper import als_digits, tables
from bulbar.paper.orderings import Ordering, inside, parsed
from bulbar.scoring import intervals
from bulbar.scoring import metrics as scores

Holds = Literal["held", "not held", "not testable"]

PAPER = "paper"
"""Name of the source of the paper's own digits."""

OVERFITTED_FROM = 0.05
"""If the training accuracy exceeds the test accuracy by this much, it counts as overfitting."""


class Claim(Strict):
    """One claim. The head of reference/als_claims.toml explains the fields."""

    name: str
    quote: str
    section: str
    digits: str
    measure: str
    compare: tuple[str, ...] = ()
    compare_in_paper: tuple[str, ...] = ()
    within: Literal["", "architecture", "dropout_rate"] = ""
    holds_in: int = 0
    model: str = ""
    at_least: float = 0.0
    rule: Literal["", "averaged_over_folds", "no_overfitting"] = ""
    also_shown: tuple[str, ...] = ()
    note: str = ""


class ClaimTable(Strict):
    """The file reference/als_claims.toml. `groups`: name -> regular expression of the cells in the group."""

    groups: dict[str, str]
    claim: tuple[Claim, ...]


@dataclass(frozen=True)
class ProtocolRun:
    """The results of one of our protocols. All but `predictions` may be incomplete.

    Parameters
    ----------
    protocol : str
        Name of the protocol.
    predictions : mapping
        Cell -> out-of-fold table.
    models : mapping
        `selected` and `published` -> model (audio, clinical_all, clinical_common, fused_all, fused_common) ->
        out-of-fold table.
    histories : mapping
        The same keys -> table with one row per fold and epoch (fold, epoch, accuracy, validation_loss).
    baselines : mapping
        name -> out-of-fold table.
    """

    protocol: str
    predictions: Mapping[Cell, pd.DataFrame]
    models: Mapping[str, Mapping[str, pd.DataFrame]] = field(default_factory=dict)
    histories: Mapping[str, Mapping[str, pd.DataFrame]] = field(default_factory=dict)
    baselines: Mapping[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """The numbers on which a claim is judged: the paper's digits (without draws) or one of our protocols.

    Parameters
    ----------
    name : str
        `paper`, the protocol, or the protocol with the cell if both cells were run.
    accuracies : Accuracies
        Of cells or models.
    drawing : mapping
        draws, level and seed of the intervals.
    tables : mapping
        name -> out-of-fold table behind the accuracies.
    of_sweep : bool
        Whether the accuracies are those of cells.
    baselines, histories : mapping
        As in `ProtocolRun`.
    """

    name: str
    accuracies: Accuracies[str]
    drawing: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    of_sweep: bool = True
    baselines: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    histories: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def is_paper(self) -> bool:
        """Whether these are the paper's own digits, which are compared without intervals."""
        return self.name == PAPER

    def result(
        self, claim: Claim, because: str, verdict: Holds = "not testable", *values: float, measure: str = ""
    ) -> "ClaimResult":
        """A verdict on a claim. `values` are the value and the limits of its interval, as far as they exist."""
        value, low, high = [*values, np.nan, np.nan, np.nan][:3]
        return ClaimResult(self.name, verdict, measure or claim.measure, value, low, high, because.strip())

    def difference(self, ordering: Ordering, level: float) -> intervals.Difference:
        """First minus second, with its interval; the paper has no interval."""
        values = ordering.difference(self.accuracies)
        return intervals.Difference(float(values[0]), *self.accuracies.interval(values, level), np.nan)


@dataclass(frozen=True)
class ClaimResult:
    """The verdict of one source on a claim.

    `figure` names the measure of `value`; `low` and `high` are its interval over subjects, NaN if it has none;
    `because` gives the reason for the verdict.
    """

    source: str
    verdict: Holds
    figure: str
    value: float
    low: float
    high: float
    because: str


class JudgedClaim(NamedTuple):
    """A claim and the verdict of each source."""

    claim: Claim
    results: list[ClaimResult]


def judge(
    claims: ClaimTable,
    table_4: pd.DataFrame,
    table_5: pd.DataFrame,
    runs: Sequence[ProtocolRun],
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> list[JudgedClaim]:
    """Judge every claim on the paper's digits and on our runs.

    Parameters
    ----------
    claims : ClaimTable
        The claims.
    table_4 : DataFrame
        Of reference/: code, dropout_0.5 and so on, in percent.
    table_5 : DataFrame
        Of reference/: modality, accuracy, in percent.
    runs : sequence of ProtocolRun
        Ours, one per protocol.
    draws, level, seed
        As for `intervals.intervals`.

    Returns
    -------
    list of JudgedClaim
        For each claim one verdict from the paper, then one from each run.
    """
    drawing = {"draws": draws, "level": level, "seed": seed}
    printed = {str(cell): percent for cell, percent in tables.paper_by_cell(table_4).items()}
    paper, sweeps, models = _paper(printed, table_5, drawing), [], []
    for run in runs:
        cells = {str(cell): table for cell, table in run.predictions.items()}
        sweeps.append(Source(run.protocol, _accuracies(cells, draws, seed), drawing, cells))
        for cell in ("published", "selected"):
            of_cell, histories = run.models.get(cell, {}), run.histories.get(cell, {})
            own = (_accuracies(of_cell, draws, seed), drawing, of_cell, False, run.baselines, histories)
            models.append(Source(f"{run.protocol}, {cell} cell", *own))
    judged = []
    for claim in claims.claim:
        compare, in_paper, also_shown = (
            parsed(texts, claims.groups, printed)
            for texts in (claim.compare, claim.compare_in_paper or claim.compare, claim.also_shown)
        )
        needed = list(dict.fromkeys(chain.from_iterable(each.names for each in compare))) or [claim.model]
        ours = sweeps if set(needed) <= set(printed) else models
        results = [_result(claim, paper, needed, in_paper, also_shown)]
        results += [_result(claim, source, needed, compare, also_shown) for source in ours]
        judged.append(JudgedClaim(claim, results))
    return judged


def _accuracies(found: Mapping[str, pd.DataFrame], draws: int, seed: int) -> Accuracies[str]:
    if found:
        return collapse.accuracies(found, draws=draws, seed=seed)
    return Accuracies((), np.empty((1, 0)), np.empty(1), frozenset(), 0)


def _paper(printed: Mapping[str, float], table_5: pd.DataFrame, drawing: Mapping[str, Any]) -> Source:
    """The paper's Tables 4 and 5. Cells that equal the share of patients in a fold count as collapsed."""
    of_modality = table_5.set_index("modality")["accuracy"]
    of_models = {model: float(of_modality[modality]) for model, modality in tables.PAPER_MODALITY.items()}
    percents = {**printed, **of_models}
    shares = als_digits.patient_shares()
    at_share = frozenset(name for name, percent in printed.items() if als_digits.hundredths(percent) in shares)
    drawn = np.array([list(percents.values())]) / 100
    accuracies = Accuracies(tuple(percents), drawn, np.array([tables.PAPER_MAJORITY / 100]), at_share, 0)
    return Source(PAPER, accuracies, drawing)


def _result(
    claim: Claim, source: Source, needed: Sequence[str], compare: Sequence[Ordering], also_shown: Sequence[Ordering]
) -> ClaimResult:
    missing = [name for name in needed if name not in source.accuracies.cells]
    if missing:
        who = "The paper does not show" if source.is_paper else "This run does not include"
        return source.result(claim, f"{who} {listed(missing)}. {claim.note if source.is_paper else ''}")
    if claim.rule:
        return RULES[claim.rule](claim, source)
    result = _of_orderings(claim, source, compare, also_shown) if compare else _of_level(claim, source)
    if source.is_paper:
        return replace(result, because=f"{result.because} {claim.note}".strip())
    nothing_learnt = _nothing_learnt(source, needed)
    if nothing_learnt:  # such networks can neither support nor refute a claim
        return replace(result, verdict="not testable", because=f"{nothing_learnt} {result.because}")
    return result


def _nothing_learnt(source: Source, needed: Sequence[str]) -> str:
    """Why none of these cells or models is shown to have learned anything; empty if one is."""
    collapsed = len(source.accuracies.collapsed.intersection(needed))
    if collapsed == len(needed):
        return f"{listed(needed)}: every network predicts the same class for everyone."
    if source.of_sweep and not source.accuracies.above_majority(needed, source.drawing["level"]):
        return (
            f"None of the {len(needed)} cells is shown to be better than the majority baseline, and {collapsed} "
            "predict the same class for everyone, so their order has no meaning."
        )
    return ""


def listed(names: Collection[str], most: int = 4) -> str:
    """The first names and the number of the others.

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    return ", ".join(list(names)[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _of_orderings(
    claim: Claim, source: Source, compare: Sequence[Ordering], also_shown: Sequence[Ordering]
) -> ClaimResult:
    """Judge whether all orderings hold. The value is the smallest difference, with its simultaneous interval."""
    accuracies, n = source.accuracies, len(compare)
    widened = 1 - (1 - source.drawing["level"]) / n
    found = sorted(((source.difference(each, widened), each) for each in compare), key=lambda pair: pair[0].value)
    failing = [each for difference, each in found if difference.high < 0]
    unclear = [each for difference, each in found if not (difference.low > 0 or difference.high < 0)]
    if source.is_paper:
        failing, unclear = [each for _, each in found if not each.holds(accuracies)], []
    perfect = [each for each in compare if len(each.names) == 2 and accuracies.mean(each.second[0])[0] == 1]
    verdict: Holds = "not held" if failing else "not testable" if unclear else "held"
    texts = []
    if failing and n > 1:
        texts.append(f"{len(failing)} of {n} orderings do not hold: {listed([each.label for each in failing])}.")
    elif unclear and perfect:
        verdict = "not held"
        texts.append(f"{perfect[0].second[0][0]} alone is correct for every recording: nothing is above it.")
    elif unclear:
        texts.append(f"{len(unclear)} of {n} intervals include 0; the smallest difference: {found[0][1].label}.")
    if claim.within:
        holding = {part: all(each.holds(accuracies) for each in own) for part, own in inside(compare, claim.within)}
        failing_parts = [part for part, holds in holding.items() if not holds]
        count = len(holding) - len(failing_parts)
        if verdict == "held" and count < claim.holds_in:
            verdict = "not held" if source.is_paper else "not testable"
        not_in = f", not in {listed(failing_parts)}" if failing_parts else ""
        texts.append(f"By {claim.within.replace('_', ' ')} it holds in {count} of {len(holding)}{not_in}.")
    if source.of_sweep:
        texts += _collapsed_cells(claim, source, compare)
    else:
        texts.append(f"{_scores_of_models(source, chain.from_iterable(each.names for each in compare))}.")
        texts += [_auc(source, each, widened) for each in compare]
    for each in also_shown:
        if set(each.names) <= set(accuracies.cells):
            value, low, high, _ = (100 * number for number in source.difference(each, source.drawing["level"]))
            low, high = (np.nan, np.nan) if source.is_paper else (low, high)
            texts.append(f"{each.label}: {with_interval(value, low, high, '{:+.1f}'.format)} points.")
    return source.result(claim, " ".join(texts), verdict, *found[0][0][:3])


def _collapsed_cells(claim: Claim, source: Source, compare: Sequence[Ordering]) -> list[str]:
    """Number of cells on each side that predict one class for everyone, and the difference without these cells."""
    accuracies, collapsed = source.accuracies, source.accuracies.collapsed
    first = set(chain.from_iterable(chain(*each.first) for each in compare))
    second = set(chain.from_iterable(chain(*each.second) for each in compare))
    if not collapsed & (first | second):
        return []
    do = "equal the share of patients in a fold" if source.is_paper else "predict the same class for everyone"
    texts = [
        f"{len(collapsed & first)} of {len(first)} cells on the higher side and {len(collapsed & second)} of "
        f"{len(second)} on the lower side {do}."
    ]
    others = compare[0].only((first | second) - collapsed)
    if claim.within and len(compare) == 1 and others:
        left = [each.difference(accuracies)[0] for _, [each] in inside([others], claim.within)]
        if left:
            words = f"{claim.within.replace('_', ' ')}s"
            texts.append(
                f"Without them the difference is {100 * np.mean(left):.1f} points"
                f" ({len(left)} {words} with both sides)."
            )
    return texts


def _scores_of_models(source: Source, names: Iterable[str]) -> str:
    """Accuracy of each model with the range over its folds, and its AUC."""
    texts = []
    for name in dict.fromkeys(names):
        found, of_folds = scores.scores(source.tables[name]), tables.accuracy_of_folds(source.tables[name])
        folds = f"folds {of_folds.min():.1%} to {of_folds.max():.1%}"
        texts.append(f"{name} {found['accuracy']:.1%} ({folds}, AUC within folds {found['roc_auc']:.2f})")
    return ", ".join(texts)


def _auc(source: Source, ordering: Ordering, level: float) -> str:
    first, second = (source.tables[name] for name in ordering.names)
    found = intervals.compare(first, second, **{**source.drawing, "level": level})["roc_auc"]
    return f"{ordering.label}: AUC {with_interval(found.value, found.low, found.high, '{:+.3f}'.format)}."


def _of_level(claim: Claim, source: Source) -> ClaimResult:
    """Judge whether the accuracy of a model reaches a level. A level of 100 % needs every recording correct."""
    value, level = float(source.accuracies.mean([claim.model])[0]), claim.at_least / 100
    if source.is_paper:
        one_fold, pooled = (als_digits.fractions(100 * value, of) for of in (als_digits.SIZES, [tables.RECORDINGS]))
        verdict: Holds = "not held" if one_fold and not pooled else "not testable"
        because = f"It is {' or '.join([*one_fold, *pooled])}."
        return source.result(claim, because, verdict, value, measure="accuracy of one fold")
    table = source.tables[claim.model]
    low, high = intervals.intervals(table, **source.drawing)["accuracy"]
    verdict = "held" if low >= level or value == level == 1 else "not held" if high < level else "not testable"
    reason = f"The interval includes {level:.2%}. " if verdict == "not testable" else ""
    others = {name: other for name, other in source.tables.items() if name != claim.model}
    others = {"majority": tables.calling_all_the_majority(table), **source.baselines, **others}
    comparison = ", ".join(f"{name} {float(tables.right(other).mean()):.1%}" for name, other in others.items())
    because = f"{reason}{_scores_of_models(source, [claim.model])}; for comparison {comparison}."
    return source.result(claim, because, verdict, value, low, high)


def _averaged_over_folds(claim: Claim, source: Source) -> ClaimResult:
    """Judge whether the results are averages over folds.

    Paper: not held if every accuracy is k of one fold. Ours: not testable, because the claim is about the paper's
    tables; the value is the published cell's highest fold minus the mean of its folds, which averaging removes.
    """
    if source.is_paper:
        cells = [100 * value for value in source.accuracies.drawn[0, : -len(tables.PAPER_MODALITY)]]
        fitting, pooled = (
            als_digits.cells_that_fit(cells, sizes, "rounded") for sizes in (als_digits.SIZES, [tables.RECORDINGS])
        )
        because = (
            f"{fitting} of {len(cells)} accuracies are {' or '.join(f'k/{size}' for size in als_digits.SIZES)}, each "
            f"of one fold; {pooled} are k of all {tables.RECORDINGS}. Of all values that a printed mean could take, "
            f"{als_digits.share_of_values(als_digits.SIZES, 'rounded'):.1%} have this form."
        )
        verdict: Holds = "not held" if fitting == len(cells) else "not testable"
        figure = "share of accuracies that are those of one fold"
        return source.result(claim, because, verdict, fitting / len(cells), measure=figure)
    of_folds = tables.accuracy_of_folds(source.tables[claim.model])
    gap = float(of_folds.max() - of_folds.mean())
    because = (
        f"The claim is about the paper's tables. Here {claim.model} reaches {of_folds.max():.1%} in its highest fold "
        f"and {of_folds.mean():.1%} on average: to report the highest fold instead of the mean would add "
        f"{100 * gap:.1f} points."
    )
    return source.result(claim, because, "not testable", gap)


def _no_overfitting(claim: Claim, source: Source) -> ClaimResult:
    """Judge whether a model overfits.

    Paper: not testable, it shows curves without digits. Ours: training accuracy (at the epoch with the best weights,
    with dropout active, mean over folds) minus the out-of-fold accuracy; held if its interval is below OVERFITTED_FROM,
    not held if it is above. Not testable if the model is not shown to be above the majority baseline, because then it
    learned nothing that could be overfitted.
    """
    if source.is_paper:
        return source.result(claim, claim.note)
    history, table = source.histories.get(claim.model), source.tables[claim.model]
    if history is None:
        return source.result(claim, "The run has no learning curves.")
    best = history.loc[history.groupby("fold")["validation_loss"].idxmin()]
    trained = float(best["accuracy"].mean())
    low, high = intervals.intervals(table, **source.drawing)["accuracy"]
    verdict: Holds = "not testable"
    reason = f"The interval includes {100 * OVERFITTED_FROM:.0f} points. "
    if trained - high > OVERFITTED_FROM:
        verdict, reason = "not held", ""
    elif low <= scores.majority_accuracy(table["label"]):
        reason = "It is not shown to be above the majority baseline, so it learned nothing that could be overfitted. "
    elif trained - low < OVERFITTED_FROM:
        verdict, reason = "held", ""
    because = f"{reason}Training {trained:.1%}, test {_scores_of_models(source, [claim.model])}."
    gap = trained - float(tables.right(table).mean())
    return source.result(claim, because, verdict, gap, trained - high, trained - low)


RULES = {"averaged_over_folds": _averaged_over_folds, "no_overfitting": _no_overfitting}
