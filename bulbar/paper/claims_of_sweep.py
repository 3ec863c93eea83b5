"""The paper's claims on its Table 4: which network is best, and what depth, pooling and dropout do."""

from collections import Counter
from collections.abc import Callable, Collection

import numpy as np

from bulbar.audit.collapse import Accuracies
from bulbar.core.names import Cell
from bulbar.paper import table_4_digits
from bulbar.paper.claim import (
    ARCHITECTURES,
    BEST,
    DROPOUT_RATES,
    Answer,
    Claim,
    Evidence,
    accuracy_of_folds,
    cells_at,
    listed,
    nothing_learnt,
    ordering,
    paper_answer,
    untestable,
)

LOW_RATES, HIGH_RATES = (0.2, 0.1, 0.0), (0.5, 0.4)

ALMOST_ALL = 9
"""Of ten architectures: how many "almost all models" is taken to be."""


def _deeper(*depths: int) -> list[str]:
    return [name for name in ARCHITECTURES if int(name[1]) in (depths or (2, 3, 4, 5))]


def _by_sweep(
    evidence: Evidence,
    figure: str,
    cells: Collection[Cell],
    answer: Callable[[str, Accuracies], Answer],
) -> list[Answer]:
    """An answer for each run; not testable where cells are missing, or none of them has learnt anything."""
    answers = []
    for run in evidence.runs:
        measured = evidence.measured[run.protocol]
        missing = measured.missing(cells)
        if missing:
            answers.append(untestable(run.protocol, figure, f"The sweep does not hold {listed(missing)}."))
            continue
        found = answer(run.protocol, measured)
        if measured.collapsed.issuperset(cells):
            found = nothing_learnt(found, f"All {len(cells)} cells call everyone the same class.")
        elif not measured.above_majority(cells, evidence.level):
            collapsed = len(measured.collapsed.intersection(cells))
            found = nothing_learnt(
                found,
                f"None of the {len(cells)} cells is shown to be better than calling everyone the majority, and "
                f"{collapsed} call everyone the same: an order among them says nothing.",
            )
        answers.append(found)
    return answers


def _at_majority(evidence: Evidence, cells: Collection[Cell]) -> list[Cell]:
    """The paper's cells that stand at the share of patients in a fold."""
    shares = table_4_digits.patient_shares()
    return [cell for cell in cells if table_4_digits.hundredths(evidence.printed[cell]) in shares]


def averaged_over_folds(evidence: Evidence) -> Claim:
    """Paper: not held where every accuracy is k of one fold. Ours: a claim on the paper's tables, so not testable.

    Our value: the published cell's highest fold minus the mean of its folds, what averaging takes away.
    """
    sizes = table_4_digits.fold_sizes(table_4_digits.RECORDINGS, table_4_digits.FOLDS)
    percents = list(evidence.printed.values())
    fitting = table_4_digits.cells_that_fit(percents, sizes, "rounded")
    pooled = table_4_digits.cells_that_fit(percents, [table_4_digits.RECORDINGS], "rounded")
    figure = "highest fold minus the mean of folds"
    named = " or ".join(f"k/{size}" for size in sizes)
    chance = table_4_digits.share_of_values(sizes, "rounded")
    often, times = Counter(percents).most_common(1)[0]
    highest = max(percents)
    fractions = {percent: " or ".join(table_4_digits.fractions(percent)) for percent in (highest, often)}
    answers = [
        paper_answer(
            "share of accuracies that are those of one fold",
            fitting / len(percents),
            "not held" if fitting == len(percents) else "not testable",
            f"{fitting} of {len(percents)} accuracies are {named}, each of one fold; {pooled} are k of all "
            f"{table_4_digits.RECORDINGS}. Of all values that a mean could print {chance:.1%} are.",
        )
    ]
    for run in evidence.runs:
        if BEST not in run.predictions:
            answers.append(untestable(run.protocol, figure, f"The sweep does not hold {BEST}."))
            continue
        of_folds = accuracy_of_folds(run.predictions[BEST])
        gap = float(of_folds.max() - of_folds.mean())
        because = (
            f"A claim about the paper's tables. Here {BEST.architecture} at {BEST.dropout_rate} reaches "
            f"{of_folds.max():.1%} in its highest fold and {of_folds.mean():.1%} on average: quoting the one for the "
            f"other would add {100 * gap:.1f} points."
        )
        answers.append(Answer(run.protocol, figure, gap, np.nan, np.nan, "not testable", because))
    return Claim(
        "results averaged over folds",
        "The final evaluation results are obtained by averaging the performance across the four iterations.",
        "3.D",
        f"{highest:.2f} % is {fractions[highest]}; {often:.2f} %, {times} times, is {fractions[often]}",
        tuple(answers),
    )


