"""The gender paper's Table 1, ours beside its own, per protocol; what its digits can be; groups; the train–test gap."""

from collections.abc import Mapping
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
from bulbar.aside import write_text
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
PAPER_RECORDINGS, PAPER_MALES = 11_000, 6_000
TEST_SHARES = (0.10, 0.15, 0.20, 0.25, 0.30)
"""Of the paper's clips, what its test set may have been: it does not say."""

BIASED = "**These scores are biased**: a speaker's clips are in training and in test alike.\n\n"

IN_WORDS = {**sequence_experiment.IN_WORDS, F0: "threshold on mean F0"}


def main(role: str = "main") -> None:
    """Write metrics/evaluate.json, data/evaluate/ and plots/evaluate/."""
    split = read_json(room("split", role) / "classes.json")
    gender = split["target"] == "gender"
    paper = pd.read_csv(PAPER, dtype=str) if gender else pd.DataFrame({"model": []})  # it tells nothing but gender
    synthetic = read_json(room("cohort", role) / "cohort.json")["synthetic"]
    headlines: dict[str, Any] = {"synthetic": synthetic, "target": split["target"]}
    plots, long = Path("plots/evaluate"), room("evaluate", role)
    ones, groups, beaten, pages = [], [], [], []
    for protocol in folds.PROTOCOLS:
        said, threshold = read_models(protocol, role)
        tested = {name: table[table["part"] == "test"] for name, table in said.items()}
        bootstrap = settings("bootstrap", uncertainty.Settings)
        drawing = {**bootstrap.model_dump(), "seed": seed_of(study_seed(), f"evaluate/{protocol}")}
        one = gender_table.table_1(tested, paper, **drawing)
        subjects = read_table(room("cohort", role) / "subjects.csv", subject_id=str)
        own = gender_table.by_group(tested, subjects, **drawing)
        above = gender_table.above(tested, F0, **drawing)
        title = f"{protocol} · {cohort_in_words(role)}"
        counts = {
            IN_WORDS[name]: scoring.confusion(table["label"], table["probability"]) for name, table in tested.items()
        }
        classes = (split["classes"][0], split["classes"][1])
        drawn = figures.confusion_matrices(counts, classes, f"Confusion matrices of the test part\n{title}")
        save(drawn, plots / f"confusion_{protocol}.png")
        write_table(calls(tested[sequence_experiment.TUNED], classes), plots / f"confusion_{protocol}.csv")
        gaps = {IN_WORDS[name]: sequence_experiment.gap(said[name]) for name in ("cnn_lstm", sequence_experiment.TUNED)}
        save(tuning_figures.train_test_gap(gaps, f"Before and after tuning\n{title}"), plots / f"gap_{protocol}.png")
        headlines[protocol] = headline(one, tested, above, gaps, threshold, biased=protocol == "record_wise")
        warning = BIASED if protocol == "record_wise" else ""
        pages.append(f"## {title}\n\n{warning}{page(one, above, gaps, threshold, classes)}")
        ones.append(one.assign(protocol=protocol))
        groups.append(own.assign(protocol=protocol))
        beaten.append(above.assign(protocol=protocol))
    write_table(first(pd.concat(ones)).round(2), plots / "table_1.csv")
    write_table(first(pd.concat(groups)).round(4), plots / "groups.csv")
    write_table(first(pd.concat(beaten)).round(2), plots / "above_f0_threshold.csv")
    if gender:
        behind = pd.concat(
            printed_scores.search(
                paper, recordings=round(share * PAPER_RECORDINGS), positives=round(share * PAPER_MALES)
            )
            for share in TEST_SHARES
        )
        write_table(behind, plots / "printed_scores.csv")
        pages.append(digits(behind))
    write_text("\n".join(pages), long / "tables.md")
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
    above: pd.DataFrame,
    gaps: dict[str, Any],
    threshold: float,
    *,
    biased: bool,
) -> dict[str, Any]:
    """The few numbers that `dvc metrics diff` shows, as shares."""
    clips = one[one["unit"] == "clip"].set_index("model")
    tuned = above.set_index("model").loc[sequence_experiment.TUNED]
    return {
        "biased": biased,
        "majority_accuracy": scoring.majority_accuracy(tested[F0]["label"]),
        "f0_threshold_hz": round(threshold, 1),
        "accuracy": {model: clips["accuracy"].to_dict()[model] / 100 for model in tested},
        "tuned_above_f0_threshold": {
            "value": tuned["points"] / 100,
            "low": tuned["points_low"] / 100,
            "high": tuned["points_high"] / 100,
        },
        "train_test_gap": {name: found["gap"] for name, found in gaps.items()},
    }


