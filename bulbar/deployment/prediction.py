"""A prediction: the probability behind the fold models' scores, the calls at each threshold, and how to print them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from bulbar.appraisal.calibration import Estimate, Platt
from bulbar.deployment.deployed import Deployed, DeployedModel
from bulbar.deployment.training_range import listed
from bulbar.deployment.voice_explanation import VoiceExplanation


@dataclass(frozen=True)
class Probability:
    """The calibrated probability of ALS: mean, lowest and highest value of the fold models.

    score: mean of the networks' uncalibrated scores, which is compared with the thresholds. scores: one per network.
    """

    value: float
    low: float
    high: float
    score: float
    scores: tuple[float, ...]


def calibrated(scores: np.ndarray, calibrator: Platt) -> Probability:
    """Calibrate the fold models' scores, then take the mean.

    Each score is calibrated on its own, because the calibrator was learned from scores of single models, and the mean
    of several scores is less extreme than a single score.

    Parameters
    ----------
    scores : array, shape (folds,), in [0, 1]
        One uncalibrated score per fold model.
    calibrator : Platt
        Slope and intercept.

    Returns
    -------
    Probability
        Mean, lowest and highest calibrated probability.
    """
    each = calibrator(scores)
    return Probability(
        float(each.mean()), float(each.min()), float(each.max()), float(np.mean(scores)), tuple(scores.tolist())
    )


def at_prevalence(probability: float, learned_at: float, prevalence: float) -> float:
    """Convert a probability from the share of patients in training to another prevalence.

    Parameters
    ----------
    probability : float in [0, 1]
        Valid where the share `learned_at` are patients.
    learned_at, prevalence : float in (0, 1)
        Share of patients in training, and among the people tested.

    Returns
    -------
    float in [0, 1]
        The probability at `prevalence`. The odds are multiplied by the ratio of the two prevalence odds: the scores
        of patients and of controls keep their distributions, only the shares of the two groups differ.

    Notes
    -----
    Saerens, Latinne, Decaestecker, Neural Computation 14, 2002, equation 2.4.

    Examples
    --------
    >>> round(at_prevalence(0.5, learned_at=0.5, prevalence=0.1), 3)
    0.1
    """
    patient = probability * prevalence / learned_at
    control = (1 - probability) * (1 - prevalence) / (1 - learned_at)
    return patient / (patient + control)


def of_person(scores: np.ndarray, model: DeployedModel) -> tuple[Probability, list[Probability]]:
    """The probability for a person and for each of the recordings.

    Parameters
    ----------
    scores : array, shape (fold, recording), in [0, 1]
        Uncalibrated scores.
    model : DeployedModel
        Its calibrator is applied. It was learned from means over a person's recordings, as used here.

    Returns
    -------
    tuple of Probability and list of Probability
        The person's, and one per recording.
    """
    person = calibrated(scores.mean(axis=1), model.calibrator)
    return person, [calibrated(of_recording, model.calibrator) for of_recording in scores.T]


RATES = ("sensitivity", "specificity", "ppv", "npv")


@dataclass(frozen=True)
class Call:
    """The call that a threshold makes on a person's score.

    sensitivity, specificity: reached on the cohort's subjects, out of fold. ppv, npv: at the prevalence; None without
    one.
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
    """One recording.

    file: as written on the command line. outside_range: one sentence for each way in which the recording lies outside
    the training range. probability, picture: from the networks, with the path of the explanation; None from the voice
    model. measures: of the voice model; empty for the networks.
    """

    file: str
    task: str
    outside_range: Sequence[str]
    probability: Probability | None = None
    picture: str | None = None
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Prediction:
    """Everything predicted for one person.

    model: name of the model used. clinical: columns that it read. filled_in: a sentence for each column without a
    value. voice: explanation, if the model is one of `VOICE_MODELS`. unused: columns given but not read by the model.
    """

    deployed: Deployed
    model: str
    person: Probability
    recordings: Sequence[OfRecording]
    outside_range: Sequence[str]
    clinical: Sequence[str]
    filled_in: Sequence[str]
    prevalence: float | None
    voice: VoiceExplanation | None = None
    unused: Sequence[str] = ()

    @property
    def of_model(self) -> DeployedModel:
        """The deployed model."""
        return self.deployed.models[self.model]

    @property
    def calls(self) -> list[Call]:
        """The call of each threshold of the model, with the rates that it reached."""
        return calls(self.deployed, self.model, self.person.score, self.prevalence)

    @property
    def at_prevalence(self) -> Estimate | None:
        """The person's probability at the prevalence, with the lowest and highest of the fold models."""
        if self.prevalence is None:
            return None
        ends = (self.person.value, self.person.low, self.person.high)
        return Estimate(*(at_prevalence(end, self.of_model.share_of_patients, self.prevalence) for end in ends))

    @property
    def is_uninformative(self) -> bool:
        """Whether the calibrator's slope is 0: the score does not separate patients from controls."""
        return self.of_model.calibrator.slope == 0

    @property
    def warnings(self) -> list[str]:
        """What the reader must know before any number."""
        warnings = ["Research tool: this output is not a diagnosis, and must not be used as part of one."]
        if self.deployed.synthetic:
            warnings.append(
                "The models were trained on a synthetic cohort: the numbers say nothing about a real person."
            )
        if self.is_uninformative:
            warnings.append(
                "Out of fold, this model's scores did not separate patients from controls (calibration slope 0): "
                f"every person gets {percent(self.person.value)}, about the share of patients in training."
            )
        return warnings + (self.voice.warnings if self.voice else [])

    def as_json(self) -> dict[str, Any]:
        """The prediction as nested values for JSON."""
        return {
            "warnings": self.warnings,
            "model": self.model,
            "cohort": {"source": self.deployed.source, "synthetic": self.deployed.synthetic},
            "person": {
                "probability": asdict(self.person),
                "share_of_patients_in_training": self.of_model.share_of_patients,
                "prevalence": self.prevalence,
                "at_prevalence": self.at_prevalence and self.at_prevalence._asdict(),
                "used": list(self.clinical),
                "not_used": list(self.unused),
                "filled_in": list(self.filled_in),
                "outside_training_range": list(self.outside_range),
            },
            "voice": self.voice and self.voice.as_json(),
            "recordings": [
                {
                    "file": one.file,
                    "task": one.task,
                    "probability": one.probability and asdict(one.probability),
                    "outside_training_range": list(one.outside_range),
                    "explanation": one.picture,
                    "measures": dict(one.measures),
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
        """The prediction as text for a terminal."""
        return "\n".join(_lines(self)) + "\n"


def calls(deployed: Deployed, model: str, score: float, prevalence: float | None) -> list[Call]:
    """The call of each of a model's thresholds on a person's score, with the rates that the threshold reached."""
    found = []
    for point in deployed.models[model].operating_points:
        rates = point.reached(deployed.level)
        values: Mapping[str, Estimate | None] = {"ppv": None, "npv": None}
        if prevalence is not None:
            values = point.predictive_values(prevalence, draws=deployed.draws, level=deployed.level, seed=deployed.seed)
        found.append(Call(point.name, point.threshold, point.called(score), **rates, **values))
    return found


def reached_on(level: float) -> str:
    """On which subjects the rates of a threshold were measured."""
    return (
        "Measured out of fold: neither the model nor the threshold was learned from these subjects. One fold model "
        f"scored each subject; the mean over folds was not evaluated. {100 * level:g} % intervals."
    )


def percent(share: float) -> str:
    """Such as `66.5 %`; `–` if the share is not defined."""
    return f"{100 * share:.1f} %" if np.isfinite(share) else "–"


def _with_range(estimate: Estimate | None) -> str:
    if estimate is None or not np.isfinite(estimate.value):
        return "–"
    return f"{100 * estimate.value:.1f} % ({100 * estimate.low:.0f}–{100 * estimate.high:.0f})"


def _of_models(probability: Probability | Estimate) -> str:
    return f"{percent(probability.low)} to {percent(probability.high)}"


def _lines(shown: Prediction) -> list[str]:
    model, folds = shown.of_model, len(shown.person.scores)
    lines = [f"! {warning}" for warning in shown.warnings]
    lines += [
        "",
        "PERSON",
        f"  Probability of ALS    {percent(shown.person.value)}   ({folds} fold models: {_of_models(shown.person)})",
        f"  Valid if              {percent(model.share_of_patients)} are patients, as in training "
        f"({model.patients} patients, {model.controls} controls)",
    ]
    at = shown.at_prevalence
    if shown.prevalence is not None and at is not None:
        where = f"At {100 * shown.prevalence:g} % patients"
        lines.append(f"  {where:<22}{percent(at.value)}   ({folds} fold models: {_of_models(at)})")
    lines.append(f"  Model                 {shown.model}: {_seen(shown)}")
    lines += [f"  Filled in             {filled}" for filled in shown.filled_in]
    lines += [f"  {name:<22}{text}" for name, text in (shown.voice.in_words() if shown.voice else [])]
    if shown.unused:
        lines.append(f"  Not used              {listed(shown.unused)}: not read by {shown.model}")
    lines += _of_voice(shown.voice) if shown.voice else _of_networks(shown)
    lines += ["", f"CALLS: each threshold compared with the uncalibrated score, {shown.person.score:.3f}"]
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
    lines += ["", "OUTSIDE THE TRAINING RANGE"]
    lines += [f"  - {warning}" for warning in [*shown.outside_range, *warnings]] or ["  nothing found"]
    return lines


def _seen(shown: Prediction) -> str:
    """What the model read, and how it made one answer of several recordings."""
    recordings = f"{len(shown.recordings)} recording(s)"
    if shown.voice:
        adjusted = f"adjusted for {listed(shown.clinical)}" if shown.clinical else "not adjusted"
        return f"measures of the voice, {adjusted}; from {recordings}"
    if not shown.of_model.encoders:
        return f"the voice only; mean over {recordings}"
    return f"{listed(['the voice', *shown.clinical])}; mean over {recordings}"


def _of_networks(shown: Prediction) -> list[str]:
    """Each recording's own prediction, and where its explanation lies."""
    rows = [
        [
            *(one.file, one.task, f"{one.probability.score:.3f}", percent(one.probability.value)),
            *(_of_models(one.probability), one.picture or "–"),
        ]
        for one in shown.recordings
        if one.probability
    ]
    return ["", "RECORDINGS", *_table(["file", "task", "score", "probability", "fold models", "explanation"], rows)]


def _of_voice(voice: VoiceExplanation) -> list[str]:
    """What pushes towards ALS and what away from it, beside what is expected of a control."""
    lines = []
    head = ["measure", "task", "measured", "95 % of controls", "log-odds", "what it is"]
    for title, rows in voice.tables():
        lines += ["", f"{title}: what pushes most", *(_table(head, rows) if rows else ["  none"])]
    return [*lines, f"  Controls: {voice.like_whom}. This shows what moved the models, not what the disease does."]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    width = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, width, strict=True)).rstrip() for row in [head, *rows]
    ]
