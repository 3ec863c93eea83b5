"""Whether a recording or a person lies outside the training range: there a probability is a guess."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from bulbar.core.disclosure import FEWEST_SHOWN
from bulbar.core.settings import Strict
from bulbar.features.conditions import Conditions

INNER = 0.95
"""The share of the training data that a stated range holds: no end of it is one person's value."""


class Measure(NamedTuple):
    """A measured condition: its name in words, its unit, and the step that its range is rounded outwards to."""

    words: str
    unit: str
    step: float

    def rounded(self, value: float) -> float:
        """To at least one digit after the point, and to as many as the step has."""
        return round(value, max(1, -math.floor(math.log10(self.step))))


CONDITIONS = {
    "bandwidth_hz": Measure("band limit", "Hz", 200),
    "level_dbfs": Measure("level of the voice", "dB of full scale", 1),
    "noise_dbfs": Measure("background noise", "dB of full scale", 1),
    "duration_s": Measure("length", "s", 0.5),
    "pause_share": Measure("pauses", "of the length", 0.05),
    "clipped_share": Measure("clipped", "of the samples", 0.001),
}
"""What is compared of each recording, as `conditions.measure` finds it."""

CLINICAL = {
    "age_years": Measure("age", "years", 5),
    "cantagallo_questionnaire": Measure("Cantagallo score", "points", 5),
}
"""Numeric clinical columns in words."""


class Range(NamedTuple):
    """From where to where the training data reach."""

    low: float
    high: float


class TrainingData(Strict):
    """The training data in aggregates. tasks: recorded. conditions, numeric: the range of the middle `INNER` of them,
    rounded outwards; of what fewer than five have there is none. categories: of each categorical column. low_pass_hz:
    what every recording is low-passed to before it is trained on, hertz: a band limit above it is none. measurable: the
    conditions that could be measured in nearly all; of noise as loud as speech, for one, no level can be measured.
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
        """The ranges of a cohort.

        measured: a row per recording, with task and the columns of `CONDITIONS`. subjects: a row per person, with the
        columns of `kinds` (column -> numeric | categorical).
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
        """Where a recording lies outside the training range, a sentence each."""
        warnings = []
        if task not in self.tasks:
            warnings.append(f"task {task}: the models were trained on {listed(self.tasks)} only")
        for name, within in self.conditions.items():
            value = getattr(found, name)
            if name == "bandwidth_hz" and self.low_pass_hz is not None:
                value = float(np.minimum(value, self.low_pass_hz))  # NaN stays NaN
            if math.isnan(value) and name in self.measurable:
                why = ": nothing is much quieter than the voice" if name == "noise_dbfs" else ""
                warnings.append(f"{CONDITIONS[name].words}: cannot be measured{why}; in training data it could")
            elif (sentence := _outside(CONDITIONS[name], value, within)) is not None:
                warnings.append(sentence)
        return warnings

    def of_person(self, tasks: Sequence[str], person: Mapping[str, float | str]) -> list[str]:
        """Where a person lies outside the range, a sentence each. tasks: recorded. person: clinical column -> value."""
        warnings = []
        if lacking := [task for task in self.tasks if task not in tasks]:
            warnings.append(
                f"tasks: no recording of {listed(lacking)}; calibration and thresholds took a person's mean over "
                f"{listed(self.tasks)}"
            )
        for name, value in person.items():
            if name in self.numeric:
                sentence = _outside(measure_of(name), float(value), self.numeric[name])
                warnings += [sentence] if sentence else []
            elif name in self.categories and value not in self.categories[name]:
                warnings.append(f"{name}: {value}; training data hold {listed(self.categories[name])}")
        return warnings


def range_of(values: np.ndarray, step: float) -> Range:
    """The range of the middle `INNER` of the values, NaN left out, rounded outwards by at least half a step."""
    low, high = np.nanquantile(values, [(1 - INNER) / 2, (1 + INNER) / 2])
    lowest = math.floor(low / step - 0.5) * step
    return Range(round(lowest if low < 0 else max(lowest, 0), 6), round(math.ceil(high / step + 0.5) * step, 6))


def measure_of(name: str) -> Measure:
    """A numeric clinical column in words; its own name where there are none."""
    return CLINICAL.get(name, Measure(name.replace("_", " "), "", 1))


def _outside(measure: Measure, value: float, within: Range) -> str | None:
    value = measure.rounded(value)  # as it is printed: nothing printed lies within the range that it is outside of
    if math.isnan(value) or within.low <= value <= within.high:
        return None
    measured = f"{measure.words}: {value:.10g} {measure.unit}".rstrip()
    return f"{measured}; training data {within.low:.10g} to {within.high:.10g}"


def listed(names: Sequence[str]) -> str:
    """Such as `A, I and PA`."""
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)