def s1b_consistently_highest(evidence: Evidence) -> Claim:
    """Paper: not held where any cell is above S1B at the same dropout rate. Ours: S1B minus each other architecture,
    each averaged over the dropout rates, all nine above 0."""
    others = [name for name in ARCHITECTURES if name != "S1B"]
    above = {
        rate: [name for name in others if evidence.printed[Cell(name, rate)] > evidence.printed[Cell("S1B", rate)]]
        for rate in DROPOUT_RATES
    }
    refuting = {rate: names for rate, names in above.items() if names}
    averages = {name: evidence.mean(cells_at([name])) for name in ARCHITECTURES}
    best = max(averages, key=lambda name: averages[name])
    figure = "S1B minus the best other, mean accuracy over dropout rates"

    def answer(protocol: str, measured: Accuracies) -> Answer:
        own = measured.mean(cells_at(["S1B"]))
        highest = sum(
            measured.mean([Cell("S1B", rate)])[0] >= max(measured.mean([Cell(name, rate)])[0] for name in others)
            for rate in DROPOUT_RATES
        )
        because = f"S1B is highest, or level, at {highest} of {len(DROPOUT_RATES)} dropout rates."
        return ordering(
            protocol,
            figure,
            measured,
            {f"S1B minus {name}": own - measured.mean(cells_at([name])) for name in others},
            evidence.level,
            because,
        )

    return Claim(
        "S1B consistently highest",
        "Among all scenarios, S1B consistently achieved the highest performance",
        "4.E.1, 4.E.2",
        "; ".join(
            f"at {rate}: S1B {evidence.printed[Cell('S1B', rate)]:.2f}, "
            + ", ".join(f"{name} {evidence.printed[Cell(name, rate)]:.2f}" for name in names)
            for rate, names in refuting.items()
        )
        + f"; averages S1B {averages['S1B']:.2f}, {best} {averages[best]:.2f}",
        (
            paper_answer(
                figure,
                (averages["S1B"] - max(averages[name] for name in others)) / 100,
                "not held" if refuting else "held",
                f"It is beaten at {len(refuting)} of {len(DROPOUT_RATES)} dropout rates"
                f" ({', '.join(map(str, refuting))}), and {best} has the highest average. "
                f"{_noise(evidence.audio)}",
            ),
            *_by_sweep(evidence, figure, cells_at(ARCHITECTURES), answer),
        ),
    )


def _noise(percent: float) -> str:
    """How far apart two accuracies of one fold may lie by chance."""
    size, share = max(table_4_digits.fold_sizes(table_4_digits.RECORDINGS, table_4_digits.FOLDS)), percent / 100
    points = 100 * 1.96 * np.sqrt(2 * share * (1 - share) / size)
    return (
        f"Two accuracies near {percent:.0f} % on {size} recordings each differ by up to {points:.0f} points by chance, "
        "19 times in 20, so the order of cells that lie closer may be noise."
    )


def deeper_never_surpass(evidence: Evidence) -> Claim:
    """Paper: not held where any deeper cell is above S1B at the same dropout rate of 0 to 0.2. Ours: S1B minus each."""
    deeper = _deeper()
    above = [cell for cell in cells_at(deeper, LOW_RATES) if evidence.printed[cell] > evidence.printed[_s1b(cell)]]
    gaps = {cell: evidence.printed[_s1b(cell)] - evidence.printed[cell] for cell in cells_at(deeper, LOW_RATES)}
    closest = min(gaps, key=lambda cell: gaps[cell])
    figure = "S1B minus the best deeper cell at the same dropout rate, 0 to 0.2"

    def answer(protocol: str, measured: Accuracies) -> Answer:
        differences = {
            f"S1B minus {cell.architecture} at {cell.dropout_rate}": measured.mean([_s1b(cell)]) - measured.mean([cell])
            for cell in cells_at(deeper, LOW_RATES)
        }
        surpassing = sum(values[0] < 0 for values in differences.values())
        because = f"{surpassing} of {len(differences)} deeper cells are above S1B."
        return ordering(protocol, figure, measured, differences, evidence.level, because)

    return Claim(
        "deeper networks never surpass S1B",
        "At low dropout layer probabilities (0-0.2), the performance of the deeper models shows a slight improvement "
        "but does not surpass that of S1B.",
        "4.E.2",
        f"{closest.architecture} {evidence.printed[closest]:.2f} against S1B {evidence.printed[_s1b(closest)]:.2f} "
        f"at {closest.dropout_rate}",
        (
            paper_answer(
                figure,
                gaps[closest] / 100,
                "not held" if above else "held",
                f"{len(above)} of {len(gaps)} cells are above S1B: {listed(above)}." if above else "None is above S1B.",
            ),
            *_by_sweep(evidence, figure, cells_at(["S1B", *deeper], LOW_RATES), answer),
        ),
    )


