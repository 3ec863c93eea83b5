"""Which fractions of recordings fit the ALS paper's accuracies, and how much luck a best fold contains.

An accuracy is k of n recordings, so two printed decimals exclude most fractions k/n (Switrayana et al. 2025). In
hundredths of a percent a printed accuracy is a whole number: 8033 for 80.33 %.
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
"""5-fold stratified cross-validation, section 4.D of the paper."""

WEIGHTED = {"precision": metrics.precision, "recall": metrics.recall, "f1": metrics.f1}
"""The scores of Table 5 other than accuracy, weighted by class."""

EVERY_VALUE = (0, 10_000)
"""The range 0.00 to 100.00 %, in hundredths of a percent."""


def fold_sizes(recordings: int, folds: int) -> list[int]:
    """The one or two sizes of folds that are as equal as possible, ascending.

    Examples
    --------
    >>> fold_sizes(1224, 5)
    [244, 245]
    """
    return sorted({recordings // folds, -(-recordings // folds)})


SIZES = fold_sizes(RECORDINGS, FOLDS)


def hundredths(percent: float) -> int:
    """A printed accuracy in percent as hundredths of a percent."""
    return round(100 * percent)


def printed_as(right: npt.ArrayLike, of: int, printing: Printing = "rounded") -> np.ndarray:
    """The printed value of k of n, in hundredths of a percent, in integer arithmetic; a half is rounded up."""
    scaled = np.asarray(right, dtype=np.int64) * 10_000
    return (2 * scaled + of) // (2 * of) if printing == "rounded" else scaled // of


def fractions(percent: float, sizes: Sequence[int] = SIZES) -> list[str]:
    """All fractions k/n, n in `sizes`, that round to this accuracy.

    Examples
    --------
    >>> fractions(80.33), fractions(66.94)
    (['196/244'], ['164/245'])
    """
    return [f"{right}/{size}" for size, right in zip(*counts(f"{percent:.2f}", sizes), strict=True)]


def cells_that_fit(percents: Collection[float], sizes: Sequence[int], printing: Printing) -> int:
    """Number of accuracies that are k of n recordings with n in `sizes`."""
    return sum(counts(f"{percent:.2f}", sizes, printing)[0].size > 0 for percent in percents)


def sizes_that_fit_all(percents: Collection[float], printing: Printing, largest: int = RECORDINGS) -> list[list[int]]:
    """All fold sizes, and pairs of neighbouring sizes, that fit every accuracy, ascending.

    Pairs are omitted if one of their sizes already fits every accuracy.
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
    """Number of recordings, and of patients' recordings, in each fold of scikit-learn's StratifiedKFold.

    The shuffle changes which recordings are in a fold, but not how many of each class.
    """
    label = np.repeat([1, 0], [tables.PATIENTS, tables.CONTROLS])
    tests = [test for _, test in StratifiedKFold(FOLDS).split(label, label)]
    return [(len(test), int(label[test].sum())) for test in tests]


def patient_shares() -> dict[int, tuple[int, int]]:
    """Accuracy of predicting patient for everyone, in the paper's folds: hundredths of % -> patients, recordings."""
    return {int(printed_as(patients, size)): (patients, size) for size, patients in folds_of_the_paper()}


def share_of_values(sizes: Sequence[int], printing: Printing, *, within: tuple[int, int] = EVERY_VALUE) -> float:
    """Share of the two-decimal values that are a fraction of n recordings, n in `sizes`: how often a random value fits.

    `within` is the first and the last value, in hundredths of a percent.
    """
    return _share(np.concatenate([printed_as(np.arange(size + 1), size, printing) for size in sizes]), within)


