"""The paper's claims: the rows of reference/als_claims.toml, judged on the paper's own digits and on our runs.

A verdict is

- of orderings (A above B): `held` where every paired difference has an interval above 0, `not held` where one has an
  interval below 0 or where B is right about every recording, else `not testable`. With several differences each
  interval is widened (Bonferroni), so that all of them hold together;
- of a level (80.33 %): `held` where the interval lies at or above it, `not held` where it lies below, else
  `not testable`;
- of the paper's own digits: an ordering is read off as it stands. A level is `not held` where its digits can only be
  those of one fold: the claim is on the model;
- `not testable` where a cell or model is missing, or where no network involved is shown to have learnt anything (all
  call everyone the same; of a sweep: none is above the majority).

Accuracy per recording is the paper's measure, and ours here. Intervals come from drawing subjects, the same draws for
all cells.
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
"""A training accuracy this much above the tested one is taken for a sign of overfitting."""


class Claim(Strict):
    """One claim; the head of reference/als_claims.toml says what each field means."""

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
    beside: tuple[str, ...] = ()
    note: str = ""


class ClaimTable(Strict):
    """reference/als_claims.toml. groups: name -> regular expression of the cells in it."""

    groups: dict[str, str]
    claim: tuple[Claim, ...]


@dataclass(frozen=True)
class ProtocolRun:
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
class Source:
    """The numbers on which a claim is judged: the paper's digits (no draws), or a protocol of ours.

    name: `paper`, the protocol, or the protocol with the cell where both were run. accuracies: of cells or models.
    drawing: draws, level and seed of intervals. tables: those out of fold behind the accuracies. of_sweep: whether they
    are those of cells. baselines, histories: as in `ProtocolRun`.
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
        """Whether these are the paper's own digits, to be read as they stand."""
        return self.name == PAPER

    def result(
        self, claim: Claim, because: str, verdict: Holds = "not testable", *values: float, measure: str = ""
    ) -> "ClaimResult":
        """A verdict on a claim. values: the value and the ends of its interval, as many as there are."""
        value, low, high = [*values, np.nan, np.nan, np.nan][:3]
        return ClaimResult(self.name, verdict, measure or claim.measure, value, low, high, because.strip())

    def difference(self, ordering: Ordering, level: float) -> intervals.Difference:
        """First minus second, with its interval; of the paper none."""
        values = ordering.difference(self.accuracies)
        return intervals.Difference(float(values[0]), *self.accuracies.interval(values, level), np.nan)


@dataclass(frozen=True)
class ClaimResult:
    """The verdict of one source on a claim.

    figure: what `value` is; low, high: its interval over subjects, NaN where it has none. because: why the verdict is
    what it is, and what explains it.
    """

    source: str
    verdict: Holds
    figure: str
    value: float
    low: float
    high: float
    because: str


class JudgedClaim(NamedTuple):
    """A claim, and the verdict of each source."""

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
    """Every claim on the paper's digits and on our runs.

    table_4: code, dropout_0.5 and so on; table_5: modality, accuracy; both of reference/, in percent. runs: ours, one
    per protocol. draws, level, seed: as for `intervals.intervals`.
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
        compare, in_paper, beside = (
            parsed(texts, claims.groups, printed)
            for texts in (claim.compare, claim.compare_in_paper or claim.compare, claim.beside)
        )
        needed = list(dict.fromkeys(chain.from_iterable(each.names for each in compare))) or [claim.model]
        ours = sweeps if set(needed) <= set(printed) else models
        results = [_result(claim, paper, needed, in_paper, beside)]
        results += [_result(claim, source, needed, compare, beside) for source in ours]
        judged.append(JudgedClaim(claim, results))
    return judged


def _accuracies(found: Mapping[str, pd.DataFrame], draws: int, seed: int) -> Accuracies[str]:
    if found:
        return collapse.accuracies(found, draws=draws, seed=seed)
    return Accuracies((), np.empty((1, 0)), np.empty(1), frozenset(), 0)


def _paper(printed: Mapping[str, float], table_5: pd.DataFrame, drawing: Mapping[str, Any]) -> Source:
    """The paper's Tables 4 and 5. Collapsed: the cells that stand at the share of patients in a fold."""
    of_modality = table_5.set_index("modality")["accuracy"]
    of_models = {model: float(of_modality[modality]) for model, modality in tables.PAPER_MODALITY.items()}
    percents = {**printed, **of_models}
    shares = als_digits.patient_shares()
    at_share = frozenset(name for name, percent in printed.items() if als_digits.hundredths(percent) in shares)
    drawn = np.array([list(percents.values())]) / 100
    accuracies = Accuracies(tuple(percents), drawn, np.array([tables.PAPER_MAJORITY / 100]), at_share, 0)
    return Source(PAPER, accuracies, drawing)


