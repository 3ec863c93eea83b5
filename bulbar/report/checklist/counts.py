"""What the checklists say of a cohort and of a split: aggregates, without any one person."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bulbar.cohort import folds
from bulbar.core.disclosure import FEWEST_SHOWN, shown, shown_apart


def of_cohort(
    subjects: pd.DataFrame, recordings: pd.DataFrame, kinds: Mapping[str, str], common: Sequence[str]
) -> dict[str, Any]:
    """What the checklists say of a cohort: aggregates, counts of people as `disclosure.shown` prints them.

    subjects: subject_id, label, sex, age_years and the columns of `kinds` (column -> numeric | categorical); common:
    those columns that both classes have. recordings: subject_id, task.
    """
    joined = recordings.merge(subjects[["subject_id", "label"]], on="subject_id")
    columns = list(kinds)
    classes = {}
    for label, people in subjects.groupby("label"):
        age = people["age_years"].dropna()
        counted = people["sex"].value_counts().sort_index()
        classes[str(label)] = {
            "subjects": shown(len(people)),
            "recordings": int((joined["label"] == label).sum()),
            "sex": dict(zip(map(str, counted.index), shown_apart(counted.tolist(), len(people)), strict=True)),
            "age_recorded": shown(len(age), len(people)),
            "age_mean": float(age.mean()) if len(age) >= FEWEST_SHOWN else np.nan,
            "age_sd": float(age.std(ddof=1)) if len(age) >= FEWEST_SHOWN else np.nan,
            "empty_share": _empty_share(people[columns]),
        }
    per_class = subjects.groupby("label")[columns].count()
    return {
        "classes": classes,
        "tasks": {str(task): int(n) for task, n in joined["task"].value_counts().sort_index().items()},
        "columns": columns,
        "common": list(common),
        "columns_of_one_class": [name for name in columns if (per_class[name] == 0).any()],
    }


def _empty_share(cells: pd.DataFrame) -> float:
    """The share of empty cells, columns where fewer than 5 are empty or filled in taken for full or empty.

    Of few columns the share, with what `disclosure.shown` prints of each, would tell how many those are.
    """
    empty = cells.isna().sum().to_numpy()
    told = np.where(empty < FEWEST_SHOWN, 0, np.where(len(cells) - empty < FEWEST_SHOWN, len(cells), empty))
    return float(told.mean() / len(cells)) if told.size else 0.0


def of_split(table: pd.DataFrame) -> dict[str, Any]:
    """How large the parts of a split are, over its folds, and how many test recordings are of a subject trained on.

    table: of `folds.assign`. Returns folds, overlap (mean share over the folds), and for train, validation and test
    the fewest and the most recordings, positive and negative subjects.
    """
    sizes: dict[str, list[dict[str, int]]] = {"train": [], "validation": [], "test": []}
    overlaps = []
    for number in folds.numbers(table):
        places = dict(zip(sizes, folds.parts(table, number), strict=True))
        for part, positions in places.items():
            rows = table.iloc[positions]
            people = rows.drop_duplicates("subject_id")["label"]
            counts = {"recordings": len(rows), "positive": int(people.sum()), "negative": int((1 - people).sum())}
            sizes[part].append(counts)
        trained = table.iloc[places["train"]]["subject_id"]
        overlaps.append(table.iloc[places["test"]]["subject_id"].isin(trained).mean())
    extremes = {
        part: {name: (min(c[name] for c in counts), max(c[name] for c in counts)) for name in counts[0]}
        for part, counts in sizes.items()
    }
    return {"folds": len(overlaps), "overlap": float(np.mean(overlaps)), **extremes}
