"""A prediction: what the fold models' scores stand for, what a call means, and how it is printed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bulbar.appraisal.calibration import Estimate, Platt
from bulbar.deployment.deployed import Deployed, DeployedModel
from bulbar.deployment.training_range import listed


@dataclass(frozen=True)
class Probability:
    """The calibrated probability of ALS: the mean over the fold models', the lowest and the highest of them.

    score: the mean of the networks' scores, before calibration: what thresholds are compared with. scores: each one's.
    """

    value: float
    low: float
    high: float
    score: float
    scores: tuple[float, ...]


def calibrated(scores: np.ndarray, calibrator: Platt) -> Probability:
    """What the scores of the fold models stand for. scores: one of each model, shape (folds,).

    Each model's score is calibrated by itself, then the mean is taken: the calibrator was learned from scores of single
    models, and the mean of five is less extreme than any.
    """
    each = calibrator(scores)
    return Probability(
        float(each.mean()), float(each.min()), float(each.max()), float(np.mean(scores)), tuple(scores.tolist())
    )


def at_prevalence(probability: float, learned_at: float, prevalence: float) -> float:
    """A probability that holds where the share `learned_at` are patients, where it is `prevalence` instead.

    The odds are multiplied by the ratio of both odds: the scores of patients and of controls stay as they are, only
    their shares differ. Source: Saerens, Latinne, Decaestecker, Neural Computation 14, 2002, equation 2.4.
    """
    patient = probability * prevalence / learned_at
    control = (1 - probability) * (1 - prevalence) / (1 - learned_at)
    return patient / (patient + control)


def of_person(scores: np.ndarray, model: DeployedModel) -> tuple[Probability, list[Probability]]:
    """The probability of a person and of each of the recordings. scores: shape (fold, recording).

    The person's score is the mean over the recordings, as in evaluation, and the calibrator was learned from such.
    """
    person = calibrated(scores.mean(axis=1), model.calibrator)
    return person, [calibrated(of_recording, model.calibrator) for of_recording in scores.T]


RATES = ("sensitivity", "specificity", "ppv", "npv")


@dataclass(frozen=True)
class Call:
    """A threshold on the person's score. sensitivity, specificity: reached on others; ppv, npv: at a prevalence, None
    without one.
    """

    threshold: str
    at: float | None
    called: bool
    sensitivity: Estimate | None
    specificity: Estimate | None
    ppv: Estimate | None
    npv: Estimate | None


@dataclass(frozen=True)
class OfRecording:
    """One recording's prediction. file: as written on the command line. outside_range: a sentence for each way in which
    it lies outside the training range. picture: the explanation.
    """

    file: str
    task: str
    probability: Probability
    outside_range: Sequence[str]
    picture: str


@dataclass(frozen=True)
class Prediction:
    """All that is predicted of one person.

    model: which was used. clinical: the columns that are known. filled_in: what stood in for each other column.
    at_prevalence: the person's probability there, value, low and high; None without a prevalence.
    """

    deployed: Deployed
    model: str
    person: Probability
    recordings: Sequence[OfRecording]
    calls: Sequence[Call]
    outside_range: Sequence[str]
    clinical: Sequence[str]
    filled_in: Sequence[str]
    prevalence: float | None
    at_prevalence: Estimate | None

    @property
    def of_model(self) -> DeployedModel:
        """The model, as deployed."""
        return self.deployed.models[self.model]

    @property
    def is_uninformative(self) -> bool:
        """Whether the calibrator found that the score separates patients from controls no better than chance."""
        return self.of_model.calibrator.slope == 0

    @property
    def warnings(self) -> list[str]:
        """What must be read before any number."""
        warnings = ["Research tool: this is no diagnosis, and no part of one."]
        if self.deployed.synthetic:
            warnings.append(
                "The models were trained on a synthetic cohort: nothing here says anything of a real person."
            )
        if self.is_uninformative:
            warnings.append(
                "Out of fold, this model's scores did not separate patients from controls (calibration slope 0): "
                f"everyone gets {percent(self.person.value)}, about the share of patients in training."
            )
        return warnings

    def as_json(self) -> dict[str, Any]:
        """The prediction as nested values."""
        return {
            "warnings": self.warnings,
            "model": self.model,
            "cohort": {"source": self.deployed.source, "synthetic": self.deployed.synthetic},
            "person": {
                "probability": asdict(self.person),
                "share_of_patients_in_training": self.of_model.share_of_patients,
                "prevalence": self.prevalence,
                "at_prevalence": self.at_prevalence and self.at_prevalence._asdict(),
                "given": list(self.clinical),
                "filled_in": list(self.filled_in),
                "unlike_training_data": list(self.outside_range),
            },
            "recordings": [
                {
                    "file": one.file,
                    "task": one.task,
                    "probability": asdict(one.probability),
                    "unlike_training_data": list(one.outside_range),
                    "explanation": one.picture,
                }
                for one in self.recordings
            ],
            "thresholds": [
                {
                    "name": call.threshold,
                    "score": call.at,
                    "called": call.called,
                    **{name: (estimate := getattr(call, name)) and estimate._asdict() for name in RATES},
                }
                for call in self.calls
            ],
            "thresholds_reached": reached_on(self.deployed.level),
        }

    def in_words(self) -> str:
        """The prediction as a terminal shows it."""
        return "\n".join(_lines(self)) + "\n"


def calls(deployed: Deployed, model: str, score: float, prevalence: float | None) -> list[Call]:
    """The call of each threshold of a model on a person's score, with the rates that it reached."""
    found = []
    for point in deployed.models[model].operating_points:
        rates = point.reached(deployed.level)
        values: Mapping[str, Estimate | None] = {"ppv": None, "npv": None}
        if prevalence is not None:
            values = point.predictive_values(prevalence, draws=deployed.draws, level=deployed.level, seed=deployed.seed)
        found.append(Call(point.name, point.threshold, point.called(score), **rates, **values))
    return found


