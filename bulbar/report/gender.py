"""The report of the gender study: its sections, and the values that its templates show."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from bulbar.core.markdown import number_in_words
from bulbar.report import results as values
from bulbar.report.results import Form, Results, Value, percentage
from bulbar.report.study import Section, Study

SECTIONS = {
    "run": Section(
        "What was run", "The cohort and the three parts of each split; params, versions and files of the run."
    ),
    "table_1": Section(
        "The paper’s Table 1, compared with ours",
        "Every score of every model, split by recording and by speaker, the paper’s in brackets.",
    ),
    "baselines": Section(
        "Networks against baselines",
        "What each model adds to a threshold on mean F0, and who is left where F0 cannot decide.",
    ),
    "groups": Section("Subgroups", "Accuracy by age and accent; small groups are pooled."),
    "tuning": Section("Tuning", "What each sampler of the search for hyper-parameters found, and how fast."),
    "digits": Section(
        "The paper’s digits", "Which confusion matrices could give the scores that the paper prints, if any."
    ),
}

OVERVIEW = "plots/overview/overview.csv"
TABLE_1, GROUPS, DIGITS, ABOVE, OVERLAP = (
    f"plots/evaluate/{name}.csv" for name in ("table_1", "groups", "printed_scores", "above_baselines", "f0_overlap")
)
THRESHOLD, TUNED = "mean_f0_threshold", "cnn_lstm_tuned"
VERDICTS = {"beats it": "good", "falls short": "bad"}
"""Verdict of a comparison with a baseline -> colour class."""

plus: Form = "{:+.1f}".format


def study_values(results: Results) -> Mapping[str, Any]:
    """The names that the templates of the gender study use."""
    words = results.read(OVERVIEW).drop_duplicates("model").set_index("model")["words"].to_dict()
    return {
        "overview_title": "What each model adds to a threshold on mean F0",
        "overview_text": overview_text(results.read(OVERVIEW)),
        "models": words,
        "accuracy": partial(accuracy, results),
        "whole_percent": "{:.0f} %".format,
        "threshold": lambda protocol: results.value(
            "metrics/evaluate.json", protocol, "f0_threshold_hz", form="{:.0f} Hz".format
        ),
        "above": partial(above, results),
        "differences": partial(differences, results),
        "won": partial(won, results),
        "table_1": partial(table_1, results),
        "overlap": partial(overlap, results),
        "groups": partial(groups, results),
        "impossible": impossible(results),
        "digits": partial(digits, results),
        "confusion_text": partial(confusion_text, results),
        "gap_text": partial(gap_text, results),
        "tuning_text": partial(tuning_text, results),
        "point_in_words": point_in_words,
        "is_gender": results.json("metrics/evaluate.json", "target") == "gender",
    }


def overview_text(table: pd.DataFrame) -> str:
    """The alternative text of the picture on the first screen, from the rows of `paper.gender_overview`."""
    rows = table[table["model"].isin([THRESHOLD, TUNED])]
    listed = "; ".join(
        f"{words} {' and '.join(number_in_words(value, percentage) for value in of['accuracy'])}"
        for words, of in rows.groupby("words", sort=False)
    )
    return (
        "Accuracy per clip of every model with its interval, split by recording and by speaker, beside the accuracy "
        f"of the threshold on mean F0. By recording and by speaker: {listed}."
    )


def confusion_text(results: Results, protocol: str) -> str:
    """The alternative text of the confusion matrices of one protocol."""
    table = results.read(f"plots/evaluate/confusion_{protocol}.csv")
    right = [
        f"{int((rows['predicted'] == actual).sum())} of {len(rows)} clips of {actual}"
        for actual, rows in table.groupby("actual")
    ]
    return f"Confusion matrices of every model on the test part, {protocol}. Of the tuned CNN-LSTM: {'; '.join(right)}."


def gap_text(results: Results, protocol: str) -> str:
    """The alternative text of the accuracies on the training and the test part before and after tuning."""
    before, after = (
        number_in_words(accuracy(results, protocol, model).number, percentage) for model in ("cnn_lstm", TUNED)
    )
    return (
        f"Accuracy on the training and the test part before and after tuning, {protocol}. On the test part it goes "
        f"from {before} to {after}."
    )


def tuning_text(results: Results, protocol: str, title: str) -> str:
    """The alternative text of a figure of the search."""
    searches = {
        name: one for name, one in results.read(f"metrics/tune/{protocol}.json").items() if isinstance(one, dict)
    }
    losses = ", ".join(
        f"{name} {number_in_words(one.get('best_validation_loss'), values.three)}"
        for name, one in searches.items()
        if "best_validation_loss" in one
    )
    return f"{title}, {protocol}. Lowest validation loss of each sampler: {losses}."


def point_in_words(point: Mapping[str, str]) -> str:
    """The settings of a trial as text."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in point.items())


def accuracy(results: Results, protocol: str, model: str, form: Form = percentage) -> Value:
    """The accuracy of a model per clip of the test part, with its interval."""
    rows = results.read(OVERVIEW).query("protocol == @protocol and model == @model").to_dict("records")
    value, low, high = (rows[0][name] if rows else None for name in ("accuracy", "low", "high"))
    return values.with_interval(value, low, high, OVERVIEW, f"{protocol}, {model}: accuracy", form)


