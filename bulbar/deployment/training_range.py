"""Whether a recording or a person lies outside the training range, where a predicted probability is a guess."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from bulbar.core.disclosure import FEWEST_SHOWN
from bulbar.core.settings import Strict
from bulbar.features.conditions import Conditions

INNER = 0.95
"""Share of the training data inside a stated range, so that no end of the range is one person's value."""


class Measure(NamedTuple):
    """A measured condition: its name in words, its unit, and the step to which its range is rounded outwards."""

    words: str
    unit: str
    step: float

    def rounded(self, value: float) -> float:
        """Round to as many digits after the point as the step has, and to at least one."""
        return round(value, max(1, -math.floor(math.log10(self.step))))


CONDITIONS = {
    "bandwidth_hz": Measure("band limit", "Hz", 200),
    "level_dbfs": Measure("level of the voice", "dB of full scale", 1),
    "noise_dbfs": Measure("background noise", "dB of full scale", 1),
    "duration_s": Measure("length", "s", 0.5),
    "pause_share": Measure("pauses", "of the length", 0.05),
    "clipped_share": Measure("clipped", "of the samples", 0.001),
}
"""The recording conditions that are compared, measured by `conditions.measure`."""

CLINICAL = {
    "age_years": Measure("age", "years", 5),
    "cantagallo_questionnaire": Measure("Cantagallo score", "points", 5),
}
"""Numeric clinical columns, in words."""


class Range(NamedTuple):
    """Lowest and highest value of the training range."""

    low: float
    high: float


class TrainingData(Strict):
    """Aggregates of the training data.

    Attributes
    ----------
    tasks : tuple of str
        Recorded tasks.
    conditions, numeric : dict of str to Range
        Range of the middle `INNER` of the values, rounded outwards. Left out if fewer than five have a value.
    categories : dict of str to tuple of str
        Categories of each categorical column.
    low_pass_hz : float or None
        Cutoff of the low-pass filter applied to every recording before training, in Hz. A band limit above it makes
        no difference.
    measurable : tuple of str
        Conditions that could be measured in nearly all recordings. Some cannot: noise as loud as speech has no
        measurable level.
    """

    tasks: tuple[str, ...]
    conditions: dict[str, Range]
    numeric: dict[str, Range]
    categories: dict[str, tuple[str, ...]]
    low_pass_hz: float | None = None
    measurable: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        measured: pd.DataFrame,
        subjects: pd.DataFrame,
        kinds: Mapping[str, str],
        *,
        low_pass_hz: float | None = None,
    ) -> Self:
        """Compute the ranges of a cohort.

        Parameters
        ----------
        measured : DataFrame
            One row per recording, with `task` and the columns of `CONDITIONS`.
        subjects : DataFrame
            One row per person, with the columns of `kinds`.
        kinds : mapping of str to str
            Column -> `numeric` or `categorical`.
        low_pass_hz : float or None
            Cutoff of the low-pass filter applied before training, in Hz.

        Returns
        -------
        TrainingData
            Aggregates only.
        """
        measured = measured.assign(bandwidth_hz=measured["bandwidth_hz"].clip(upper=low_pass_hz))
        numeric, categories = {}, {}
        for name, kind in kinds.items():
            if kind == "numeric":
                if subjects[name].notna().sum() >= FEWEST_SHOWN:
                    numeric[name] = range_of(subjects[name].to_numpy(dtype=float), measure_of(name).step)
            else:
                categories[name] = tuple(sorted(set(subjects[name].dropna().map(str))))
        return cls(
            tasks=tuple(sorted(set(measured["task"]))),
            conditions={
                name: range_of(measured[name].to_numpy(dtype=float), measure.step)
                for name, measure in CONDITIONS.items()
                if measured[name].notna().sum() >= FEWEST_SHOWN
            },
            numeric=numeric,
            categories=categories,
            low_pass_hz=low_pass_hz,
            measurable=tuple(name for name in CONDITIONS if measured[name].notna().mean() >= (1 + INNER) / 2),
        )

    def of_recording(self, task: str, found: Conditions) -> list[str]:
        """One sentence for each way in which a recording lies outside the training range."""
        warnings = []
        if task not in self.tasks:
            warnings.append(f"task {task}: the models were trained only on {listed(self.tasks)}")
        for name, within in self.conditions.items():
            value = getattr(found, name)
            if name == "bandwidth_hz" and self.low_pass_hz is not None:
                value = float(np.minimum(value, self.low_pass_hz))  # NaN stays NaN
            if math.isnan(value) and name in self.measurable:
                why = " because nothing is much quieter than the voice" if name == "noise_dbfs" else ""
                warnings.append(f"{CONDITIONS[name].words}: cannot be measured{why}; it could in the training data")
            elif (sentence := _outside(CONDITIONS[name], value, within)) is not None:
                warnings.append(sentence)
        return warnings

    def of_person(self, tasks: Sequence[str], person: Mapping[str, float | str]) -> list[str]:
        """One sentence for each way in which a person lies outside the training range.

        tasks: the person's recorded tasks. person: clinical column -> value.
        """
        warnings = []
        if lacking := [task for task in self.tasks if task not in tasks]:
            warnings.append(
                f"tasks: no recording of {listed(lacking)}; calibration and thresholds were learned from people with "
                f"{listed(self.tasks)}"
            )
        for name, value in person.items():
            if name in self.numeric:
                sentence = _outside(measure_of(name), float(value), self.numeric[name])
                warnings += [sentence] if sentence else []
            elif name in self.categories and value not in self.categories[name]:
                warnings.append(f"{name}: {value}; the training data contain {listed(self.categories[name])}")
        return warnings


def range_of(values: np.ndarray, step: float) -> Range:
    """The range of the middle `INNER` of the values, rounded outwards by at least half a step.

    Parameters
    ----------
    values : array, shape (n,)
        NaN is left out.
    step : float > 0
        Both ends are multiples of it.

    Returns
    -------
    Range
        Not below 0 unless a value is.

    Examples
    --------
    >>> range_of(np.array([41.0, 52.0, 60.0, 63.0, 77.0]), step=5)
    Range(low=35, high=80)
    """
    low, high = np.nanquantile(values, [(1 - INNER) / 2, (1 + INNER) / 2])
    lowest = math.floor(low / step - 0.5) * step
    return Range(round(lowest if low < 0 else max(lowest, 0), 6), round(math.ceil(high / step + 0.5) * step, 6))


def measure_of(name: str) -> Measure:
    """A numeric clinical column in words; its own name if `CLINICAL` does not have it."""
    return CLINICAL.get(name, Measure(name.replace("_", " "), "", 1))


def _outside(measure: Measure, value: float, within: Range) -> str | None:
    value = measure.rounded(value)  # as printed, so that a printed value never lies inside the range
    if math.isnan(value) or within.low <= value <= within.high:
        return None
    measured = f"{measure.words}: {value:.10g} {measure.unit}".rstrip()
    return f"{measured}; the training data range from {within.low:.10g} to {within.high:.10g}"


def listed(names: Sequence[str]) -> str:
    """Such as `A, I and PA`."""
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)