def share_of_values_of_a_mean(
    sizes: Sequence[int], printing: Printing, *, within: tuple[int, int] = EVERY_VALUE
) -> float:
    """Share of the two-decimal values that a mean of the accuracies of folds of these sizes can take.

    A mean over four folds of 245 and one of 244 is a multiple of 1 / (5 · 244 · 245): nearly every value is possible.
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
    """Expected highest accuracy of several folds that are all equally good.

    Parameters
    ----------
    folds : int
        Number of independent folds.
    recordings : int
        Recordings per fold; each is classified correctly with probability `accuracy`.
    accuracy : float in (0, 1)

    Returns
    -------
    float
        E[max] = sum over k of 1 - P(X <= k)^folds, divided by `recordings`, with X binomial.

    Examples
    --------
    >>> round(expected_best(1, 245, 0.7), 6), round(expected_best(5, 245, 0.7), 3)
    (0.7, 0.734)
    """
    below = stats.binom.cdf(np.arange(recordings), recordings, accuracy)
    return float((1 - below**folds).sum() / recordings)


def range_of_best(folds: int, recordings: int, accuracy: float, level: float = 0.95) -> tuple[float, float]:
    """Interval that contains the highest of `folds` equally good accuracies with probability `level`."""
    tails = np.array([(1 - level) / 2, (1 + level) / 2]) ** (1 / folds)  # P(max <= k) = P(X <= k)^folds
    low, high = stats.binom.ppf(tails, recordings, accuracy) / recordings
    return float(low), float(high)


def accuracy_behind(best: float, folds: int, recordings: int) -> float:
    """The true accuracy of all folds for which the expected highest accuracy is `best`."""
    return float(optimize.brentq(lambda accuracy: expected_best(folds, recordings, accuracy) - best, 1e-9, 1 - 1e-12))


def probe(table_4: pd.DataFrame, table_5: pd.DataFrame, figure_12: tuple[int, int, int, int]) -> list[Finding]:
    """Test what the paper's accuracies can be. The three inputs are in reference/.

    Parameters
    ----------
    table_4 : DataFrame
        Columns code, dropout_0.5 and so on, in percent.
    table_5 : DataFrame
        Columns modality, precision, recall, f1, accuracy, in percent.
    figure_12 : (int, int, int, int)
        TP, FN, FP, TN.

    Returns
    -------
    list of Finding
        `suspect` if the numbers are those of single folds, or of folds that were selected for each cell.
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
        else "So not all of them are accuracies of one such fold."
    )
    return _finding(
        "Table 4",
        "share of accuracies that are those of one fold",
        fitting / len(percents),
        all_fit,
        f"{fitting} of {len(percents)} accuracies are {' or '.join(f'k/{size}' for size in SIZES)}, the sizes of "
        f"{FOLDS} folds of {RECORDINGS} recordings. Only {chance:.1%} of the two-decimal values in the table's range "
        f"have this form, so {len(distinct)} different values would all have it by chance once in "
        f"10^{-log10_chance:.0f}; a mean over the folds could take {of_mean:.0%} of the values. {pooled} are "
        f"k/{RECORDINGS}, the form of pooled accuracies. {conclusion}",
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
    """A finding on a reporting rule (one fixed fold, highest fold, lowest validation loss): how many cells fit it."""
    return _finding(f"Table 4, by {rule}", "share of cells that the rule can give", value, suspect, sentence, details)


def _one_fixed_fold(cells: int, fits: Mapping[int, set[Cell]]) -> Finding:
    """One fixed fold: all cells would have the size of this fold."""
    both = set.intersection(*fits.values())
    most = max(map(len, fits.values()))
    only = ", ".join(f"{len(found - both)} cells fit only a fold of {size}" for size, found in fits.items())
    return _rule(
        "one fixed fold",
        most / cells,
        most < cells,
        f"{only}, {len(both)} fit both: no single fold gives the whole table, so the fold was selected for each cell."
        if most < cells
        else f"All {most} accuracies can come from the same fold.",
        {"cells_that_fit": {str(size): len(found) for size, found in fits.items()}, "cells_that_fit_both": len(both)},
    )


def _highest_fold(by_cell: Mapping[Cell, float], of_one_fold: set[Cell]) -> Finding:
    """Highest fold: it cannot be below the accuracy of predicting patient for everyone, in that prediction's best fold.

    A cell below this accuracy could still be a highest fold, but only if the network did worse there than this
    prediction.
    """
    shares = patient_shares()
    floor = max(shares)
    below = {cell: percent for cell, percent in by_cell.items() if hundredths(percent) < floor}
    fitting = len(of_one_fold - set(below))
    named = " and ".join(f"{cell.architecture} at {cell.dropout_rate} ({below[cell]:.2f} %)" for cell in below)
    further = f". {named} is below: either this network was worse than that prediction there, or another rule was used"
    return _rule(
        "highest fold",
        fitting / len(by_cell),
        True,
        f"{fitting} of {len(by_cell)} cells fit. Predicting patient for everyone reaches "
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
    """Lowest validation loss: any fold may have it, so the digits only constrain networks that predict one class.

    For networks that predict patient for everyone, the loss is lowest in the fold with the most patients, which is also
    the fold of their highest accuracy.
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
        f"Any fold may have the lowest loss, so {fitting} of {len(by_cell)} cells fit. The fold monitored in training "
        f"is also the reported fold, so this is a selected fold too: {len(by_cell) - len(varied)} cells equal the "
        "share of patients in a fold"
        + (f", none of them {' or '.join(never)}, the value of most folds" if never else "")
        + f", and {in_rare} of the other {len(varied)} fit the one fold of {rare}; with a random fold "
        f"{len(varied) * chance:.0f} would be expected.",
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
        f"Figure 12 counts {size} recordings, {patients} of them from patients{which}{len(matching)} of "
        f"{len(of_matrix)} scores in Table 5's audio row follow from it, weighted by class: they describe one fold and "
        "are not averaged over folds.",
        {
            "fold": one_fold,
            "weighted": of_matrix,
            "matching": matching,
            "fractions_of_table_5": dict(zip(table_5["modality"], map(fractions, table_5["accuracy"]), strict=True)),
        },
    )


def _luck(best: float, folds: int) -> Finding:
    """By how much the best of several folds exceeds their common true accuracy by luck alone."""
    recordings = max(SIZES)
    behind = accuracy_behind(best, folds, recordings)
    low, high = range_of_best(folds, recordings, behind)
    limits = (
        f"The cells share their folds, so the luck is between this value and that of the best of {FOLDS}. Random "
        "training, and the similarity of one person's recordings, add to it."
        if folds > FOLDS
        else "This is a lower bound: it covers which recordings are in a fold, but neither random training nor the "
        "similarity of one person's recordings."
    )
    return _finding(
        f"{best:.2%}, if it is the best of {folds}",
        "best fold minus the mean, by luck alone",
        best - behind,
        True,
        f"If {folds} folds of {recordings} recordings all have the same true accuracy of {behind:.2%}, the best of "
        f"them is expected to reach {best:.2%}. {limits}",
        {"folds": folds, "recordings": recordings, "accuracy_behind": behind},
        bounds=(low - behind, high - behind),
    )


def of_run(fits: pd.DataFrame, collapsed: Collection[Cell], protocol: str) -> Finding:
    """The same test for our sweep: a cell's highest fold minus its mean, compared with luck alone.

    Parameters
    ----------
    fits : DataFrame
        Columns architecture, dropout_rate, fold, test_accuracy, test_recordings.
    collapsed : collection of Cell
        Cells that predict the same class for everyone. They are ignored, because their folds do not vary.
    protocol : str
        Name of the protocol.

    Returns
    -------
    Finding
        The value is the mean over cells of highest fold minus mean; `suspect` if it is above 0, because a highest fold
        that is reported alone hides this gap. It has no interval, because the cells share their folds.
    """
    of, figure = f"{protocol}, the highest fold", "highest fold minus the mean of folds"
    rows = fits.set_index(CELL_COLUMNS)
    rows = rows[~rows.index.isin([tuple(cell) for cell in collapsed])]
    if rows.empty:
        sentence = "Every cell predicts the same class for everyone, so no fold can be better by luck."
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
        f"A cell's highest fold is on average {100 * observed:.1f} points above the mean of its folds ({len(cells)} "
        f"cells); luck alone gives {100 * luck:.1f}. The sweep's highest fold, {best:.1%}, is "
        f"{100 * (best - mean):.1f} points above the mean of all {len(rows)} fits; if these were equally good and had "
        f"independent folds, luck alone would give {100 * (of_all - mean):.1f}.",
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
    """Find cells of the paper's Table 4 whose accuracy is exactly the share of patients in a fold.

    Parameters
    ----------
    table_4 : DataFrame
        Columns code, dropout_0.5 and so on, in percent.

    Returns
    -------
    list of Finding
        One finding. A cell counts if its accuracy equals, to both decimals, that of predicting ALS for every recording
        of one of the paper's folds. `details` also counts the cells whose exact binomial interval (Clopper and Pearson
        1934) is not above the majority baseline. Recordings of one person are similar, so this interval is too narrow
        and the count is a lower bound.
    """
    printed, shares = tables.paper_by_cell(table_4), patient_shares()
    at_majority = [cell for cell, percent in printed.items() if hundredths(percent) in shares]
    not_better = sum(_lower_end(percent) <= tables.PAPER_MAJORITY / 100 for percent in printed.values())
    found = Counter(hundredths(printed[cell]) for cell in at_majority)
    named = [
        f"{times} at {value / 100:.2f} % = {'/'.join(map(str, shares[value]))}" for value, times in found.most_common()
    ]
    sentence = (
        f"{len(at_majority)} of the paper's {len(printed)} cells equal the share of patients in a fold, to both "
        f"decimals ({', '.join(named)}), as networks that predict patient for everyone. {not_better} cells are not "
        f"above the majority baseline of {tables.PAPER_MAJORITY:.2f}% by an exact binomial interval."
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
    """Lower limit of the exact binomial interval of a printed accuracy, as k of the fold size that it fits."""
    sizes, right = counts(f"{percent:.2f}", SIZES)
    return float(stats.binomtest(int(right[0]), int(sizes[0])).proportion_ci(level).low) if len(right) else np.nan
