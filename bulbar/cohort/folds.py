"""Folds of training, validation and test recordings: the record-wise and the subject-wise protocol."""

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
    """Check that each class has enough subjects for training, validation and test in every fold.

    recordings: subject_id and label (0 or 1) of each recording. classes: names of the classes in messages. Raises
    BadInput for each class with too few subjects.
    """
    subjects = recordings.drop_duplicates("subject_id")["label"].value_counts()
    problems = [
        Problem(
            where="params.yaml: folds.n_splits",
            expected=f"at least {settings.n_splits} subjects of each class, for {settings.n_splits} folds",
            found=f"{subjects.get(label, 0)} of {classes[label]}",
            remedy="lower folds.n_splits, or add subjects",
        )
        for label in (0, 1)
        if subjects.get(label, 0) < settings.n_splits
    ]
    if problems:
        raise BadInput(problems)


def assign(
    recordings: pd.DataFrame, protocol: Protocol, settings: Settings, seed: int, classes: tuple[str, str] = CLASSES
) -> pd.DataFrame:
    """Assign every recording to its test fold, and to the validation part of other folds.

    Parameters
    ----------
    recordings : DataFrame
        recording_id, subject_id and label (0 or 1), one row per recording.
    protocol : str
        `record_wise`: StratifiedKFold over recordings; the validation part is the test fold itself, as in the paper.
        `subject_wise`: StratifiedGroupKFold over subjects; the validation part is a stratified share of the training
        subjects.
    settings : Settings
        Number of folds and share of validation subjects.
    seed : int
        Seed of the draws.
    classes : tuple of str
        Names of the classes in messages.

    Returns
    -------
    DataFrame
        recording_id, subject_id, label; `fold`, 1 to K, in which the recording is tested; `validation_1` to
        `validation_K`, 1 if the recording is in the validation part of that fold. Each fold trains on the recordings
        that are neither in its test nor in its validation part.

    Raises
    ------
    BadInput
        If a class has too few subjects.
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
    """Mask of the recordings of a stratified `share` of the subjects outside the test fold."""
    subjects = table[table["fold"] != tested_fold].drop_duplicates("subject_id")
    try:
        trained, watched = train_test_split(
            subjects, test_size=share, stratify=subjects["label"], shuffle=True, random_state=seed
        )
        enough = trained["label"].nunique() == watched["label"].nunique() == 2
    except ValueError:  # from scikit-learn, if a class has one subject, or a part is too small for both classes
        enough = False
    if not enough:
        counts = subjects["label"].value_counts()
        of_each = " and ".join(f"{counts.get(label, 0)} of {classes[label]}" for label in (0, 1))
        raise BadInput.one(
            where="params.yaml: folds.n_splits and folds.validation_share",
            expected=f"training subjects of each class, and a share of {share:g} of each class for validation",
            found=f"{of_each} when fold {tested_fold} is the test fold",
            remedy="raise folds.n_splits or folds.validation_share, or add subjects",
        )
    return table["subject_id"].isin(watched["subject_id"]).to_numpy()


def parts(table: pd.DataFrame, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training, validation and test recordings of a fold.

    Parameters
    ----------
    table : DataFrame
        From `assign`.
    number : int
        The fold, 1 to K.

    Returns
    -------
    tuple of three arrays of int
        Row positions in `table`.
    """
    tested = (table["fold"] == number).to_numpy()
    watched = (table[f"validation_{number}"] == 1).to_numpy()
    return np.flatnonzero(~tested & ~watched), np.flatnonzero(watched), np.flatnonzero(tested)


def numbers(table: pd.DataFrame) -> list[int]:
    """The folds in a table of `assign`, 1 to K."""
    return sorted(table["fold"].unique().tolist())
