"""A prediction: what the fold models' scores stand for, what a call is worth, and how it is told."""

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

    score: the mean of what the networks say, before calibration: what thresholds are laid on. scores: each network's.
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


@dataclass(frozen=True)
class Call:
    """A threshold laid on the person's score. sensitivity, specificity: reached on others; ppv, npv: at a prevalence,
    None where none was asked for.
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
    """One recording's prediction. file: as it was given. unlike: a sentence for each way; picture: the explanation."""

    file: str
    task: str
    probability: Probability
    unlike: Sequence[str]
    picture: str


@dataclass(frozen=True)
class Prediction:
    """All that is told of one person.

    model: which was asked. given: the clinical columns that were. filled_in: what stood in for each other column.
    at_prevalence: the person's probability there, value, low and high; None where none was asked for.
    """

    deployed: Deployed
    model: str
    person: Probability
    recordings: Sequence[OfRecording]
    calls: Sequence[Call]
    unlike: Sequence[str]
    given: Sequence[str]
    filled_in: Sequence[str]
    prevalence: float | None
    at_prevalence: Estimate | None

    @property
    def of_model(self) -> DeployedModel:
        """The model that was asked, as deployed."""
        return self.deployed.models[self.model]

    @property
    def says_nothing(self) -> bool:
        """Whether the calibrator found that the score tells patients and controls apart no better than chance."""
        return self.of_model.calibrator.slope == 0

    @property
    def warnings(self) -> list[str]:
        """What must be read before any number."""
        told = ["Research tool: this is no diagnosis, and no part of one."]
        if self.deployed.synthetic:
            told.append("The models were trained on a synthetic cohort: nothing here says anything of a real person.")
        if self.says_nothing:
            told.append(
                "Out of fold, this model's scores did not tell patients from controls (calibration slope 0): everyone "
                f"gets {percent(self.person.value)}, about the share of patients in training."
            )
        return told

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
                "given": list(self.given),
                "filled_in": list(self.filled_in),
                "unlike_training_data": list(self.unlike),
            },
            "recordings": [
                {
                    "file": one.file,
                    "task": one.task,
                    "probability": asdict(one.probability),
                    "unlike_training_data": list(one.unlike),
                    "explanation": one.picture,
                }
                for one in self.recordings
            ],
            "thresholds": [
                {
                    "name": call.threshold,
                    "score": call.at,
                    "called": call.called,
                    **{
                        name: (estimate := getattr(call, name)) and estimate._asdict()
                        for name in ("sensitivity", "specificity", "ppv", "npv")
                    },
                }
                for call in self.calls
            ],
            "thresholds_reached": reached_on(self.deployed.level),
        }

    def in_words(self) -> str:
        """The prediction as a terminal shows it."""
        return "\n".join(_lines(self)) + "\n"


def calls(deployed: Deployed, model: str, score: float, prevalence: float | None) -> list[Call]:
    """What each threshold of a model says of a person's score, and what that is worth."""
    told = []
    for point in deployed.models[model].operating_points:
        rates = point.reached(deployed.level)
        values: Mapping[str, Estimate | None] = {"ppv": None, "npv": None}
        if prevalence is not None:
            values = point.predictive_values(prevalence, draws=deployed.draws, level=deployed.level, seed=deployed.seed)
        told.append(Call(point.name, point.threshold, point.called(score), **rates, **values))
    return told


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


def _of_models(probability: Probability) -> str:
    return f"{percent(probability.low)} to {percent(probability.high)}"


def _lines(told: Prediction) -> list[str]:
    model, folds = told.of_model, len(told.deployed.networks)
    lines = [f"! {warning}" for warning in told.warnings]
    lines += [
        "",
        "PERSON",
        f"  Probability of ALS    {percent(told.person.value)}   ({folds} fold models: {_of_models(told.person)})",
        f"  It holds where        {percent(model.share_of_patients)} are patients, as in training "
        f"({model.patients} patients, {model.controls} controls)",
    ]
    if told.prevalence is not None and told.at_prevalence is not None:
        at = told.at_prevalence
        where = f"At {100 * told.prevalence:g} % patients"
        lines.append(
            f"  {where:<22}{percent(at.value)}   ({folds} fold models: {percent(at.low)} to {percent(at.high)})"
        )
    seen = listed(["the voice", *told.given]) if model.encoders else "the voice alone"
    lines.append(f"  Model                 {told.model}: {seen}; mean over {len(told.recordings)} recording(s)")
    lines += [f"  Filled in             {filled}" for filled in told.filled_in]
    lines += ["", "RECORDINGS"]
    rows = [
        [
            *(one.file, one.task, f"{one.probability.score:.3f}", percent(one.probability.value)),
            *(_of_models(one.probability), one.picture),
        ]
        for one in told.recordings
    ]
    lines += _table(["file", "task", "score", "probability", "fold models", "explanation"], rows)
    lines += ["", f"CALLS: thresholds on the score before calibration, here {told.person.score:.3f}"]
    rows = [
        [
            call.threshold.replace("_", " "),
            "–" if call.at is None else f"{call.at:.3f}",
            "as a patient" if call.called else "as a control",
            _with_range(call.sensitivity),
            _with_range(call.specificity),
            *([] if told.prevalence is None else [_with_range(call.ppv), _with_range(call.npv)]),
        ]
        for call in told.calls
    ]
    values = [] if told.prevalence is None else [f"{value} at {100 * told.prevalence:g} %" for value in ("PPV", "NPV")]
    lines += _table(["threshold", "score", "called", "sensitivity", "specificity", *values], rows)
    lines.append(f"  {reached_on(told.deployed.level)}")
    unlike = [f"{one.file}: {said}" for one in told.recordings for said in one.unlike]
    lines += ["", "UNLIKE THE TRAINING DATA"]
    lines += [f"  - {said}" for said in [*told.unlike, *unlike]] or ["  nothing found"]
    return lines


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    width = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, width, strict=True)).rstrip() for row in [head, *rows]
    ]