def _result(
    claim: Claim, source: Source, needed: Sequence[str], compare: Sequence[Ordering], beside: Sequence[Ordering]
) -> ClaimResult:
    missing = [name for name in needed if name not in source.accuracies.cells]
    if missing:
        who = "The paper does not show" if source.is_paper else "This run does not have"
        return source.result(claim, f"{who} {listed(missing)}. {claim.note if source.is_paper else ''}")
    if claim.rule:
        return RULES[claim.rule](claim, source)
    result = _of_orderings(claim, source, compare, beside) if compare else _of_level(claim, source)
    if source.is_paper:
        return replace(result, because=f"{result.because} {claim.note}".strip())
    nothing_learnt = _nothing_learnt(source, needed)
    if nothing_learnt:  # such networks hold no claim and refute none
        return replace(result, verdict="not testable", because=f"{nothing_learnt} {result.because}")
    return result


def _nothing_learnt(source: Source, needed: Sequence[str]) -> str:
    """Why none of these cells or models is shown to have learnt anything; empty where one is."""
    collapsed = len(source.accuracies.collapsed.intersection(needed))
    if collapsed == len(needed):
        return f"{listed(needed)}: every network calls everyone the same class."
    if source.of_sweep and not source.accuracies.above_majority(needed, source.drawing["level"]):
        return (
            f"None of the {len(needed)} cells is shown to be better than calling everyone the majority, and "
            f"{collapsed} call everyone the same: an order among them means nothing."
        )
    return ""


