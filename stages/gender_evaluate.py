"""The gender paper's Table 1, ours beside its own, per protocol; what its digits can be; groups; the train–test gap."""

from pathlib import Path
from typing import Any

import pandas as pd

from bulbar import (
    figures,
    folds,
    gender_table,
    printed_scores,
    scoring,
    sequence_experiment,
    tables,
    tuning_figures,
    uncertainty,
)
from bulbar.seeds import seed_of
from stages.io import (
    cohort_in_words,
    metrics_file,
    read_json,
    read_table,
    room,
    run,
    save,
    settings,
    study_seed,
    write_json,
    write_table,
)

PAPER = Path("../reference/gender_table1.csv")
F0 = "mean_f0_threshold"
TEST_RECORDINGS, TEST_MALES = 1650, 900
"""15 % of the paper's 11,000 clips, and of its 6,000 of men: the share is ours, the paper does not state its own."""

BIASED = "**These scores are biased**: a speaker's clips are in training and in test alike.\n\n"

IN_WORDS = {**sequence_experiment.IN_WORDS, F0: "threshold on mean F0"}


def main(role: str = "main") -> None:
    """Write metrics/evaluate.json, data/evaluate/ and plots/evaluate/."""
    split = read_json(room("split", role) / "classes.json")
    gender = split["target"] == "gender"
    paper = pd.read_csv(PAPER, dtype=str) if gender else pd.DataFrame({"model": []})
    synthetic = read_json(room("cohort", role) / "cohort.json")["synthetic"]
    headlines: dict[str, Any] = {"synthetic": synthetic, "target": split["target"]}
    plots, long = Path("plots/evaluate"), room("evaluate", role)
    ones, groups, pages = [], [], []
    for protocol in folds.PROTOCOLS:
        said, threshold = read_models(protocol, role)
        tested = {name: table[table["part"] == "test"] for name, table in said.items()}
        bootstrap = settings("bootstrap", uncertainty.Settings)
        drawing = {**bootstrap.model_dump(), "seed": seed_of(study_seed(), f"evaluate/{protocol}")}
        one = gender_table.table_1(tested, paper, **drawing)
        subjects = read_table(room("cohort", role) / "subjects.csv", subject_id=str)
        own = gender_table.by_group(tested, subjects, **drawing)
        title = f"{protocol} · {cohort_in_words(role)}"
        counts = {
            IN_WORDS[name]: scoring.confusion(table["label"], table["probability"]) for name, table in tested.items()
        }
        classes = (split["classes"][0], split["classes"][1])
        drawn = figures.confusion_matrices(counts, classes, f"Confusion matrices of the test part\n{title}")
        save(drawn, plots / f"confusion_{protocol}.png")
        gaps = {IN_WORDS[name]: sequence_experiment.gap(said[name]) for name in ("cnn_lstm", sequence_experiment.TUNED)}
        save(tuning_figures.train_test_gap(gaps, f"Before and after tuning\n{title}"), plots / f"gap_{protocol}.png")
        headlines[protocol] = headline(one, tested, gaps, threshold, drawing, biased=protocol == "record_wise")
        warning = BIASED if protocol == "record_wise" else ""
        pages.append(f"## {title}\n\n{warning}{page(one, gaps, threshold, classes)}")
        ones.append(one.assign(protocol=protocol))
        groups.append(own.assign(protocol=protocol))
    write_table(first(pd.concat(ones)).round(2), plots / "table_1.csv")
    write_table(first(pd.concat(groups)).round(4), plots / "groups.csv")
    if gender:
        behind = printed_scores.search(paper, recordings=TEST_RECORDINGS, positives=TEST_MALES)
        write_table(behind, plots / "printed_scores.csv")
        pages.append(digits(behind))
    long.mkdir(parents=True, exist_ok=True)
    (long / "tables.md").write_text("\n".join(pages), encoding="utf-8")
    write_json(headlines, metrics_file("evaluate", role))
    print(f"Table 1, confusion matrices, scores by group: {', '.join(folds.PROTOCOLS)}")


