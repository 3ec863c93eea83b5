"""All explanations of one fold's clinical and fused models for their held-out subjects, in a separate process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.pipeline import Pipeline

from bulbar.core.digests import seed_of
from bulbar.explain import importance, shap_values
from bulbar.explain.settings import Settings
from bulbar.training import backend

EVERYTHING = "All columns"


@dataclass(frozen=True, eq=False)
class ClinicalFold:
    """A fold's models on one set of clinical columns, and the subjects that they were not trained on.

    Parameters
    ----------
    models : mapping
        name -> `.keras` file.
    encoder : Pipeline
        Fitted to the training subjects.
    table : DataFrame
        Typed clinical columns of the held-out subjects.
    images : array, shape (n, mel, frame)
        Images of the held-out subjects.
    owner, recording : array, shape (n,)
        For each image, the position of its subject in `table` and the number of its recording.
    background_table, background_images
        Training recordings that replace left-out inputs for SHAP, one row each.
    groups : mapping
        name -> columns.
    """

    models: Mapping[str, Path]
    encoder: Pipeline
    table: pd.DataFrame
    images: np.ndarray
    owner: np.ndarray
    recording: np.ndarray
    background_table: pd.DataFrame
    background_images: np.ndarray
    groups: Mapping[str, Sequence[str]]
    backend: str
    seed: int
    settings: Settings


@dataclass(frozen=True, eq=False)
class ExplainedColumns:
    """Explanations by model. Probabilities are those of the held-out subjects, in the order of the table.

    Parameters
    ----------
    plain : dict
        model -> probabilities, shape (subjects,).
    shuffled : dict
        (model, group, how) -> probabilities after each shuffle, shape (shuffles, subjects).
    shap : dict
        Fused model -> SHAP values in log-odds, shape (rows, columns + 1); the last column is the voice.
    base : dict
        Fused model -> its mean output for the background.
    """

    plain: dict[str, np.ndarray]
    shuffled: dict[tuple[str, str, importance.How], np.ndarray]
    shap: dict[str, np.ndarray]
    base: dict[str, np.ndarray]


def explain(fold: ClinicalFold) -> ExplainedColumns:
    """Explain the models of one fold on its held-out subjects."""
    backend.start(fold.backend)
    from bulbar.explain.gradients import Tabular

    images = np.concatenate([fold.images, fold.background_images])
    models = {name: Tabular.load(path, images) for name, path in fold.models.items()}
    rows = np.arange(len(fold.images))
    to_subjects = importance.averaging(fold.owner, fold.recording)

    def probabilities(model: Tabular, table: pd.DataFrame) -> np.ndarray:
        """Probabilities for each copy of the held-out subjects in the table, (copies, subjects)."""
        encoded = fold.encoder.transform(table).to_numpy(np.float32).reshape(-1, len(fold.table), model.n_clinical)
        inputs = encoded[:, fold.owner].reshape(-1, model.n_clinical)
        log_odds = model.predict_log_odds(inputs, np.tile(rows, len(encoded)))
        return (to_subjects @ expit(log_odds).reshape(len(encoded), -1).T).T

    shuffled = {}
    for group, columns in fold.groups.items():
        for how in importance.HOW:
            seed = seed_of(fold.seed, f"shuffles/{group}")
            table = importance.shuffled(fold.table, list(columns), how, times=fold.settings.shuffles, seed=seed)
            for name, model in models.items():
                shuffled[name, group, how] = probabilities(model, table)

    encoded = fold.encoder.transform(fold.table)
    player_of = columns_of_features(list(encoded.columns), list(fold.table.columns))
    background = fold.encoder.transform(fold.background_table).to_numpy(np.float32)
    explained = (encoded.to_numpy(np.float32)[fold.owner], rows)
    replacements = (background, len(rows) + np.arange(len(background)))
    shap, base = {}, {}
    for name, model in models.items():
        if model.uses_voice:
            seed = seed_of(fold.seed, f"shap/{name}")
            shap[name], base[name] = shap_values.values(
                model.predict_log_odds, *explained, *replacements, player_of, seed=seed
            )
    plain = {name: probabilities(model, fold.table)[0] for name, model in models.items()}
    return ExplainedColumns(plain, shuffled, shap, base)


def columns_of_features(features: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Position of the source column of each encoded feature, the longest name that matches: `sex_F` comes from `sex`.

    Examples
    --------
    >>> columns_of_features(["age_years", "sex_F", "sex_M"], ["sex", "age_years"])
    [1, 0, 0]
    """
    found = []
    for feature in features:
        fits = [name for name in columns if feature == name or feature.startswith(f"{name}_")]
        found.append(columns.index(feature if feature in columns else max(fits, key=len)))
    return found
