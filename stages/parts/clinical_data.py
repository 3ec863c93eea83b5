"""The clinical columns of every subject, and an encoder per fold, fitted to its training subjects."""

from dataclasses import dataclass

import pandas as pd
from sklearn.pipeline import Pipeline

from bulbar.cohort import clinical, folds
from bulbar.core.files import read_json
from stages.parts.places import stage_folder, stage_table


@dataclass(frozen=True, eq=False)
class Encoded:
    """One set of clinical columns. `typed`: one row per subject; `encoders`: subject-wise fold -> fitted encoder."""

    typed: pd.DataFrame
    encoders: dict[int, Pipeline]


def learned(split: pd.DataFrame, columns: str) -> Encoded:
    """Read data/clinical/; fit an encoder of the `all` or `common` columns to the training subjects of each fold."""
    described = read_json(stage_folder("clinical") / "columns.json")
    kinds = {name: described["all"][name] for name in described[columns]}
    subjects = stage_table("clinical", "subjects.csv", dtypes=clinical.dtypes(kinds)).set_index("subject_id")
    typed = clinical.typed(subjects, kinds)
    encoders = {}
    for fold in folds.numbers(split):
        trained, _, _ = folds.parts(split, fold)
        learned_from = typed.loc[split["subject_id"].iloc[trained].unique()]
        encoders[fold] = clinical.encoder(kinds, "subject_wise").fit(learned_from)
    return Encoded(typed, encoders)
