"""What the answers use from a run: its files by name, aggregates of the cohort and the splits, formats of scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bulbar.cohort import folds
from bulbar.core.disclosure import FEWEST_SHOWN, shown, shown_apart
from bulbar.core.markdown import with_interval
from bulbar.core.names import Protocol

OF_INPUTS = ("missingness", "recording_conditions", "dead_bands")
"""The audit's probes of model inputs. The other probes are about scores, splits and the paper's tables."""


def by_name(run: Mapping[str, tuple[str, Any]]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Collect the contents and the files of a run by the names that templates use.

    Parameters
    ----------
    run : mapping of str to (str, content)
        Name -> file and content.

    Returns
    -------
    contents : dict
        Name -> content. `fusion/record_wise` and `fusion/subject_wise` become one name, `fusion`, with one content per
        protocol. `appraised` is the appraisal of the split by subject if it was run, else that of the split by
        recording.
    files : dict of str to list of str
        Name -> files.
    """
    contents: dict[str, Any] = {}
    files: dict[str, list[str]] = {}
    for name, (file, content) in run.items():
        base, _, protocol = name.partition("/")
        contents[base] = {**contents.get(base, {}), protocol: content} if protocol else content
        files.setdefault(base, []).append(file)
    if "appraise" in contents:
        protocol, content = list(contents["appraise"].items())[-1]
        contents["appraised"], files["appraised"] = {**content, "protocol": protocol}, files["appraise"][-1:]
    return contents, files


def of_cohort(
    subjects: pd.DataFrame, recordings: pd.DataFrame, columns: Sequence[str], common: Sequence[str]
) -> dict[str, Any]:
    """Aggregates of a cohort by class; counts of people as `disclosure.shown` prints them.

    Parameters
    ----------
    subjects : DataFrame
        subject_id, label, sex, age_years and the clinical columns.
    recordings : DataFrame
        subject_id and task.
    columns, common : sequence of str
        All clinical columns, and those that both classes have.

    Returns
    -------
    dict
        `classes`, `tasks`, `columns`, `common`, `columns_of_one_class`. Mean and standard deviation of the age, in
        years, are None for fewer than 5 people.
    """
    joined = recordings.merge(subjects[["subject_id", "label"]], on="subject_id")
    classes = {}
    for label, people in subjects.groupby("label"):
        age = people["age_years"].dropna()
        sexes = people["sex"].value_counts().sort_index()
        enough = len(age) >= FEWEST_SHOWN
        classes[str(label)] = {
            "subjects": shown(len(people)),
            "recordings": int((joined["label"] == label).sum()),
            "sex": dict(zip(map(str, sexes.index), shown_apart(sexes.tolist(), len(people)), strict=True)),
            "age_recorded": shown(len(age), len(people)),
            "age_mean": float(age.mean()) if enough else None,
            "age_sd": float(age.std(ddof=1)) if enough else None,
            "empty_share": _empty_share(people[list(columns)]),
        }
    filled_in = subjects.groupby("label")[list(columns)].count()
    return {
        "classes": classes,
        "tasks": {str(task): int(n) for task, n in joined["task"].value_counts().sort_index().items()},
        "columns": list(columns),
        "common": list(common),
        "columns_of_one_class": [name for name in columns if (filled_in[name] == 0).any()],
    }


def _empty_share(cells: pd.DataFrame) -> float:
    """The share of empty cells. A column with fewer than 5 empty or fewer than 5 filled cells counts as full or empty.

    Otherwise the share over a few columns, with the counts that `disclosure.shown` prints, would reveal that number.
    """
    empty = cells.isna().sum().to_numpy()
    coarse = np.where(empty < FEWEST_SHOWN, 0, np.where(len(cells) - empty < FEWEST_SHOWN, len(cells), empty))
    return float(coarse.mean() / len(cells)) if coarse.size else 0.0


def of_split(table: pd.DataFrame) -> dict[str, Any]:
    """Sizes of the parts of a split over its folds, as text such as `27 to 29`, and the overlap of speakers.

    Parameters
    ----------
    table : DataFrame
        From `folds.assign`.

    Returns
    -------
    dict
        `folds`: their number. `overlap`: share of test recordings whose subject is in the training set, mean over
        folds. `training`, `validation`, `test`: number of recordings, of positive and of negative subjects.
    """
    parts: dict[str, list[pd.DataFrame]] = {"training": [], "validation": [], "test": []}
    for number in folds.numbers(table):
        for part, positions in zip(parts.values(), folds.parts(table, number), strict=True):
            part.append(table.iloc[positions])
    overlaps = [
        test["subject_id"].isin(training["subject_id"]).mean()
        for training, test in zip(parts["training"], parts["test"], strict=True)
    ]
    sizes = {name: _sizes(of_folds) for name, of_folds in parts.items()}
    return {"folds": len(overlaps), "overlap": float(np.mean(overlaps)), **sizes}


def _sizes(of_folds: Sequence[pd.DataFrame]) -> dict[str, str]:
    labels = [rows.drop_duplicates("subject_id")["label"] for rows in of_folds]
    recordings = [len(rows) for rows in of_folds]
    return {
        "recordings": " to ".join(dict.fromkeys(str(ends(recordings)) for ends in (min, max))),
        "positive": _people([int((of_fold == 1).sum()) for of_fold in labels]),
        "negative": _people([int((of_fold == 0).sum()) for of_fold in labels]),
    }


def _people(counts: Sequence[int]) -> str:
    fewest, most = min(counts), max(counts)
    return str(shown(most)) if fewest == most or most < FEWEST_SHOWN else f"{shown(fewest)} to {most}"


def score(value: float | None, interval: Sequence[float | None] | None = None) -> str:
    """A score as text: `0.712 (0.612 to 0.812)`, or `0.712` without an interval."""
    low, high = interval or (None, None)
    return "not defined" if value is None else with_interval(value, low, high, "{:.3f}".format)


def estimate(of: Mapping[str, float | None]) -> str:
    """As `score`, from a mapping with value, low and high."""
    return score(of["value"], (of["low"], of["high"]))


def cell(of: Mapping[str, Any]) -> str:
    """A cell as text, such as `S1B at dropout 0.3`."""
    return f"{of['architecture']} at dropout {of['dropout_rate']}"


def aucs_per_subject(models: Mapping[str, Any], protocol: Protocol) -> str:
    """The AUC of every model, over pairs within a fold, or over all pairs if a subject lies in several folds.

    models: name -> {per_subject: scores with `intervals`}; other values are ignored.
    """
    name = "roc_auc" if protocol == "subject_wise" else "roc_auc_pooled"
    scores = {model: by_unit["per_subject"] for model, by_unit in models.items() if isinstance(by_unit, Mapping)}
    aucs = [f"`{model}` {score(found[name], found['intervals'].get(name))}" for model, found in scores.items()]
    return f"AUC per subject: {'; '.join(aucs)}"


def inputs_probed(findings: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The audit's findings on model inputs, each with `of`: the input that was probed."""
    return [{"of": of, **found} for probe in OF_INPUTS for of, found in findings.get(probe, {}).items()]