def _s1b(cell: Cell) -> Cell:
    return Cell("S1B", cell.dropout_rate)


def dropout_lowers(evidence: Evidence) -> Claim:
    """Held where the mean of dropout 0.4 and 0.5 is below that of 0 to 0.3 in at least nine of ten architectures and,
    for ours, over all of them with an interval below 0. Beside it the same among cells that did not collapse."""
    figure = "mean accuracy at dropout 0 to 0.3 minus that at 0.4 and 0.5"
    low = [rate for rate in DROPOUT_RATES if rate not in HIGH_RATES]
    gaps = {
        name: evidence.mean(cells_at([name], low)) - evidence.mean(cells_at([name], HIGH_RATES))
        for name in ARCHITECTURES
    }
    lowered = [name for name, gap in gaps.items() if gap > 0]
    lost = _at_majority(evidence, cells_at(ARCHITECTURES, HIGH_RATES))
    at_all = _at_majority(evidence, cells_at(ARCHITECTURES))
    kept = {
        name: (
            [cell for cell in cells_at([name], low) if cell not in at_all],
            [cell for cell in cells_at([name], HIGH_RATES) if cell not in at_all],
        )
        for name in ARCHITECTURES
    }
    both = {name: cells for name, cells in kept.items() if all(cells)}
    rest = np.mean([evidence.mean(first) - evidence.mean(second) for first, second in both.values()])

    def answer(protocol: str, measured: Accuracies) -> Answer:
        of_each = {
            name: measured.mean(cells_at([name], low)) - measured.mean(cells_at([name], HIGH_RATES))
            for name in ARCHITECTURES
        }
        fewer = sum(values[0] > 0 for values in of_each.values())
        because = f"Lower in {fewer} of {len(of_each)} architectures. {_collapse_of_dropout(measured, low)}"
        found = ordering(
            protocol,
            figure,
            measured,
            {"low minus high": np.mean(list(of_each.values()), axis=0)},
            evidence.level,
            because,
        )
        if found.verdict == "held" and fewer < ALMOST_ALL:
            because = f"Lower on average, but not in almost all models. {found.because}"
            return Answer(protocol, figure, found.value, found.low, found.high, "not testable", because)
        return found

    return Claim(
        "dropout of 0.4 to 0.5 lowers accuracy",
        "Higher dropout values, from 0.4 to 0.5, lead to a decrease in performance in almost all models.",
        "4.E.2",
        f"averages {evidence.mean(cells_at(ARCHITECTURES, HIGH_RATES)):.2f} at 0.4 to 0.5, "
        f"{evidence.mean(cells_at(ARCHITECTURES, low)):.2f} at 0 to 0.3",
        (
            paper_answer(
                figure,
                float(np.mean(list(gaps.values()))) / 100,
                "held" if len(lowered) >= ALMOST_ALL else "not held",
                f"Lower in {len(lowered)} of {len(gaps)} architectures. Much of it is collapse: {len(lost)} of "
                f"{len(cells_at(ARCHITECTURES, HIGH_RATES))} cells at 0.4 to 0.5 stand at the share of patients in a "
                f"fold; in the {len(both)} architectures with cells on both sides that do not, {rest:.1f} points are "
                "left.",
            ),
            *_by_sweep(evidence, figure, cells_at(ARCHITECTURES), answer),
        ),
    )


def _collapse_of_dropout(measured: Accuracies, low: Collection[float]) -> str:
    """How much of dropout's effect is networks that call everyone the same."""
    high_cells, low_cells = cells_at(ARCHITECTURES, HIGH_RATES), cells_at(ARCHITECTURES, low)
    text = (
        f"{len(measured.collapsed.intersection(high_cells))} of {len(high_cells)} cells at 0.4 to 0.5 call everyone "
        f"the same, and {len(measured.collapsed.intersection(low_cells))} of {len(low_cells)} at 0 to 0.3"
    )
    gaps = []
    for name in ARCHITECTURES:
        sides = [
            [cell for cell in cells_at([name], rates) if cell not in measured.collapsed] for rates in (low, HIGH_RATES)
        ]
        if all(sides):
            gaps.append(float(measured.mean(sides[0])[0] - measured.mean(sides[1])[0]))
    if not gaps:
        return f"{text}; no architecture has other cells on both sides."
    return f"{text}; among the others {100 * np.mean(gaps):.1f} points are left (architectures: {len(gaps)})."


