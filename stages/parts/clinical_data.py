"""The clinical features of every row as the models of one protocol get them, and what they were learned from."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline

from bulbar.cohort import clinical, folds
from bulbar.core.files import read_json, read_table
from bulbar.training import als
from stages.parts.places import stage_folder


@dataclass(frozen=True, eq=False)
class Encoded:
    """One set of clinical columns, split by subject. typed: a row per subject. encoders: fold -> fitted."""

    typed: pd.DataFrame
    encoders: dict[int, Pipeline]


def learned(data: als.ProtocolData, columns: str, role: str) -> Encoded:
    """For each fold the encoder that its training subjects taught, and the table of all subjects."""
    source = stage_folder("clinical", role)
    described = read_json(source / "columns.json")
    kinds = {name: described["all"][name] for name in described[columns]}
    subjects = read_table(source / "subjects.csv", **clinical.dtypes(kinds)).set_index("subject_id")
    typed = clinical.typed(subjects, kinds)
    encoders = {}
    for fold in data.folds:
        trained, _, _ = folds.parts(data.table, fold)
        learned_from = typed.loc[data.table["subject_id"].iloc[trained].unique()]
        encoders[fold] = clinical.encoder(kinds, "subject_wise").fit(learned_from)
    return Encoded(typed, encoders)


def clinical_features(data: als.ProtocolData, columns: str, role: str) -> dict[int, Any]:
    """For each fold the clinical features of every row: the paper's matrix, or learned from its training subjects."""
    if data.protocol == "record_wise":
        matrix = read_table(stage_folder("clinical", role) / f"record_wise_{columns}.csv", subject_id=str)
        matrix = matrix.set_index("subject_id")
        return {fold: als.clinical_of_rows(data, matrix) for fold in data.folds}
    known = learned(data, columns, role)
    return {
        fold: als.clinical_of_rows(data, encoder.transform(known.typed)) for fold, encoder in known.encoders.items()
    }
