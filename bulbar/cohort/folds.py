"""Who is trained, watched and tested on what: the record-wise and the subject-wise protocol."""

import numpy as np
import pandas as pd
from pydantic import Field
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, train_test_split

from bulbar.core.digests import seed_of
from bulbar.core.errors import BadInput, Problem
from bulbar.core.names import Protocol
from bulbar.core.settings import MOST, Strict


class Settings(Strict):
    """The `folds` block of params.yaml."""

    n_splits: int = Field(default=5, ge=2, le=MOST)
    validation_share: float = Field(default=0.2, gt=0, lt=1)


CLASSES = ("class 0", "class 1")


def check_sizes(recordings: pd.DataFrame, settings: Settings, classes: tuple[str, str] = CLASSES) -> None:
    """Raise BadInput where a class has too few subjects for every fold to train, watch and test on one.

    recordings: subject_id and label (0 or 1) of each recording. classes: what the two are called in messages.
    """
    subjects = recordings.drop_duplicates("subject_id")["label"].value_counts()
    problems = [
        Problem(
            where="params.yaml: folds.n_splits",
            expected=f"at least {settings.n_splits} subjects of each class, for {settings.n_splits} folds",
            found=f"{subjects.get(label, 0)} of {classes[label]}",
            remedy="lower folds.n_splits, or bring more subjects",
        )
        for label in (0, 1)
        if subjects.get(label, 0) < settings.n_splits
    ]
    if problems:
        raise BadInput(problems)


def assign(
    recordings: pd.DataFrame, protocol: Protocol, settings: Settings, seed: int, classes: tuple[str, str] = CLASSES
) -> pd.DataFrame:
    """Give every recording its fold, and for each fold the recordings that are watched while it trains.

    recordings: recording_id, subject_id and label (0 or 1) of each recording. classes: their names in messages.
    Returns these columns, `fold` (1 to n_splits: the one in which the recording is tested) and `validation_1` to
    `validation_K` (1 where it is watched in that fold). Fold k trains on what it neither tests nor watches.
    record_wise: StratifiedKFold over recordings, and the test fold itself is watched, as the paper did.
    subject_wise: StratifiedGroupKFold over subjects, and a stratified share of the training subjects is watched.
    """
    check_sizes(recordings, settings, classes)
    table = recordings[["recording_id", "subject_id", "label"]].reset_index(drop=True)
    draw = seed_of(seed, f"folds/{protocol}")
    splitter_class = StratifiedKFold if protocol == "record_wise" else StratifiedGroupKFold
    splitter = splitter_class(settings.n_splits, shuffle=True, random_state=draw)
    groups = None if protocol == "record_wise" else table["subject_id"]
    fold = np.zeros(len(table), dtype=int)
    for number, (_, tested) in enumerate(splitter.split(table, table["label"], groups), start=1):
        fold[tested] = number
    table["fold"] = fold
    for number in range(1, settings.n_splits + 1):
        if protocol == "record_wise":
            watched = fold == number
        else:
            validation = seed_of(seed, f"validation/{number}")
            watched = _validation_part(table, number, settings.validation_share, validation, classes)
        table[f"validation_{number}"] = watched.astype(int)
    return table


def _validation_part(
    table: pd.DataFrame, tested_fold: int, share: float, seed: int, classes: tuple[str, str]
) -> np.ndarray:
    """Which recordings belong to a stratified `share` of the subjects that fold `tested_fold` does not test."""
    subjects = table[table["fold"] != tested_fold].drop_duplicates("subject_id")
    try:
        trained, watched = train_test_split(
            subjects, test_size=share, stratify=subjects["label"], shuffle=True, random_state=seed
        )
        enough = trained["label"].nunique() == watched["label"].nunique() == 2
    except ValueError:  # scikit-learn's, where a class has one subject, or a part has room for one class only
        enough = False
    if not enough:
        counts = subjects["label"].value_counts()
        of_each = " and ".join(f"{counts.get(label, 0)} of {classes[label]}" for label in (0, 1))
        raise BadInput.one(
            where="params.yaml: folds.n_splits and folds.validation_share",
            expected=f"training subjects of each class, and {share:g} of them of each class to watch",
            found=f"{of_each} where fold {tested_fold} is tested",
            remedy="raise folds.n_splits or folds.validation_share, or bring more subjects",
        )
    return table["subject_id"].isin(watched["subject_id"]).to_numpy()


def parts(table: pd.DataFrame, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions of the training, validation and test recordings of fold `number` in the table of `assign`."""
    tested = (table["fold"] == number).to_numpy()
    watched = (table[f"validation_{number}"] == 1).to_numpy()
    return np.flatnonzero(~tested & ~watched), np.flatnonzero(watched), np.flatnonzero(tested)


def numbers(table: pd.DataFrame) -> list[int]:
    """The folds of a table of `assign`, 1 to K."""
    return sorted(table["fold"].unique().tolist())