def read_models(protocol: str, role: str) -> tuple[dict[str, pd.DataFrame], float]:
    """What each model and the threshold on mean F0 say of the recordings, and that threshold in hertz."""
    names = {"recording_id": str, "subject_id": str}
    f0 = read_table(room("acoustic", role) / "features.csv", **names)[["recording_id", "mean_f0_hz"]]
    parts = read_table(room("split", role) / f"{protocol}.csv", **names)
    baseline, threshold = gender_table.by_f0(parts.merge(f0, on="recording_id", validate="1:1"))
    models = (*sequence_experiment.MODELS, sequence_experiment.TUNED)
    folder = room("networks", role) / protocol
    return {F0: baseline} | {model: read_table(folder / f"{model}.csv", **names) for model in models}, threshold


def headline(
    one: pd.DataFrame,
    tested: dict[str, pd.DataFrame],
    gaps: dict[str, Any],
    threshold: float,
    drawing: dict[str, Any],
    *,
    biased: bool,
) -> dict[str, Any]:
    """The few numbers that `dvc metrics diff` shows, as shares."""
    clips = one[one["unit"] == "clip"].set_index("model")
    tuned = sequence_experiment.TUNED
    above = uncertainty.compare(tested[tuned].assign(fold=1), tested[F0].assign(fold=1), **drawing)["accuracy"]
    return {
        "biased": biased,
        "majority_accuracy": scoring.majority_accuracy(tested[tuned]["label"]),
        "f0_threshold_hz": round(threshold, 1),
        "accuracy": {model: clips["accuracy"].to_dict()[model] / 100 for model in tested},
        "roc_auc": {model: clips["roc_auc"].to_dict()[model] / 100 for model in tested},
        "tuned_above_f0_threshold": {"value": above.value, "low": above.low, "high": above.high},
        "train_test_gap": {name: found["gap"] for name, found in gaps.items()},
    }


def first(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its last column first."""
    return table[[table.columns[-1], *table.columns[:-1]]]


def page(one: pd.DataFrame, gaps: dict[str, Any], threshold: float, classes: tuple[str, str]) -> str:
    """Table 1 of one protocol in Markdown, and the sentence that the paper leaves unfilled."""
    shown = pd.DataFrame({"Model": one["model"].map(IN_WORDS), "per": one["unit"]})
    positive = classes[1]
    for score in gender_table.SCORES:
        words = {"male_accuracy": f"{positive} accuracy", "roc_auc": "AUC", "f1": "F1"}.get(score, score)
        shown[words] = [
            f"{value:.1f} ({low:.1f} to {high:.1f}){'' if pd.isna(theirs) else f' [{theirs:g}]'}"
            for value, low, high, theirs in zip(
                one[score], one[f"{score}_low"], one[f"{score}_high"], one[f"{score}_paper"], strict=True
            )
        ]
    before, after = (gaps[IN_WORDS[name]] for name in ("cnn_lstm", sequence_experiment.TUNED))
    return (
        f"In percent, {positive} the positive class: its accuracy is its recall. In brackets the interval over "
        f"speakers; in square brackets the paper's.\n\n{tables.markdown(shown)}\nAccuracy on the test part goes from "
        f"{before['test_accuracy']:.1%} to {after['test_accuracy']:.1%} with tuning, the train–test gap from "
        f"{100 * before['gap']:.1f} to {100 * after['gap']:.1f} points. Threshold on mean F0: {threshold:.0f} Hz.\n"
    )


def digits(behind: pd.DataFrame) -> str:
    """What the published digits can be, in Markdown."""
    shown = behind[
        ["model", "averaging", "printing", "verdict", "matrices", "splits", "fewest_males", "most_males"]
    ].copy()
    example = [
        "–" if pd.isna(row["tp"]) else " ".join(f"{row[name]:.0f}" for name in ("tp", "fn", "fp", "tn"))
        for row in behind.to_dict("records")
    ]
    return (
        f"## What the printed digits can be\n\nOf a test set of {TEST_RECORDINGS} clips, {TEST_MALES} of men where the "
        "split keeps the subset's shares: every confusion matrix tried, all digits of a row rounded or all cut off.\n\n"
        f"{tables.markdown(shown.assign(example_tp_fn_fp_tn=example), digits=0)}"
    )


if __name__ == "__main__":
    run(main)
