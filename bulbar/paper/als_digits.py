"""What the ALS paper's accuracies can be, by the arithmetic of whole recordings, and how lucky a best fold is.

An accuracy is k of n recordings, so two printed decimals rule most k/n out (Switrayana et al. 2025). A printed accuracy
in hundredths of a percent is a whole number, 8033 for 80.33 %.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, stats
from sklearn.model_selection import StratifiedKFold

from bulbar.audit import collapse
from bulbar.audit.finding import Finding
from bulbar.core.names import CELL_COLUMNS, Cell
from bulbar.paper import tables
from bulbar.paper.printed import PRINTINGS, Printing, counts
from bulbar.paper.tables import RECORDINGS
from bulbar.scoring import metrics

PROBE = "published_numbers"

FOLDS = 5
"""The paper's section 4.D: 5-fold stratified cross-validation."""

WEIGHTED = {"precision": metrics.precision, "recall": metrics.recall, "f1": metrics.f1}
"""Table 5's scores beside accuracy, weighted by class."""

EVERY_VALUE = (0, 10_000)
"""From 0.00 to 100.00 %, in hundredths of a percent."""


def fold_sizes(recordings: int, folds: int) -> list[int]:
    """The one or two sizes of `folds` folds as equal as can be, ascending."""
    return sorted({recordings // folds, -(-recordings // folds)})


SIZES = fold_sizes(RECORDINGS, FOLDS)


def hundredths(percent: float) -> int:
    """A printed accuracy in percent as hundredths of a percent."""
    return round(100 * percent)


def printed_as(right: npt.ArrayLike, of: int, printing: Printing = "rounded") -> np.ndarray:
    """What k of n prints as, in hundredths of a percent, in whole-number arithmetic; a half is rounded up."""
    scaled = np.asarray(right, dtype=np.int64) * 10_000
    return (2 * scaled + of) // (2 * of) if printing == "rounded" else scaled // of


def fractions(percent: float, sizes: Sequence[int] = SIZES) -> list[str]:
    """Every k/n, n of `sizes`, that rounds to this accuracy."""
    return [f"{right}/{size}" for size, right in zip(*counts(f"{percent:.2f}", sizes), strict=True)]


def cells_that_fit(percents: Collection[float], sizes: Sequence[int], printing: Printing) -> int:
    """How many accuracies are k of one of `sizes` recordings."""
    return sum(counts(f"{percent:.2f}", sizes, printing)[0].size > 0 for percent in percents)


def sizes_that_fit_all(percents: Collection[float], printing: Printing, largest: int = RECORDINGS) -> list[list[int]]:
    """Every fold size, or pair of neighbouring sizes, of which all the accuracies are shares. Ascending.

    Pairs that contain a single size that fits all by itself are left out.
    """
    sizes = np.arange(1, largest + 1)
    fits = [set(counts(f"{percent:.2f}", sizes, printing)[0].tolist()) for percent in set(percents)]
    alone = set.intersection(*fits)
    pairs = [
        [size, size + 1]
        for size in range(1, largest)
        if not alone & {size, size + 1} and all(found & {size, size + 1} for found in fits)
    ]
    return [[size] for size in sorted(alone)] + pairs


def folds_of_the_paper() -> list[tuple[int, int]]:
    """Recordings and recordings of patients in each fold, as scikit-learn's StratifiedKFold deals them out.

    Which recordings go where depends on the shuffle, how many of each class does not.
    """
    label = np.repeat([1, 0], [tables.PATIENTS, tables.CONTROLS])
    tests = [test for _, test in StratifiedKFold(FOLDS).split(label, label)]
    return [(len(test), int(label[test].sum())) for test in tests]


def patient_shares() -> dict[int, tuple[int, int]]:
    """What calling everyone a patient gives in the paper's folds: hundredths of a percent -> patients, recordings."""
    return {int(printed_as(patients, size)): (patients, size) for size, patients in folds_of_the_paper()}


def share_of_values(sizes: Sequence[int], printing: Printing, *, within: tuple[int, int] = EVERY_VALUE) -> float:
    """The share of the two-decimal values that k of one of `sizes` can print: how often a chance value fits.

    within: the first and the last of these values, in hundredths of a percent.
    """
    return _share(np.concatenate([printed_as(np.arange(size + 1), size, printing) for size in sizes]), within)


def share_of_values_of_a_mean(
    sizes: Sequence[int], printing: Printing, *, within: tuple[int, int] = EVERY_VALUE
) -> float:
    """The share of the two-decimal values that the mean of the accuracies in folds of these sizes can print.

    A mean of k/245 four times and k/244 once is a multiple of 1 / (5 · 244 · 245): it can be nearly anything.
    """
    common = int(np.lcm.reduce(list(sizes)))
    total = np.zeros(1, dtype=np.int64)
    for size, times in Counter(sizes).items():
        total = np.unique(np.add.outer(total, np.arange(times * size + 1) * (common // size)))
    return _share(printed_as(total, common * len(sizes), printing), within)


def _share(values: np.ndarray, within: tuple[int, int]) -> float:
    first, last = within
    return len(np.unique(values[(values >= first) & (values <= last)])) / (last - first + 1)


def expected_best(folds: int, recordings: int, accuracy: float) -> float:
    """The mean of the highest of `folds` accuracies, each of `recordings` calls that are right with chance `accuracy`.

    Closed form: E[max] = sum over k of 1 - P(X <= k)^folds, X binomial, folds independent.
    """
    below = stats.binom.cdf(np.arange(recordings), recordings, accuracy)
    return float((1 - below**folds).sum() / recordings)


def range_of_best(folds: int, recordings: int, accuracy: float, level: float = 0.95) -> tuple[float, float]:
    """What encloses the highest of `folds` accuracies `level` of the time, by luck alone."""
    tails = np.array([(1 - level) / 2, (1 + level) / 2]) ** (1 / folds)  # P(max <= k) = P(X <= k)^folds
    low, high = stats.binom.ppf(tails, recordings, accuracy) / recordings
    return float(low), float(high)


def accuracy_behind(best: float, folds: int, recordings: int) -> float:
    """The common accuracy at which the highest of `folds` is expected to be `best`."""
    return float(optimize.brentq(lambda accuracy: expected_best(folds, recordings, accuracy) - best, 1e-9, 1 - 1e-12))


def probe(table_4: pd.DataFrame, table_5: pd.DataFrame, figure_12: tuple[int, int, int, int]) -> list[Finding]:
    """What the paper's accuracies can be. All three are in reference/.

    table_4: code, dropout_0.5 and so on, in percent. table_5: modality, precision, recall, f1, accuracy, in percent.
    figure_12: TP, FN, FP, TN. `suspect`: the figures are those of single folds, or of folds picked cell by cell.
    """
    by_cell = tables.paper_by_cell(table_4)
    best = max(by_cell.values()) / 100
    fits = {size: {cell for cell, percent in by_cell.items() if fractions(percent, [size])} for size in SIZES}
    return [
        _which_fractions(list(by_cell.values())),
        _one_fixed_fold(len(by_cell), fits),
        _highest_fold(by_cell, set().union(*fits.values())),
        _lowest_validation_loss(by_cell, fits),
        _figure_12(table_5, figure_12),
        *(_luck(best, folds) for folds in (FOLDS, FOLDS * len(by_cell))),
    ]


def _finding(
    of: str,
    figure: str,
    value: float,
    suspect: bool,
    sentence: str,
    details: Mapping[str, Any],
    *,
    probe: str = PROBE,
    bounds: tuple[float, float] = (np.nan, np.nan),
) -> Finding:
    return Finding(probe, of, figure, value, "suspect" if suspect else "clear", sentence, *bounds, details=details)


def _which_fractions(percents: Sequence[float]) -> Finding:
    distinct, within = sorted(set(percents)), (hundredths(min(percents)), hundredths(max(percents)))
    by_folds = {
        folds: {way: cells_that_fit(percents, fold_sizes(RECORDINGS, folds), way) for way in PRINTINGS}
        for folds in range(2, 11)
    }
    printing = max(PRINTINGS, key=lambda way: max(found[way] for found in by_folds.values()))
    fitting, pooled = (cells_that_fit(percents, sizes, printing) for sizes in (SIZES, [RECORDINGS]))
    chance = share_of_values(SIZES, printing, within=within)
    log10_chance = float(len(distinct) * np.log10(chance))
    of_mean = share_of_values_of_a_mean([size for size, _ in folds_of_the_paper()], printing, within=within)
    all_fit = fitting == len(percents)
    conclusion = (
        "Every printed accuracy is that of one fold, not a mean over folds."
        if all_fit
        else "So they are not all accuracies of one such fold."
    )
    return _finding(
        "Table 4",
        "share of accuracies that are those of one fold",
        fitting / len(percents),
        all_fit,
        f"{fitting} of {len(percents)} accuracies are {' or '.join(f'k/{size}' for size in SIZES)}, the folds of "
        f"{RECORDINGS} recordings in {FOLDS}. Of the two-decimal values in the table's range {chance:.1%} are, so "
        f"{len(distinct)} different values would all be so by chance once in 10^{-log10_chance:.0f}; a mean over the "
        f"folds could be {of_mean:.0%} of the values. {pooled} are k/{RECORDINGS}, as pooled figures would be. "
        f"{conclusion}",
        {
            "distinct_values": len(distinct),
            "printing": printing,
            "cells_that_fit_by_number_of_folds": by_folds,
            "sizes_that_fit_all": {way: sizes_that_fit_all(percents, way) for way in PRINTINGS},
            "one_fold": {"cells_that_fit": fitting, "share_of_values": chance, "log10_chance_of_all": log10_chance},
            "fractions": {f"{percent:.2f}": fractions(percent) for percent in distinct},
            "pooled": {
                "cells_that_fit": pooled,
                "share_of_values": share_of_values([RECORDINGS], printing, within=within),
            },
            "mean_of_folds": {"share_of_values": of_mean},
        },
    )


def _rule(rule: str, value: float, suspect: bool, sentence: str, details: Mapping[str, Any]) -> Finding:
    """How many cells a reporting rule could have printed: one fixed fold, highest fold, lowest validation loss."""
    return _finding(f"Table 4, by {rule}", "share of cells that the rule can give", value, suspect, sentence, details)


def _one_fixed_fold(cells: int, fits: Mapping[int, set[Cell]]) -> Finding:
    """All cells of one fixed fold share its size."""
    both = set.intersection(*fits.values())
    most = max(map(len, fits.values()))
    only = ", ".join(f"{len(found - both)} cells fit only a fold of {size}" for size, found in fits.items())
    return _rule(
        "one fixed fold",
        most / cells,
        most < cells,
        f"{only}, {len(both)} fit both: no one fold gave the whole table, so its fold was picked cell by cell."
        if most < cells
        else f"All {most} accuracies can be those of one and the same fold.",
        {"cells_that_fit": {str(size): len(found) for size, found in fits.items()}, "cells_that_fit_both": len(both)},
    )


def _highest_fold(by_cell: Mapping[Cell, float], of_one_fold: set[Cell]) -> Finding:
    """No highest fold is under what calling everyone a patient reaches in its own best fold.

    Unless a network did worse than that call there: a cell below could still be a highest fold, but not of networks
    that call everyone a patient.
    """
    shares = patient_shares()
    floor = max(shares)
    below = {cell: percent for cell, percent in by_cell.items() if hundredths(percent) < floor}
    fitting = len(of_one_fold - set(below))
    named = " and ".join(f"{cell.architecture} at {cell.dropout_rate} ({below[cell]:.2f} %)" for cell in below)
    further = f", and {named} is below: that network did worse than this call there, or the rule was another"
    return _rule(
        "highest fold",
        fitting / len(by_cell),
        True,
        f"{fitting} of {len(by_cell)} cells fit. Calling everyone a patient reaches "
        f"{'/'.join(map(str, shares[floor]))} = {floor / 100:.2f} % in one of the folds"
        f"{further if below else ''}.",
        {
            "calling_everyone_a_patient": [
                {"patients": patients, "recordings": size, "percent": value / 100}
                for value, (patients, size) in shares.items()
            ],
            "below_its_best_fold": {str(cell): percent for cell, percent in below.items()},
        },
    )


def _lowest_validation_loss(by_cell: Mapping[Cell, float], fits: Mapping[int, set[Cell]]) -> Finding:
    """Any fold may have the lowest loss, so the digits only bind networks that call everyone a patient.

    Their loss is lowest where most are patients, which is the fold of their highest accuracy too.
    """
    fitting, shares = len(set().union(*fits.values())), patient_shares()
    varied = [cell for cell, percent in by_cell.items() if hundredths(percent) not in shares]
    never = [f"{value / 100:.2f} %" for value in shares if value not in map(hundredths, by_cell.values())]
    sizes = Counter(size for size, _ in folds_of_the_paper())
    rare = min(sizes, key=lambda size: sizes[size])
    in_rare, chance = sum(cell in fits[rare] for cell in varied), sizes[rare] / FOLDS
    return _rule(
        "lowest validation loss",
        fitting / len(by_cell),
        True,
        f"Any fold may have the lowest loss, so {fitting} of {len(by_cell)} cells fit. The fold that is watched is the "
        f"fold that is reported, so this is a picked fold too: {len(by_cell) - len(varied)} cells stand at the "
        "share of patients in a fold"
        + (f", none of them at {' or '.join(never)}, which most folds would give" if never else "")
        + f", and {in_rare} of the other {len(varied)} at the one fold of {rare}, where a chance fold would put "
        f"{len(varied) * chance:.0f}.",
        {
            "in_the_fold_of": rare,
            "cells": in_rare,
            "of": len(varied),
            "p": float(stats.binomtest(in_rare, len(varied), chance, alternative="greater").pvalue),
        },
    )


def _figure_12(table_5: pd.DataFrame, matrix: tuple[int, int, int, int]) -> Finding:
    """Whether Figure 12's matrix is one of the folds, and whether Table 5's audio row follows from it."""
    true, called = np.repeat([1, 1, 0, 0], matrix), np.repeat([1, 0, 1, 0], matrix)
    of_matrix = {name: score(true, called, of="weighted") for name, score in WEIGHTED.items()}
    of_matrix["accuracy"] = metrics.accuracy(true, called)
    row = table_5[table_5["modality"] == "audio"].iloc[0]
    matching = [name for name, value in of_matrix.items() if hundredths(row[name]) == round(10_000 * value)]
    size, patients = len(true), int(true.sum())
    one_fold = (size, patients) in folds_of_the_paper()
    which = f": the one fold of {size} out of {RECORDINGS}. " if one_fold else ", which no fold has. "
    return _finding(
        "Figure 12 and Table 5",
        "recordings in the matrix",
        size,
        one_fold,
        f"Figure 12 counts {size} recordings, {patients} of them of patients{which}{len(matching)} of {len(of_matrix)} "
        "figures of Table 5's audio row are its means weighted by class: they describe one fold, and are not averaged "
        "over folds.",
        {
            "fold": one_fold,
            "weighted": of_matrix,
            "matching": matching,
            "fractions_of_table_5": dict(zip(table_5["modality"], map(fractions, table_5["accuracy"]), strict=True)),
        },
    )


def _luck(best: float, folds: int) -> Finding:
    """How far the best of `folds` folds lies above what all of them have in common, by luck alone."""
    recordings = max(SIZES)
    behind = accuracy_behind(best, folds, recordings)
    low, high = range_of_best(folds, recordings, behind)
    limits = (
        f"The cells share their folds, so this luck lies between here and the best of {FOLDS}; that of training, and "
        "that one person's recordings resemble each other, come on top."
        if folds > FOLDS
        else "A lower bound: it counts the luck of which recordings fall into a fold, not that of training, nor that "
        "one person's recordings resemble each other."
    )
    return _finding(
        f"{best:.2%}, were it the best of {folds}",
        "best fold minus the mean, by luck alone",
        best - behind,
        True,
        f"Were {folds} folds of {recordings} recordings all right with the same chance, the best of them is expected "
        f"at {best:.2%} when that chance is {behind:.2%}. {limits}",
        {"folds": folds, "recordings": recordings, "accuracy_behind": behind},
        bounds=(low - behind, high - behind),
    )


def of_run(fits: pd.DataFrame, collapsed: Collection[Cell], protocol: str) -> Finding:
    """The same of a sweep of ours: the highest fold of a cell minus its mean, beside what luck alone gives.

    fits: architecture, dropout_rate, fold, test_accuracy, test_recordings. collapsed: cells that call everyone the
    same, left out: their folds do not vary. value: mean over the others of highest fold minus mean. low, high: NaN, the
    cells share their folds. `suspect` where there is such a gap: a highest fold quoted alone hides it.
    """
    of, figure = f"{protocol}, the highest fold", "highest fold minus the mean of folds"
    rows = fits.set_index(CELL_COLUMNS)
    rows = rows[~rows.index.isin([tuple(cell) for cell in collapsed])]
    if rows.empty:
        sentence = "Every cell calls everyone the same: no fold of them can be lucky."
        return _finding(of, figure, np.nan, False, sentence, {})
    cells = rows.groupby(level=CELL_COLUMNS, sort=False).agg(
        highest=("test_accuracy", "max"),
        mean=("test_accuracy", "mean"),
        folds=("fold", "nunique"),
        recordings=("test_recordings", "mean"),
    )
    of_cells = cells[["folds", "recordings", "mean"]].to_numpy()
    luck = np.mean([expected_best(int(folds), round(of), mean) - mean for folds, of, mean in of_cells])
    observed = float((cells["highest"] - cells["mean"]).mean())
    mean, best = float(rows["test_accuracy"].mean()), float(rows["test_accuracy"].max())
    of_all = expected_best(len(rows), round(rows["test_recordings"].mean()), mean)
    return _finding(
        of,
        figure,
        observed,
        observed > 0,
        f"A cell's highest fold lies {100 * observed:.1f} points above the mean of its folds, over {len(cells)} cells; "
        f"luck alone gives {100 * luck:.1f}. The sweep's highest fold, {best:.1%}, lies {100 * (best - mean):.1f} "
        f"points above the mean of all {len(rows)} fits; were these equally good and their folds apart, luck alone "
        f"would give {100 * (of_all - mean):.1f}.",
        {
            "cells": len(cells),
            "expected_by_luck": float(luck),
            "highest_of_all": best,
            "mean_of_all": mean,
            "fits": len(rows),
            "expected_highest_of_all_by_luck": of_all,
        },
    )


def collapse_of_table_4(table_4: pd.DataFrame) -> list[Finding]:
    """The same of the paper's Table 4: cells that stand at exactly the share of patients in a fold.

    table_4: code, then dropout_0.5 and so on, in percent. A cell counts where its figure is, to both decimals, what
    calling every recording ALS gives in one of the paper's folds. Beside it, taking each figure for k of n recordings:
    how many have an exact binomial interval (Clopper and Pearson 1934) that is not above the majority. Recordings of
    one person resemble each other, so that this interval is too narrow and the count a lower bound.
    """
    printed, shares = tables.paper_by_cell(table_4), patient_shares()
    at_majority = [cell for cell, percent in printed.items() if hundredths(percent) in shares]
    not_better = sum(_lower_end(percent) <= tables.PAPER_MAJORITY / 100 for percent in printed.values())
    found = Counter(hundredths(printed[cell]) for cell in at_majority)
    named = [
        f"{times} at {value / 100:.2f} % = {'/'.join(map(str, shares[value]))}" for value, times in found.most_common()
    ]
    sentence = (
        f"{len(at_majority)} of the paper's {len(printed)} cells stand at the share of patients in a fold, to both "
        f"decimals ({', '.join(named)}), as networks do that call everyone a patient. {not_better} cells are not above "
        f"the majority's {tables.PAPER_MAJORITY:.2f}% by an exact binomial interval."
    )
    details = {
        "cells": len(printed),
        "at_the_majority": [str(cell) for cell in at_majority],
        "shares_of_patients_in_percent": sorted(value / 100 for value in shares),
        "not_better_than_the_majority": not_better,
    }
    figure, share = "share of cells at exactly the majority's accuracy", len(at_majority) / len(printed)
    of = "the paper's Table 4"
    return [_finding(of, figure, share, bool(at_majority), sentence, details, probe=collapse.PROBE)]


def _lower_end(percent: float, level: float = 0.95) -> float:
    """Lower end of the exact interval of a printed accuracy, taken for k of the size of fold that it fits."""
    sizes, right = counts(f"{percent:.2f}", SIZES)
    return float(stats.binomtest(int(right[0]), int(sizes[0])).proportion_ci(level).low) if len(right) else np.nan
