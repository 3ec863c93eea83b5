"""One split into training, validation and test, by recording or by speaker; and the classes.

`folds` divides a small cohort into folds. This module makes a single split, as in the gender paper. The paper does not
state its shares; ours are 70, 15 and 15 %.
"""

from functools import partial
from itertools import pairwise
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator
from sklearn.model_selection import train_test_split

from bulbar.core.digests import seed_of
from bulbar.core.errors import BadInput
from bulbar.core.names import Protocol
from bulbar.core.settings import Count, Strict

PARTS = ("train", "validation", "test")


class Settings(Strict):
    """The `split` block of gender/params.yaml. Shares are of recordings (record_wise) or of speakers (subject_wise)."""

    target: Literal["gender", "age_band"] = "gender"
    age_bands: tuple[Count, ...] = Field(default=(40,), min_length=1)
    validation_share: float = Field(default=0.15, gt=0, lt=1)
    test_share: float = Field(default=0.15, gt=0, lt=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share + test_share below 1, so that a training part is left")
        if any(first >= second for first, second in pairwise(self.age_bands)):
            raise ValueError(f"age_bands in increasing order, got {self.age_bands}")
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels 0, 1, and so on. With two classes, the second is the positive one."""
        if self.target == "gender":
            return "female", "male"
        between = [f"{first} to {second - 1}" for first, second in pairwise(self.age_bands)]
        return f"under {self.age_bands[0]}", *between, f"{self.age_bands[-1]} and over"


def check_bands(settings: Settings, source: str) -> None:
    """Raise BadInput if an age band begins inside a decade, but the cohort's source states ages only in decades."""
    cut = [years for years in settings.age_bands if years % 10]
    if settings.target == "age_band" and source == "common_voice" and cut:
        raise BadInput.one(
            where="params.yaml: split.age_bands",
            expected="whole decades, because Common Voice states ages only in decades",
            found=", ".join(map(str, cut)),
            remedy="begin each band at 20, 30, 40 and so on",
        )


def labels(subjects: pd.DataFrame, settings: Settings) -> pd.Series:
    """The integer label of each subject that has one, indexed by subject_id.

    subjects: subject_id, sex (M or F), age_years; empty if not recorded.
    """
    by_id = subjects.set_index("subject_id")
    if settings.target == "gender":
        return by_id["sex"].map({"F": 0, "M": 1}).dropna().astype(int).rename("label")
    ages = by_id["age_years"].dropna().astype(float)
    return pd.Series(np.searchsorted(settings.age_bands, ages, side="right"), index=ages.index, name="label")


def assign(recordings: pd.DataFrame, protocol: Protocol, settings: Settings, seed: int) -> pd.DataFrame:
    """Assign every recording to training, validation or test.

    Parameters
    ----------
    recordings : DataFrame
        recording_id, subject_id and label, one row per recording.
    protocol : str
        `record_wise` draws recordings, `subject_wise` draws speakers with all their recordings; both stratified by
        label.
    settings : Settings
        Shares of the parts.
    seed : int
        Seed of the draw.

    Returns
    -------
    DataFrame
        recording_id, subject_id, label and `part`, one of PARTS, in the same order.

    Raises
    ------
    BadInput
        If a class would be missing from a part.
    """
    table = recordings[["recording_id", "subject_id", "label"]].reset_index(drop=True)
    unit = "recording_id" if protocol == "record_wise" else "subject_id"
    units = table.drop_duplicates(unit)[[unit, "label"]].sort_values(unit)
    draw = seed_of(seed, f"split/{protocol}")
    held_out = settings.validation_share + settings.test_share
    in_two = partial(train_test_split, shuffle=True, random_state=draw)
    try:
        trained, others = in_two(units, test_size=held_out, stratify=units["label"])
        watched, tested = in_two(others, test_size=settings.test_share / held_out, stratify=others["label"])
    except ValueError:  # from scikit-learn, if a class has one unit, or a part is too small for all classes
        _refuse(units, unit, settings)
    parts = zip(PARTS, (trained, watched, tested), strict=True)
    table["part"] = table[unit].map({name: part for part, drawn in parts for name in drawn[unit]})
    classes = table["label"].nunique()
    if classes < 2 or (table.groupby("part")["label"].nunique().reindex(PARTS, fill_value=0) < classes).any():
        _refuse(units, unit, settings)
    return table


def _refuse(units: pd.DataFrame, unit: str, settings: Settings) -> None:
    counts = units["label"].value_counts()
    found = ", ".join(f"{counts.get(label, 0)} {name}" for label, name in enumerate(settings.classes))
    what = "recordings" if unit == "recording_id" else "speakers"
    raise BadInput.one(
        where="params.yaml: split",
        expected=f"{what} of each class in each part: {', '.join(PARTS)}",
        found=f"{what}: {found}",
        remedy="raise split.validation_share and split.test_share, or add speakers",
    )


def sizes(table: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """Number of recordings, recordings of each class, and speakers of each part of a table of `assign`."""
    return {
        part: {
            "recordings": len(of_part),
            **{name: int((of_part["label"] == label).sum()) for label, name in enumerate(classes)},
            "speakers": of_part["subject_id"].nunique(),
        }
        for part in PARTS
        for of_part in [table[table["part"] == part]]
    }