def _pooling(evidence: Evidence, first: str, second: str, name: str, quote: str, section: str) -> Claim:
    """Whether one of S1A and S1B is above the other, averaged over the dropout rates."""
    figure = f"{first} minus {second}, mean accuracy over dropout rates"
    means = {code: evidence.mean(cells_at([code])) for code in (first, second)}
    wins = [
        rate for rate in DROPOUT_RATES if evidence.printed[Cell(first, rate)] > evidence.printed[Cell(second, rate)]
    ]
    spreads = {
        code: float(np.std([evidence.printed[cell] for cell in cells_at([code])], ddof=1)) for code in (first, second)
    }

    def answer(protocol: str, measured: Accuracies) -> Answer:
        higher = sum(
            measured.mean([Cell(first, rate)])[0] > measured.mean([Cell(second, rate)])[0] for rate in DROPOUT_RATES
        )
        difference = measured.mean(cells_at([first])) - measured.mean(cells_at([second]))
        because = f"{first} is higher at {higher} of {len(DROPOUT_RATES)} dropout rates."
        return ordering(protocol, figure, measured, {f"{first} minus {second}": difference}, evidence.level, because)

    return Claim(
        name,
        quote,
        section,
        f"averages {first} {means[first]:.2f}, {second} {means[second]:.2f}; "
        f"highest {max(evidence.printed[cell] for cell in cells_at([first])):.2f}, "
        f"{max(evidence.printed[cell] for cell in cells_at([second])):.2f}",
        (
            paper_answer(
                figure,
                (means[first] - means[second]) / 100,
                "held" if means[first] > means[second] else "not held",
                f"{first} is higher at {len(wins)} of {len(DROPOUT_RATES)} dropout rates; over them its standard "
                f"deviation is {spreads[first]:.2f} points, {second}'s {spreads[second]:.2f}. The texts on Figures 10 "
                "and 11 draw opposite conclusions from the same twelve cells: one from the highest, one from the "
                "average.",
            ),
            *_by_sweep(evidence, figure, cells_at([first, second]), answer),
        ),
    )


def average_pooling_is_better(evidence: Evidence) -> Claim:
    """S1B minus S1A, averaged over the dropout rates, above 0."""
    return _pooling(
        evidence,
        "S1B",
        "S1A",
        "average pooling is better than max pooling",
        "experiments with code S1A implementing MaxPooling performed worse than S1B implementing AveragePooling. "
        "Therefore, average pooling provides a more stable feature representation",
        "4.E.2, on Figure 10",
    )


def max_pooling_is_better(evidence: Evidence) -> Claim:
    """S1A minus S1B, averaged over the dropout rates, above 0."""
    return _pooling(
        evidence,
        "S1A",
        "S1B",
        "max pooling is better than average pooling",
        "MaxPooling is slightly superior to AveragePooling in the S1 code scenario.",
        "4.E.2, on Figure 11",
    )


def pooling_matters_less_than_depth(evidence: Evidence) -> Claim:
    """The difference between S1 and S5 is larger than that between max and average pooling, over all their cells."""
    figure = "difference of S1 and S5 minus that of max and average pooling, both absolute"
    max_cells, average_cells = (cells_at([name for name in ARCHITECTURES if name.endswith(kind)]) for kind in "AB")
    first, last = cells_at(["S1A", "S1B"]), cells_at(["S5A", "S5B"])
    pooling = evidence.mean(max_cells) - evidence.mean(average_cells)
    depth = evidence.mean(first) - evidence.mean(last)

    def answer(protocol: str, measured: Accuracies) -> Answer:
        of_depth = measured.mean(first) - measured.mean(last)
        of_pooling = measured.mean(max_cells) - measured.mean(average_cells)
        low, high = measured.interval(of_pooling, evidence.level)
        because = (
            f"Max minus average pooling over all depths: {100 * of_pooling[0]:+.1f} points "
            f"[{100 * low:+.1f}, {100 * high:+.1f}]."
        )
        difference = np.abs(of_depth) - np.abs(of_pooling)
        return ordering(protocol, figure, measured, {"depth minus pooling": difference}, evidence.level, because)

    return Claim(
        "pooling matters less than depth",
        "the strategy of using the type of pooling layer has a small influence when compared to the overall model "
        "complexity",
        "4.E.2, on Figure 11",
        f"max {evidence.mean(max_cells):.2f}, average {evidence.mean(average_cells):.2f}; "
        f"S1 {evidence.mean(first):.2f}, S5 {evidence.mean(last):.2f}",
        (
            paper_answer(
                figure,
                (abs(depth) - abs(pooling)) / 100,
                "held" if abs(depth) > abs(pooling) else "not held",
                f"Pooling {pooling:+.2f} points, depth {depth:+.2f}; but {len(_at_majority(evidence, last))} of "
                f"{len(last)} S5 cells stand at the share of patients in a fold, and "
                f"{len(_at_majority(evidence, first))} of {len(first)} S1 cells.",
            ),
            *_by_sweep(evidence, figure, cells_at(ARCHITECTURES), answer),
        ),
    )


