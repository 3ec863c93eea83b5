"""The settings file of a folder of deployed models: everything a prediction needs except the networks' weights."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import field_validator

from bulbar.appraisal import operating_points
from bulbar.appraisal.calibration import Estimate, Platt
from bulbar.core.settings import Strict
from bulbar.deployment.encoding import StoredEncoder
from bulbar.deployment.training_range import TrainingData
from bulbar.deployment.voice_models import VOICE_MODELS, VoiceSettings
from bulbar.features import audio, spectrogram

if TYPE_CHECKING:
    from bulbar.appraisal.appraiser import Appraiser

NETWORKS = ("audio", "fused_common")
"""The deployed networks. `audio` needs only a recording; `fused_common` also reads the `common` clinical columns."""

DEPLOYED_MODELS = (*VOICE_MODELS, *NETWORKS)
"""All deployed models."""


CHOOSERS = {
    "specificity": operating_points.threshold_at_specificity,
    "sensitivity": operating_points.threshold_at_sensitivity,
}
"""Target rate -> the function that chooses the threshold for it."""


class OperatingPoint(Strict):
    """A threshold on the uncalibrated score, and what cross-fitted thresholds of the same kind reached out of fold.

    Attributes
    ----------
    threshold : float or None
        Chosen on all subjects. None if no score reaches the target rate: then nobody is called a patient.
    patients, controls : int
        Number of people scored.
    found, cleared : int
        Patients called patients, and controls called controls. Each was called with a threshold that was chosen
        without that person's fold.
    """

    name: str
    threshold: float | None
    patients: int
    found: int
    controls: int
    cleared: int

    def called(self, score: float) -> bool:
        """Whether a person with this score is called a patient."""
        return self.threshold is not None and score >= self.threshold

    def reached(self, level: float) -> dict[str, Estimate]:
        """Sensitivity and specificity with exact binomial intervals."""
        return operating_points.reached(*self._as_calls(), level=level)

    def predictive_values(self, prevalence: float, *, draws: int, level: float, seed: int) -> dict[str, Estimate]:
        """PPV and NPV at a prevalence, computed as in the stage `appraise`."""
        label, calls = self._as_calls()
        return operating_points.predictive_values(label, calls, prevalence, draws=draws, level=level, seed=seed)

    def _as_calls(self) -> tuple[np.ndarray, np.ndarray]:
        counts = [self.found, self.patients - self.found, self.controls - self.cleared, self.cleared]
        return np.repeat([1, 1, 0, 0], counts), np.repeat([True, False, True, False], counts)


class DeployedModel(Strict):
    """What turns the scores of a model's folds into a probability.

    Attributes
    ----------
    calibrator : Platt
        Slope and intercept, learned from one out-of-fold score per subject.
    operating_points : tuple of OperatingPoint
        Thresholds, each with the rates that it reached out of fold.
    encoders : dict of int to StoredEncoder
        Fold -> encoder of the clinical features. Empty if the model reads no clinical features.
    """

    calibrator: Platt
    operating_points: tuple[OperatingPoint, ...]
    encoders: dict[int, StoredEncoder]

    @classmethod
    def of(cls, people: pd.DataFrame, encoders: Mapping[int, StoredEncoder], appraiser: "Appraiser") -> Self:
        """Learn the calibrator and the operating points from out-of-fold scores.

        people: from `metrics.per_subject`, label 1 = patient, each scored by a fold model not trained on it.
        """
        patient = people["label"] == 1
        points = []
        for name, cross_fitted in appraiser.thresholds(people).items():
            calls = operating_points.called(people, cross_fitted)
            threshold = cross_fitted
            if isinstance(threshold, Mapping):
                rate = name.partition("_")[0]
                threshold = CHOOSERS[rate](people["label"], people["probability"], getattr(appraiser.settings, rate))
            points.append(
                OperatingPoint(
                    name=name,
                    threshold=float(threshold) if np.isfinite(threshold) else None,
                    patients=int(patient.sum()),
                    found=int((patient & calls).sum()),
                    controls=int((~patient).sum()),
                    cleared=int((~patient & ~calls).sum()),
                )
            )
        fitted = Platt.fit(people["label"], people["probability"])
        return cls(
            calibrator=Platt(slope=round(fitted.slope, 6), intercept=round(fitted.intercept, 6)),
            operating_points=tuple(points),
            encoders=dict(encoders),
        )

    @property
    def patients(self) -> int:
        """Number of patients from whom the calibrator and the thresholds were learned."""
        return self.operating_points[0].patients

    @property
    def controls(self) -> int:
        """Number of controls from whom the calibrator and the thresholds were learned."""
        return self.operating_points[0].controls

    @property
    def share_of_patients(self) -> float:
        """Share of patients in those people: calibrated probabilities are valid at this prevalence."""
        return self.patients / (self.patients + self.controls)


class Deployed(Strict):
    """The content of settings.json.

    source, synthetic: of the cohort. networks: fold -> the network in words. audio, spectrogram: how a recording
    becomes an image. voice: what the voice models need beside voice.json. draws, level, seed: for every interval, the
    values of the stage `appraise`.
    """

    source: str
    synthetic: bool
    positive_class: Literal["ALS", "HC"]
    networks: dict[int, str]
    audio: audio.Settings
    spectrogram: spectrogram.Settings
    models: dict[str, DeployedModel]
    voice: VoiceSettings
    training: TrainingData
    draws: int
    level: float
    seed: int

    @field_validator("models")
    @classmethod
    def _all_there(cls, models: dict[str, DeployedModel]) -> dict[str, DeployedModel]:
        if set(models) != set(DEPLOYED_MODELS):
            raise ValueError(f"{' and '.join(DEPLOYED_MODELS)} expected, got {', '.join(models) or 'none'}")
        return models

    @property
    def folds(self) -> list[int]:
        """The folds, 1 to K. Each fold has its own network."""
        return sorted(self.networks)

    def metrics(self) -> dict[str, Any]:
        """Aggregates that may go into git. Thresholds are left out, because each equals one person's score."""
        return {
            "synthetic": self.synthetic,
            "protocol": "subject_wise",
            "networks": {str(fold): words for fold, words in self.networks.items()},
            "models": {name: self._metrics_of(model) for name, model in self.models.items()},
            "voice": {"tasks": list(self.voice.tasks), "scores": self._scores_of_voice()},
            "training_data": self.training.model_dump(mode="json"),
        }

    def _scores_of_voice(self) -> dict[str, Any]:
        """AUC of the voice models on all tasks and on some of them."""
        return {
            name: {"all tasks": scores.interval(), **{one.name: one.auc for one in scores.on_some_tasks}}
            for name, scores in self.voice.scores.items()
        }

    def _metrics_of(self, model: DeployedModel) -> dict[str, Any]:
        return {
            "fold_models": len(self.networks),
            "calibrator": {"slope": model.calibrator.slope, "intercept": model.calibrator.intercept},
            "learned_from": {"patients": model.patients, "controls": model.controls},
            "operating_points": {
                point.name: {rate: estimate._asdict() for rate, estimate in point.reached(self.level).items()}
                for point in model.operating_points
            },
        }