def differences(results: Results, protocol: str) -> list[dict[str, Any]]:
    """What each model adds to each baseline: model, against, points (a Value) and verdict (a coloured Value)."""
    table = results.read(ABOVE)
    return [
        {
            "model": row["model"],
            "against": row["against"],
            **_judged(row, ABOVE, f"{protocol}, {row['model']} against {row['against']}"),
        }
        for row in table[table["protocol"] == protocol].to_dict("records")
    ]


def _judged(row: Mapping[Any, Any], file: str, key: str) -> dict[str, Value]:
    """A difference in percentage points with its interval, and its verdict as a coloured word."""
    points = values.with_interval(row["points"], row["points_low"], row["points_high"], file, f"{key}: points", plus)
    word = row["verdict"] if isinstance(row["verdict"], str) else ""
    kind = VERDICTS.get(word, "neutral") if word else ""
    return {"points": points, "verdict": Value(word, None, file, f"{key}: verdict", kind)}


def above(results: Results, protocol: str, model: str = TUNED) -> dict[str, Any]:
    """What a model adds to the threshold on mean F0: as from `differences`."""
    return next(row for row in differences(results, protocol) if (row["model"], row["against"]) == (model, THRESHOLD))


def won(results: Results, protocol: str) -> dict[str, int]:
    """How many models beat the threshold on mean F0, fall short of it, or neither; and how many there are."""
    found = [str(row["verdict"]) for row in differences(results, protocol) if row["against"] == THRESHOLD]
    return {"models": len(found), "beat": found.count("beats it"), "fall": found.count("falls short")}


def table_1(results: Results, protocol: str) -> list[dict[str, Any]]:
    """Rows of Table 1 as cells: model, unit, and for each score its value with the paper's."""
    table = results.read(TABLE_1)
    scores = [name.removesuffix("_low") for name in table if name.endswith("_low")]
    rows = []
    for row in table[table["protocol"] == protocol].to_dict("records"):
        key = f"{protocol}, {row['model']}, {row['unit']}"
        cells = {}
        for score in scores:
            own = values.with_interval(
                row[score], row[f"{score}_low"], row[f"{score}_high"], TABLE_1, f"{key}: {score}", "{:.1f}".format
            )
            paper = values.shown(row.get(f"{score}_paper"), TABLE_1, f"{key}: {score}_paper", "({:.1f})".format)
            cells[score] = [own] if paper.number is None else [own, " ", paper]
        rows.append({"model": row["model"], "unit": row["unit"], "scores": cells})
    return rows


def overlap(results: Results, protocol: str) -> list[dict[str, Any]]:
    """Scores of the speakers whose F0 cannot decide, as cells; empty if the run has none."""
    if OVERLAP not in results:
        return []
    table = results.read(OVERLAP)
    rows = []
    for row in table[(table["protocol"] == protocol) & (table["unit"] == "speaker")].to_dict("records"):
        key = f"{protocol}, {row['scope']}, {row['group']}, {row['model']}, {row['unit']}"
        scores = {
            score: values.with_interval(
                row[score], row[f"{score}_low"], row[f"{score}_high"], OVERLAP, f"{key}: {score}", percentage
            )
            for score in ("accuracy", "roc_auc")
        }
        counted = values.shown(str(row["speakers"]), OVERLAP, f"{key}: speakers")
        rows.append({**row, **scores, "speakers": counted, **_judged(row, OVERLAP, key)})
    return rows


def groups(results: Results, protocol: str) -> list[dict[str, Any]]:
    """Accuracy by group, as cells: grouping, group, model, counts and scores."""
    table = results.read(GROUPS)
    rows = []
    for row in table[table["protocol"] == protocol].to_dict("records"):
        key = f"{protocol}, {row['grouping']}, {row['group']}, {row['model']}"
        counts = {name: values.shown(str(row[name]), GROUPS, f"{key}: {name}") for name in ("speakers", "clips")}
        found = values.with_interval(
            row["accuracy"], row["accuracy_low"], row["accuracy_high"], GROUPS, f"{key}: accuracy", values.percent
        )
        rows.append({**row, **counts, "accuracy": found})
    return rows


def digits(results: Results) -> list[dict[str, Any]]:
    """For each row of the paper's table and each way to average: how many matrices give it, over all sizes."""
    table = results.read(DIGITS)
    return [
        {
            "model": model,
            "averaging": averaging,
            "verdict": Value(
                min(rows["verdict"], key=FITS.index),
                None,
                DIGITS,
                f"{model}, {averaging}: verdict",
                FITS_KINDS[min(rows["verdict"], key=FITS.index)],
            ),
            "matrices": values.shown(
                int(rows["matrices"].sum()), DIGITS, f"{model}, {averaging}: matrices", values.whole
            ),
        }
        for (model, averaging), rows in table.groupby(["model", "averaging"], sort=False)
    ]


FITS_KINDS = {"stated split": "good", "another split": "doubtful", "impossible": "bad"}
FITS = tuple(FITS_KINDS)
"""Verdicts on a printed row, the best first."""


def impossible(results: Results) -> list[str]:
    """Rows of the paper's table that no confusion matrix gives, of any size and averaging tried."""
    if DIGITS not in results:
        return []
    table = results.read(DIGITS)
    return [str(model) for model, rows in table.groupby("model", sort=False) if (rows["verdict"] == "impossible").all()]


STUDY = Study(
    "gender",
    "bulbar: a speaker’s gender from the voice",
    SECTIONS,
    study_values,
    {"gender/data/evaluate/tables.md": "Table 1 as Markdown, in DVC’s cache"},
)
