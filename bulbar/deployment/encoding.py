"""A fold's clinical encoder as plain numbers, so that it can be stored as JSON and used without the cohort."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

import numpy as np

from bulbar.core.settings import Strict

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


class Category(Strict):
    """A categorical column: the mode, which replaces a missing value, and the categories, one feature each."""

    mode: str
    categories: tuple[str, ...]


class Feature(Strict):
    """One encoded feature: value · scale + offset, clipped to [0, 1]."""

    name: str
    scale: float
    offset: float


class StoredEncoder(Strict):
    """What `clinical.encoder` learned from a fold's training subjects: aggregates, no row of any subject.

    numeric: column -> median. categorical: column -> mode and categories. features: in the order of the network's
    input.
    """

    numeric: dict[str, float]
    categorical: dict[str, Category]
    features: tuple[Feature, ...]

    @classmethod
    def of(cls, encoder: "Pipeline") -> Self:
        """Take over what a fitted `clinical.encoder(kinds, "subject_wise")` has learned."""
        columns, scaler = encoder.named_steps["columns"], encoder.named_steps["scale"]
        names = {name: list(chosen) for name, _, chosen in columns.transformers_}
        numeric, categorical = {}, {}
        if names.get("numeric"):
            medians = columns.named_transformers_["numeric"].statistics_
            numeric = dict(zip(names["numeric"], map(float, medians), strict=True))
        if names.get("categorical"):
            steps = columns.named_transformers_["categorical"].named_steps
            modes = dict(zip(names["categorical"], map(str, steps["modes"].statistics_), strict=True))
            one_hot = steps["columns"]
            for name, categories in zip(one_hot.columns_, one_hot.encoder_.categories_, strict=True):
                categorical[name] = Category(mode=modes[name], categories=tuple(map(str, categories)))
        features = zip(encoder.get_feature_names_out(), scaler.scale_, scaler.min_, strict=True)
        return cls(
            numeric=numeric,
            categorical=categorical,
            features=tuple(Feature(name=str(name), scale=scale, offset=offset) for name, scale, offset in features),
        )

    @property
    def columns(self) -> list[str]:
        """The clinical columns that the encoder reads, numeric ones first."""
        return [*self.numeric, *self.categorical]

    def __call__(self, person: Mapping[str, float | str]) -> np.ndarray:
        """Encode one person, bit for bit as in the training of the fold's network.

        Parameters
        ----------
        person : mapping of str to float or str
            Column -> value. A missing column gets the training subjects' median or mode.

        Returns
        -------
        array, shape (feature,), float32 in [0, 1]
            The features, in the order of the network's input.
        """
        values = [float(person.get(name, median)) for name, median in self.numeric.items()]
        for name, column in self.categorical.items():
            values += [float(person.get(name, column.mode) == category) for category in column.categories]
        scale = np.array([feature.scale for feature in self.features])
        offset = np.array([feature.offset for feature in self.features])
        return np.clip(np.array(values) * scale + offset, 0, 1).astype(np.float32)
