"""Table 1 of the gender paper, ours compared with its own, as a Markdown page; what its digits imply."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bulbar.core.markdown import markdown_table, with_interval
from bulbar.paper import gender_digits, gender_table
from bulbar.paper.gender_digits import PAPER_MALES, PAPER_RECORDINGS

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
    beaten = "".join(
        f"- {gender_table.IN_WORDS[row['model']]}: "
        f"{with_interval(row['points'], row['points_low'], row['points_high'], '{:+.1f}'.format)} points: "
        f"{row['verdict']}\n"
        for row in found.above.to_dict("records")
    )
    return (
        f"## {title}\n\n{BIASED if found.biased else ''}In percent. {positive} is the positive class: its accuracy is "
        f"its recall. In brackets the interval over speakers{papers}.\n\n{markdown_table(shown)}\n"
        f"Accuracy on the test part goes from {before['test_accuracy']:.1%} to {after['test_accuracy']:.1%} with "
        f"tuning, the train–test gap from {100 * before['gap']:.1f} to {100 * after['gap']:.1f} points.\n\n"
        f"Every model must beat a threshold on mean F0 ({f0}). Difference of the accuracies on the same clips:"
        f"\n\n{beaten}"
    )


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