def s1_best_on_average(evidence: Evidence) -> Claim:
    """Paper: S1A and S1B, averaged over the dropout rates, are both above every deeper architecture. Ours: their mean
    is above that of every deeper pair."""
    figure = "S1 minus the best deeper scenario, mean accuracy over dropout rates"
    averages = {name: evidence.mean(cells_at([name])) for name in ARCHITECTURES}
    lowest = min(averages[name] for name in ("S1A", "S1B"))
    best = max(_deeper(), key=lambda name: averages[name])
    without = {name: evidence.printed[Cell(name, 0.0)] for name in ARCHITECTURES}
    closest = max(_deeper(), key=lambda name: without[name])

    def answer(protocol: str, measured: Accuracies) -> Answer:
        own = measured.mean(cells_at(["S1A", "S1B"]))
        differences = {f"S1 minus S{depth}": own - measured.mean(cells_at(_deeper(depth))) for depth in (2, 3, 4, 5)}
        collapsed = measured.collapsed.intersection(cells_at(_deeper()))
        because = f"{len(collapsed)} of {len(cells_at(_deeper()))} cells of S2 to S5 call everyone the same."
        return ordering(protocol, figure, measured, differences, evidence.level, because)

    return Claim(
        "S1 best on average",
        "the scenario with code S1 consistently outperforms other models with deeper architectures",
        "4.E.2, on Figure 11",
        f"averages S1A {averages['S1A']:.2f}, S1B {averages['S1B']:.2f}, {best} {averages[best]:.2f}",
        (
            paper_answer(
                figure,
                (lowest - averages[best]) / 100,
                "held" if lowest > averages[best] else "not held",
                f"But {len(_at_majority(evidence, cells_at(_deeper())))} of {len(cells_at(_deeper()))} deeper cells "
                f"stand at the share of patients in a fold. Without dropout {closest} has {without[closest]:.2f}, S1A "
                f"{without['S1A']:.2f} and S1B {without['S1B']:.2f}.",
            ),
            *_by_sweep(evidence, figure, cells_at(ARCHITECTURES), answer),
        ),
    )


def deeper_is_lower(evidence: Evidence) -> Claim:
    """Each further layer lowers the average of both poolings over all dropout rates; ours: each of the four steps."""
    figure = "smallest fall in mean accuracy from one depth to the next"
    of_depth = {depth: evidence.mean(cells_at(_deeper(depth))) for depth in range(1, 6)}
    without = {depth: evidence.mean(cells_at(_deeper(depth), [0.0])) for depth in range(1, 6)}
    steps = [of_depth[depth] - of_depth[depth + 1] for depth in range(1, 5)]

    def answer(protocol: str, measured: Accuracies) -> Answer:
        means = {depth: measured.mean(cells_at(_deeper(depth))) for depth in range(1, 6)}
        differences = {f"S{depth} minus S{depth + 1}": means[depth] - means[depth + 1] for depth in range(1, 5)}
        because = "S1 to S5: " + ", ".join(f"{values[0]:.1%}" for values in means.values()) + "."
        return ordering(protocol, figure, measured, differences, evidence.level, because)

    return Claim(
        "each further layer lowers accuracy",
        "deeper architectures with 2-5 layers (S2-S5) showed increasingly lower accuracy",
        "4.E.2, on Figure 11",
        "S1 to S5: " + ", ".join(f"{mean:.2f}" for mean in of_depth.values()),
        (
            paper_answer(
                figure,
                min(steps) / 100,
                "held" if min(steps) > 0 else "not held",
                "Over all dropout rates; without dropout S1 to S5 have "
                + ", ".join(f"{mean:.2f}" for mean in without.values())
                + ", so much of the fall is dropout in deep networks, where cells collapse.",
            ),
            *_by_sweep(evidence, figure, cells_at(ARCHITECTURES), answer),
        ),
    )
