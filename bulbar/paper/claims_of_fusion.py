"""The paper's claims on its Table 5 and Figures 12 to 14: voice alone, and voice with clinical columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import pandas as pd

from bulbar.audit import collapse
from bulbar.paper import table_4_digits, tables
from bulbar.paper.claim import (
    Answer,
    Claim,
    Evidence,
    Run,
    Verdict,
    accuracy_of_folds,
    listed,
    nothing_learnt,
    paper_answer,
    untestable,
)
from bulbar.scoring import intervals, metrics

OVERFITTED_FROM = 0.05
"""A training accuracy this much above the tested one is taken for a sign of overfitting."""


def _by_cell(
    evidence: Evidence,
    figure: str,
    models: Sequence[str],
    answer: Callable[[str, Run, str, Mapping[str, pd.DataFrame]], Answer],
    *,
    of_training: bool = False,
) -> list[Answer]:
    """An answer for each run and cell (published, selected) that has these models and learnt something in one.

    of_training: the answer looks at the training accuracy too, so that it knows itself whether anything was learnt.
    """
    answers = []
    for run in evidence.runs:
        for cell in ("published", "selected"):
            of = f"{run.protocol}, {cell} cell"
            tables_of = run.models.get(cell, {})
            missing = [model for model in models if model not in tables_of]
            if missing:
                answers.append(untestable(of, figure, f"The run does not hold {listed(missing)}."))
                continue
            found = answer(of, run, cell, tables_of)
            if not of_training and all(_collapsed(tables_of[model]) for model in models):
                found = nothing_learnt(found, f"{listed(models)}: every network calls everyone the same class.")
            answers.append(found)
    return answers


def _collapsed(table: pd.DataFrame) -> bool:
    return len(collapse.collapsed_folds(table)) == table["fold"].nunique()


def _accuracy(table: pd.DataFrame) -> float:
    return metrics.accuracy(table["label"], table["probability"])


def _level(of: str, figure: str, table: pd.DataFrame, claimed: float, because: str, evidence: Evidence) -> Answer:
    """A claim that the accuracy is at least `claimed`."""
    draws = intervals.intervals(table, draws=evidence.draws, level=evidence.level, seed=evidence.seed)
    low, high = draws["accuracy"]
    verdict: Verdict = "held" if low >= claimed else "not held" if high < claimed else "not testable"
    reason = "" if verdict != "not testable" else f"The interval holds {claimed:.2%}. "
    return Answer(of, figure, _accuracy(table), low, high, verdict, f"{reason}{because}")


def voice_alone(evidence: Evidence) -> Claim:
    """Paper: not held as the accuracy of a model where it is that of one fold. Ours: the out-of-fold accuracy per
    recording is 80.33 % or more."""
    figure = "accuracy from voice alone, out of fold"
    claimed = evidence.audio / 100
    one_fold = " or ".join(table_4_digits.fractions(evidence.audio))
    behind = [
        table_4_digits.accuracy_behind(
            claimed, folds, max(table_4_digits.fold_sizes(table_4_digits.RECORDINGS, table_4_digits.FOLDS))
        )
        for folds in (table_4_digits.FOLDS, table_4_digits.FOLDS * len(evidence.printed))
    ]

    def answer(of: str, run: Run, cell: str, models: Mapping[str, pd.DataFrame]) -> Answer:
        table = models["audio"]
        of_folds = accuracy_of_folds(table)
        against = {"majority": tables.calling_all_the_majority(table), **run.baselines}
        beside = ", ".join(f"{name} {_accuracy(baseline):.1%}" for name, baseline in against.items())
        auc = metrics.roc_auc_within_folds(table["label"], table["probability"], table["fold"])
        because = f"Highest fold {of_folds.max():.1%}; AUC within folds {auc:.2f}; beside it {beside}."
        return _level(of, figure, table, claimed, because, evidence)

    return Claim(
        "80.33 % from voice",
        "the CNN achieved the best performance, achieving 80.33% accuracy in classification using audio data alone",
        "abstract, 4.E, 5",
        f"{evidence.audio:.2f} % is {one_fold}",
        (
            paper_answer(
                "accuracy of one fold",
                claimed,
                "not held" if one_fold else "not testable",
                f"It is {one_fold}, one fold picked out of "
                f"{table_4_digits.FOLDS * len(evidence.printed)} and watched in training, with the speakers on both "
                f"sides of the split. By luck alone a best fold of {table_4_digits.FOLDS} would be that at a true "
                f"{behind[0]:.1%}, a best of {table_4_digits.FOLDS * len(evidence.printed)} at {behind[1]:.1%}.",
            ),
            *_by_cell(evidence, figure, ["audio"], answer),
        ),
    )


def fused_perfect(evidence: Evidence) -> Claim:
    """Paper: 100 % fits any fold, and no table stands beside it: not testable. Ours: voice with all clinical columns
    calls every recording right (held), or its interval lies below 100 % (not held)."""
    figure = "accuracy of voice with all clinical columns, out of fold"

    def answer(of: str, run: Run, cell: str, models: Mapping[str, pd.DataFrame]) -> Answer:
        others = ", ".join(f"{name} {_accuracy(models[name]):.1%}" for name in models if name != "fused_all")
        because = (
            f"Beside it: {others}. What the clinical columns reach alone needs no voice; the probe of missingness "
            "tells whether it needs their values."
        )
        found = _level(of, figure, models["fused_all"], evidence.fused / 100, because, evidence)
        return replace(found, verdict="held", because=because) if found.value == 1 else found

    return Claim(
        "100 % with clinical data",
        "when combined with clinical data, the model achieved 100% accuracy",
        "abstract, 4.E.3, 5",
        f"{evidence.fused:.0f} %, Table 5 and Figure 13",
        (
            paper_answer(
                "accuracy of one fold",
                evidence.fused / 100,
                "not testable",
                "100 % is k/n for every n, and no clinical-only model stands beside it. Table 2 records no clinical "
                "value for a control but the questionnaire, and missing is filled with 0: which cells are filled tells "
                "the group. Section 4.E.3 itself calls the clinical features of controls missing.",
            ),
            *_by_cell(evidence, figure, ["fused_all"], answer),
        ),
    )


def _compared(
    first: pd.DataFrame, second: pd.DataFrame, evidence: Evidence, level: float
) -> dict[str, intervals.Difference]:
    return intervals.compare(first, second, draws=evidence.draws, level=level, seed=evidence.seed)


def fused_beats_voice(evidence: Evidence) -> Claim:
    """Voice with all clinical columns minus voice alone, above 0."""
    figure = "voice with all clinical columns minus voice alone, accuracy"

    def answer(of: str, run: Run, cell: str, models: Mapping[str, pd.DataFrame]) -> Answer:
        found = _compared(models["fused_all"], models["audio"], evidence, evidence.level)
        accuracy = found["accuracy"]
        verdict: Verdict = "held" if accuracy.low > 0 else "not held" if accuracy.high < 0 else "not testable"
        because = "" if verdict != "not testable" else "The interval holds 0. "
        beside = ""
        if {"fused_common", "audio"} <= set(models):
            common = _compared(models["fused_common"], models["audio"], evidence, evidence.level)["accuracy"]
            beside = (
                f"With the columns that both groups have: {100 * common.value:+.1f} points "
                f"[{100 * common.low:+.1f}, {100 * common.high:+.1f}]."
            )
        return Answer(of, figure, accuracy.value, accuracy.low, accuracy.high, verdict, f"{because}{beside}".strip())

    return Claim(
        "clinical data improve on voice",
        "the integration of multimodal data substantially improves the model's discriminatory ability",
        "4.E.3",
        f"{evidence.fused:.0f} against {evidence.audio:.2f}",
        (
            paper_answer(
                figure,
                (evidence.fused - evidence.audio) / 100,
                "held" if evidence.fused > evidence.audio else "not held",
                "As printed, of one fold each. It says nothing of what the voice adds: see synergy.",
            ),
            *_by_cell(evidence, figure, ["fused_all", "audio"], answer),
        ),
    )


def synergy(evidence: Evidence, columns: Literal["all", "common"]) -> Claim:
    """The fused model is above the clinical columns alone and above voice alone, both with intervals above 0.

    Not held where one interval lies below 0, or where the clinical columns alone already call every recording right, so
    that voice has nothing to add. columns: `all` (the paper's) or `common` (those that both groups have).
    """
    fused, clinical = f"fused_{columns}", f"clinical_{columns}"
    figure = "fused minus the better of clinical alone and voice alone, accuracy"

    def answer(of: str, run: Run, cell: str, models: Mapping[str, pd.DataFrame]) -> Answer:
        widened = 1 - (1 - evidence.level) / 2
        over = {name: _compared(models[fused], models[name], evidence, widened) for name in (clinical, "audio")}
        smallest = min(over, key=lambda name: over[name]["accuracy"].value)
        accuracy = over[smallest]["accuracy"]
        auc = over[clinical]["roc_auc"]
        nothing_to_add = _accuracy(models[clinical]) == 1
        verdict: Verdict = "not testable"
        reason = "An interval holds 0. "
        if all(found["accuracy"].low > 0 for found in over.values()):
            verdict, reason = "held", ""
        elif any(found["accuracy"].high < 0 for found in over.values()):
            verdict, reason = "not held", ""
        elif nothing_to_add:
            verdict, reason = "not held", f"{clinical} alone is right about every recording: voice has nothing to add. "
        because = (
            f"{reason}{fused} {_accuracy(models[fused]):.1%}, {clinical} {_accuracy(models[clinical]):.1%}, audio "
            f"{_accuracy(models['audio']):.1%}; AUC over {clinical} {auc.value:+.3f} [{auc.low:+.3f}, {auc.high:+.3f}]."
        )
        return Answer(of, figure, accuracy.value, accuracy.low, accuracy.high, verdict, because)

    words = {"all": "all clinical columns", "common": "the clinical columns that both groups have"}[columns]
    return Claim(
        f"synergy of voice and {words}",
        "even when heterogeneous information sources describe the same object, these data synergistically improve the "
        "predictive performance",
        "4.E.3",
        f"audio {evidence.audio:.2f}, audio and clinical {evidence.fused:.0f}; clinical alone: not shown",
        (
            untestable(
                "paper",
                figure,
                "No model of the clinical columns alone was shown, so that what voice adds to them cannot be read off."
                if columns == "all"
                else "The paper has no model of these columns: all of its clinical columns were used at once.",
            ),
            *_by_cell(evidence, figure, [fused, clinical, "audio"], answer),
        ),
    )


def no_overfitting(evidence: Evidence) -> Claim:
    """Paper: one fold's curve without digits: not testable. Ours: training accuracy (at the epoch whose weights are
    kept, with dropout on, mean over folds) minus the out-of-fold accuracy of the fused model: held where its interval
    lies below five points, not held where it lies above. A model that is not shown to be above the majority has learnt
    nothing that could be overfitted: then not testable."""
    figure = "training minus tested accuracy of voice with all clinical columns"

    def answer(of: str, run: Run, cell: str, models: Mapping[str, pd.DataFrame]) -> Answer:
        history = run.histories.get(cell, {}).get("fused_all")
        if history is None:
            return untestable(of, figure, "The run holds no learning curves.")
        kept = history.loc[history.groupby("fold")["validation_loss"].idxmin()]
        table = models["fused_all"]
        trained, tested = float(kept["accuracy"].mean()), _accuracy(table)
        low, high = intervals.intervals(table, draws=evidence.draws, level=evidence.level, seed=evidence.seed)[
            "accuracy"
        ]
        bounds = (trained - high, trained - low)
        verdict: Verdict = "not testable"
        reason = "The interval holds five points. "
        if bounds[0] > OVERFITTED_FROM:
            verdict, reason = "not held", ""
        elif low <= metrics.majority_accuracy(table["label"]):
            reason = "It is not shown to be above the majority, so it learnt nothing that could be overfitted. "
        elif bounds[1] < OVERFITTED_FROM:
            verdict, reason = "held", ""
        of_folds = accuracy_of_folds(table)
        because = (
            f"{reason}Training {trained:.1%}, tested "
            f"{tested:.1%}; folds from {of_folds.min():.1%} to {of_folds.max():.1%}. "
            + (
                "The watched fold is the tested one."
                if run.protocol == "record_wise"
                else "The tested subjects are new."
            )
        )
        return Answer(of, figure, trained - tested, *bounds, verdict, because)

    return Claim(
        "no overfitting",
        "This indicates effective learning without any indication of overfitting. ... excellent generalization "
        "performance across validation folds",
        "4.E.3, on Figure 14",
        "curves of fold 4 only, no digits",
        (
            untestable(
                "paper",
                figure,
                "One fold's curves are shown, the fold of the best performance, which was watched in training as well; "
                "the other folds are not.",
            ),
            *_by_cell(evidence, figure, ["fused_all"], answer, of_training=True),
        ),
    )
