"""Table 1 of the gender paper, ours compared with its own, as a Markdown page; what its digits imply."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bulbar.core.markdown import markdown_table, with_interval
from bulbar.paper import gender_digits, gender_table
from bulbar.paper.gender_digits import PAPER_MALES, PAPER_RECORDINGS
from bulbar.voice.gender import OVERLAP_HZ

BIASED = "**These scores are biased**: a speaker's clips are in both the training and the test set.\n\n"


def page(found: gender_table.ProtocolResults, title: str, classes: tuple[str, str]) -> str:
    """Table 1 of one protocol in Markdown, and the sentence that the paper leaves unfilled.

    `classes` are the names of the negative and the positive class.
    """
    one, threshold = found.table_1, found.threshold_hz
    shown = pd.DataFrame({"Model": one["model"].map(gender_table.IN_WORDS), "per": one["unit"]})
    positive = classes[1]
    printed = "male_accuracy" in one
    for score in gender_table.SCORES if printed else ("positive_accuracy", *gender_table.SCORES[1:]):
        words = {"roc_auc": "AUC", "f1": "F1", "accuracy": "accuracy"}.get(score, score)
        heading = f"accuracy of {positive}" if score in ("male_accuracy", "positive_accuracy") else words
        shown[heading] = [
            with_interval(row[score], row[f"{score}_low"], row[f"{score}_high"], "{:.1f}".format) + _papers(row, score)
            for row in one.to_dict("records")
        ]
    before, after = found.gaps.values()
    papers = "; in square brackets the paper's score" if printed else ""
    f0 = f"{threshold:.0f} Hz" if threshold > 0 else "no threshold separates these classes"
    return (
        f"## {title}\n\n{BIASED if found.biased else ''}In percent. {positive} is the positive class: its accuracy is "
        f"its recall. In brackets the interval over speakers{papers}.\n\n{markdown_table(shown)}\n"
        f"Accuracy on the test part goes from {before['test_accuracy']:.1%} to {after['test_accuracy']:.1%} with "
        f"tuning, the train–test gap from {100 * before['gap']:.1f} to {100 * after['gap']:.1f} points.\n\n"
        f"Every model must beat a threshold on mean F0 ({f0}). Difference of the accuracies on the same clips, in "
        f"points:\n\n{_differences(found.above_baselines)}\n{_overlap(found.f0_overlap) if printed else ''}"
    )


def _differences(above: pd.DataFrame) -> str:
    """What each model adds to each baseline."""
    cells = above.assign(
        model=above["model"].map(gender_table.IN_WORDS),
        against="against the " + above["against"].map(gender_table.IN_WORDS),
        points=[_points(row) for row in above.to_dict("records")],
    )
    wide = cells.pivot_table(index="model", columns="against", values="points", aggfunc="first").fillna("")
    ordered = wide.loc[cells["model"].unique(), cells["against"].unique()]
    return markdown_table(ordered.rename_axis("Model").reset_index())


def _points(row: Mapping[Any, Any]) -> str:
    value, low, high = (row[name] for name in ("points", "points_low", "points_high"))
    return f"{with_interval(value, low, high, '{:+.1f}'.format)}: {row['verdict']}"


def _overlap(table: pd.DataFrame) -> str:
    """Scores of the speakers whose F0 cannot decide, per speaker and per clip."""
    low, high = OVERLAP_HZ
    rows = table.dropna(subset="accuracy").to_dict("records")
    shown = pd.DataFrame(
        {
            "on": [row["scope"] for row in rows],
            "mean F0": [row["group"].replace(gender_table.EVERYONE, "any") for row in rows],
            "Model": [gender_table.IN_WORDS[row["model"]] for row in rows],
            "per": [row["unit"] for row in rows],
            "n": [row["speakers" if row["unit"] == "speaker" else "clips"] for row in rows],
            **{
                words: [_score(row, score) for row in rows]
                for score, words in (("accuracy", "accuracy"), ("roc_auc", "AUC"))
            },
            "accuracy against the threshold on mean F0": [
                "" if pd.isna(row["points"]) else _points(row) for row in rows
            ],
        }
    )
    hidden = table[table["accuracy"].isna()].drop_duplicates(["scope", "group"])
    withheld = "".join(
        f"On the {row['scope']} the scores for {row['group']} are withheld: {row['speakers']} speakers.\n\n"
        for row in hidden.to_dict("records")
    )
    return (
        f"### Where F0 cannot decide\n\nMany men and many women have a mean F0 from {low:.0f} to {high:.0f} Hz. The "
        "networks predict the test part alone. The baselines are also fitted on five folds, so that every speaker is "
        "predicted once by a model of the other folds. The AUC is withheld where a class has fewer than five "
        f"speakers.\n\n{withheld}{markdown_table(shown) if rows else ''}\n"
    )


def _score(row: Mapping[Any, Any], score: str) -> str:
    if pd.isna(row[score]):
        return "withheld"
    return with_interval(row[score], row[f"{score}_low"], row[f"{score}_high"], "{:.1f}".format)


def _papers(row: Mapping[Any, Any], score: str) -> str:
    """The paper's score in square brackets, if it has one."""
    theirs = row.get(f"{score}_paper")
    return "" if pd.isna(theirs) else f" [{theirs:g}]"


def digits(behind: pd.DataFrame) -> str:
    """Which confusion matrices fit the published digits, in Markdown."""
    sizes = ", ".join(f"{size:,}" for size in behind["recordings"].unique())
    found = gender_digits.verdicts(behind)
    found["verdict"] += [f" ({sizes})" if sizes else "" for sizes in found["sizes"]]
    shown = found.pivot_table(index="model", columns="averaging", values="verdict", aggfunc="first", sort=False)
    never = [str(model) for model, row in shown.iterrows() if (row == "impossible").all()]
    none = f"No confusion matrix gives the row of: {', '.join(never)}.\n\n" if never else ""
    return (
        f"## Which confusion matrices fit the printed digits\n\nThe paper does not state the size of its test set. So "
        f"every confusion matrix of {sizes} clips is tested (10 to 30 % of its {PAPER_RECORDINGS:,}), with precision, "
        f"recall and F1 of one class or averaged, and all digits of a row rounded or all cut off. The stated split has "
        f"{PAPER_MALES:,} clips of men in {PAPER_RECORDINGS:,}, as the paper's subset.\n\n"
        f"{none}{markdown_table(shown.reset_index())}"
    )