def calls(table: pd.DataFrame, classes: tuple[str, str]) -> pd.DataFrame:
    """What each tested clip is and what it is called, for `dvc plots`: in an order that tells no speaker."""
    actual, predicted = (
        pd.Series(values).map(dict(enumerate(classes)))
        for values in (table["label"].to_numpy(), scoring.called(table["probability"]))
    )
    return pd.DataFrame({"actual": actual, "predicted": predicted}).sort_values(["actual", "predicted"])


def first(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its last column first."""
    return table[[table.columns[-1], *table.columns[:-1]]]


def page(
    one: pd.DataFrame, above: pd.DataFrame, gaps: dict[str, Any], threshold: float, classes: tuple[str, str]
) -> str:
    """Table 1 of one protocol in Markdown, and the sentence that the paper leaves unfilled."""
    shown = pd.DataFrame({"Model": one["model"].map(IN_WORDS), "per": one["unit"]})
    positive = classes[1]
    printed = "male_accuracy" in one
    for score in gender_table.SCORES if printed else ("positive_accuracy", *gender_table.SCORES[1:]):
        words = {"roc_auc": "AUC", "f1": "F1", "accuracy": "accuracy"}.get(score, score)
        heading = f"accuracy of {positive}" if score in ("male_accuracy", "positive_accuracy") else words
        shown[heading] = [
            f"{row[score]:.1f} ({row[f'{score}_low']:.1f} to {row[f'{score}_high']:.1f}){_papers(row, score)}"
            for row in one.to_dict("records")
        ]
    before, after = (gaps[IN_WORDS[name]] for name in ("cnn_lstm", sequence_experiment.TUNED))
    papers = "; in square brackets the paper's" if printed else ""
    f0 = f"{threshold:.0f} Hz" if threshold > 0 else "none divides these classes"
    beaten = "".join(
        f"- {IN_WORDS[row['model']]}: {row['points']:+.1f} points ({row['points_low']:+.1f} to "
        f"{row['points_high']:+.1f}): {row['verdict']}\n"
        for row in above.to_dict("records")
    )
    return (
        f"In percent, {positive} the positive class: its accuracy is its recall. In brackets the interval over "
        f"speakers{papers}.\n\n{tables.markdown(shown)}\nAccuracy on the test part goes from "
        f"{before['test_accuracy']:.1%} to {after['test_accuracy']:.1%} with tuning, the train–test gap from "
        f"{100 * before['gap']:.1f} to {100 * after['gap']:.1f} points.\n\nThe threshold on mean F0 ({f0}) is what "
        f"any model must beat; by how much accuracy on the same clips lies above its:\n\n{beaten}"
    )


def _papers(row: Mapping[Any, Any], score: str) -> str:
    """The paper's own score behind ours, where it has one."""
    theirs = row.get(f"{score}_paper")
    return "" if pd.isna(theirs) else f" [{theirs:g}]"


def digits(behind: pd.DataFrame) -> str:
    """What the published digits can be, in Markdown."""
    sizes = ", ".join(f"{size:,}" for size in behind["recordings"].unique())
    found = printed_scores.verdicts(behind)
    found["verdict"] += [f" ({sizes})" if sizes else "" for sizes in found["sizes"]]
    shown = found.pivot_table(index="model", columns="averaging", values="verdict", aggfunc="first", sort=False)
    never = [str(model) for model, row in shown.iterrows() if (row == "impossible").all()]
    none = f"No matrix at all gives the row of: {', '.join(never)}.\n\n" if never else ""
    return (
        f"## What the printed digits can be\n\nThe paper does not say how large its test set was: every confusion "
        f"matrix of {sizes} clips is tried (10 to 30 % of its {PAPER_RECORDINGS:,}), with precision, recall and F1 of "
        f"one class or averaged, all digits of a row rounded or all cut off. Stated split: {PAPER_MALES:,} in "
        f"{PAPER_RECORDINGS:,} of men, as in its subset.\n\n{none}{tables.markdown(shown.reset_index())}"
    )


if __name__ == "__main__":
    run(main)