def listed(names: Collection[str], most: int = 4) -> str:
    """The first few names, and how many more there are."""
    return ", ".join(list(names)[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _of_orderings(claim: Claim, source: Source, compare: Sequence[Ordering], beside: Sequence[Ordering]) -> ClaimResult:
    """Whether all of them hold; value: the smallest difference, with the interval that holds for all together."""
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
        texts.append(f"{perfect[0].second[0][0]} alone is right about every recording: nothing is above it.")
    elif unclear:
        texts.append(f"{len(unclear)} of {n} intervals include 0; the lowest difference: {found[0][1].label}.")
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
    for each in beside:
        if set(each.names) <= set(accuracies.cells):
            value, low, high, _ = (100 * number for number in source.difference(each, source.drawing["level"]))
            low, high = (np.nan, np.nan) if source.is_paper else (low, high)
            texts.append(f"{each.label}: {with_interval(value, low, high, '{:+.1f}'.format)} points.")
    return source.result(claim, " ".join(texts), verdict, *found[0][0][:3])


def _collapsed_cells(claim: Claim, source: Source, compare: Sequence[Ordering]) -> list[str]:
    """How many cells of each side call everyone the same, and what is left of a single difference without them."""
    accuracies, collapsed = source.accuracies, source.accuracies.collapsed
    first = set(chain.from_iterable(chain(*each.first) for each in compare))
    second = set(chain.from_iterable(chain(*each.second) for each in compare))
    if not collapsed & (first | second):
        return []
    do = "stand at the share of patients in a fold" if source.is_paper else "call everyone the same"
    texts = [
        f"{len(collapsed & first)} of {len(first)} cells on the upper side and {len(collapsed & second)} of "
        f"{len(second)} on the lower {do}."
    ]
    others = compare[0].only((first | second) - collapsed)
    if claim.within and len(compare) == 1 and others:
        left = [each.difference(accuracies)[0] for _, [each] in inside([others], claim.within)]
        if left:
            words = f"{claim.within.replace('_', ' ')}s"
            texts.append(
                f"Without them {100 * np.mean(left):.1f} points are left ({len(left)} {words} with both sides)."
            )
    return texts


def _scores_of_models(source: Source, names: Iterable[str]) -> str:
    """Accuracy of each model, with the range of its folds and the AUC."""
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
    """Whether the accuracy of a model reaches a level. At 100 % it does where every recording is right."""
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
    beside = ", ".join(f"{name} {float(tables.right(other).mean()):.1%}" for name, other in others.items())
    because = f"{reason}{_scores_of_models(source, [claim.model])}; beside it {beside}."
    return source.result(claim, because, verdict, value, low, high)


def _averaged_over_folds(claim: Claim, source: Source) -> ClaimResult:
    """Paper: not held where every accuracy is k of one fold. Ours: a claim on the paper's tables, so not testable.

    Our value: the published cell's highest fold minus the mean of its folds, what averaging takes away.
    """
    if source.is_paper:
        cells = [100 * value for value in source.accuracies.drawn[0, : -len(tables.PAPER_MODALITY)]]
        fitting, pooled = (
            als_digits.cells_that_fit(cells, sizes, "rounded") for sizes in (als_digits.SIZES, [tables.RECORDINGS])
        )
        because = (
            f"{fitting} of {len(cells)} accuracies are {' or '.join(f'k/{size}' for size in als_digits.SIZES)}, each "
            f"of one fold; {pooled} are k of all {tables.RECORDINGS}. Of all values that a mean could print "
            f"{als_digits.share_of_values(als_digits.SIZES, 'rounded'):.1%} are."
        )
        verdict: Holds = "not held" if fitting == len(cells) else "not testable"
        figure = "share of accuracies that are those of one fold"
        return source.result(claim, because, verdict, fitting / len(cells), measure=figure)
    of_folds = tables.accuracy_of_folds(source.tables[claim.model])
    gap = float(of_folds.max() - of_folds.mean())
    because = (
        f"A claim about the paper's tables. Here {claim.model} reaches {of_folds.max():.1%} in its highest fold and "
        f"{of_folds.mean():.1%} on average: quoting the one for the other would add {100 * gap:.1f} points."
    )
    return source.result(claim, because, "not testable", gap)


def _no_overfitting(claim: Claim, source: Source) -> ClaimResult:
    """Paper: curves without digits. Ours: training accuracy (at the epoch whose weights are kept, with dropout on, mean
    over folds) minus the out-of-fold accuracy: held where its interval lies below OVERFITTED_FROM, not held where it
    lies above. A model that is not shown to be above the majority has learnt nothing that could be overfitted: then not
    testable."""
    if source.is_paper:
        return source.result(claim, claim.note)
    history, table = source.histories.get(claim.model), source.tables[claim.model]
    if history is None:
        return source.result(claim, "The run has no learning curves.")
    kept = history.loc[history.groupby("fold")["validation_loss"].idxmin()]
    trained = float(kept["accuracy"].mean())
    low, high = intervals.intervals(table, **source.drawing)["accuracy"]
    verdict: Holds = "not testable"
    reason = f"The interval includes {100 * OVERFITTED_FROM:.0f} points. "
    if trained - high > OVERFITTED_FROM:
        verdict, reason = "not held", ""
    elif low <= scores.majority_accuracy(table["label"]):
        reason = "It is not shown to be above the majority, so it learnt nothing that could be overfitted. "
    elif trained - low < OVERFITTED_FROM:
        verdict, reason = "held", ""
    because = f"{reason}Training {trained:.1%}, tested {_scores_of_models(source, [claim.model])}."
    gap = trained - float(tables.right(table).mean())
    return source.result(claim, because, verdict, gap, trained - high, trained - low)


RULES = {"averaged_over_folds": _averaged_over_folds, "no_overfitting": _no_overfitting}