def reached_on(level: float) -> str:
    """Whom the rates beside a threshold were reached on."""
    return (
        "Reached on subjects that neither network nor threshold knew, by one network each "
        f"(the mean over networks was scored on nobody); {100 * level:g} % intervals."
    )


def percent(share: float) -> str:
    """Such as `66.5 %`; – where it is not defined."""
    return f"{100 * share:.1f} %" if np.isfinite(share) else "–"


def _with_range(estimate: Estimate | None) -> str:
    if estimate is None or not np.isfinite(estimate.value):
        return "–"
    return f"{100 * estimate.value:.1f} % ({100 * estimate.low:.0f}–{100 * estimate.high:.0f})"


def _of_models(probability: Probability | Estimate) -> str:
    return f"{percent(probability.low)} to {percent(probability.high)}"


def _lines(shown: Prediction) -> list[str]:
    model, folds = shown.of_model, len(shown.deployed.networks)
    lines = [f"! {warning}" for warning in shown.warnings]
    lines += [
        "",
        "PERSON",
        f"  Probability of ALS    {percent(shown.person.value)}   ({folds} fold models: {_of_models(shown.person)})",
        f"  It holds where        {percent(model.share_of_patients)} are patients, as in training "
        f"({model.patients} patients, {model.controls} controls)",
    ]
    if shown.prevalence is not None and shown.at_prevalence is not None:
        at, where = shown.at_prevalence, f"At {100 * shown.prevalence:g} % patients"
        lines.append(f"  {where:<22}{percent(at.value)}   ({folds} fold models: {_of_models(at)})")
    seen = listed(["the voice", *shown.clinical]) if model.encoders else "the voice alone"
    lines.append(f"  Model                 {shown.model}: {seen}; mean over {len(shown.recordings)} recording(s)")
    lines += [f"  Filled in             {filled}" for filled in shown.filled_in]
    lines += ["", "RECORDINGS"]
    rows = [
        [
            *(one.file, one.task, f"{one.probability.score:.3f}", percent(one.probability.value)),
            *(_of_models(one.probability), one.picture),
        ]
        for one in shown.recordings
    ]
    lines += _table(["file", "task", "score", "probability", "fold models", "explanation"], rows)
    lines += ["", f"CALLS: thresholds on the score before calibration, here {shown.person.score:.3f}"]
    rates = RATES[: 2 if shown.prevalence is None else 4]
    rows = [
        [
            call.threshold.replace("_", " "),
            "–" if call.at is None else f"{call.at:.3f}",
            "as a patient" if call.called else "as a control",
            *(_with_range(getattr(call, rate)) for rate in rates),
        ]
        for call in shown.calls
    ]
    values = [f"{rate.upper()} at {100 * (shown.prevalence or 0):g} %" for rate in rates[2:]]
    lines += _table(["threshold", "score", "called", *rates[:2], *values], rows)
    lines.append(f"  {reached_on(shown.deployed.level)}")
    warnings = [f"{one.file}: {warning}" for one in shown.recordings for warning in one.outside_range]
    lines += ["", "UNLIKE THE TRAINING DATA"]
    lines += [f"  - {warning}" for warning in [*shown.outside_range, *warnings]] or ["  nothing found"]
    return lines


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    width = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, width, strict=True)).rstrip() for row in [head, *rows]
    ]
