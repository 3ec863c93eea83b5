"""What a folder of deployed models holds: everything a prediction needs beside the networks' weights."""

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import field_validator

from bulbar.appraisal import operating_points
from bulbar.appraisal.appraiser import Appraiser
from bulbar.appraisal.calibration import Estimate, Platt
from bulbar.core.settings import Strict
from bulbar.deployment.encoding import StoredEncoder
from bulbar.deployment.training_range import TrainingData
from bulbar.features import audio, spectrogram

DEPLOYED_MODELS = ("audio", "fused_common")
"""The models that are deployed: the first needs a recording alone, the second reads the `common` columns, too."""


CHOOSERS = {
    "specificity": operating_points.threshold_at_specificity,
    "sensitivity": operating_points.threshold_at_sensitivity,
}
"""What chooses a threshold, by the rate that it is to reach."""


class OperatingPoint(Strict):
    """A threshold on the score before calibration, and what thresholds chosen in the same way reached on others.

    threshold: chosen on all subjects; None where no score reaches the wanted rate, so that nobody is called. patients,
    controls: people scored; found, cleared: those of them that were called right, each by a threshold that was chosen
    without the fold in which they lie.
    """

    name: str
    threshold: float | None
    patients: int
    found: int
    controls: int
    cleared: int

    def called(self, score: float) -> bool:
        """Whether a score is called a patient."""
        return self.threshold is not None and score >= self.threshold

    def reached(self, level: float) -> dict[str, Estimate]:
        """Sensitivity and specificity with exact intervals."""
        return operating_points.reached(*self._as_calls(), level=level)

    def predictive_values(self, prevalence: float, *, draws: int, level: float, seed: int) -> dict[str, Estimate]:
        """PPV and NPV at a prevalence, as `appraise` states them."""
        label, calls = self._as_calls()
        return operating_points.predictive_values(label, calls, prevalence, draws=draws, level=level, seed=seed)

    def _as_calls(self) -> tuple[np.ndarray, np.ndarray]:
        counts = [self.found, self.patients - self.found, self.controls - self.cleared, self.cleared]
        return np.repeat([1, 1, 0, 0], counts), np.repeat([True, False, True, False], counts)


class DeployedModel(Strict):
    """One model: five networks and what turns their scores into a probability.

    calibrator: Platt's two numbers, learned from one score a subject, out of fold. operating_points: see there.
    encoders: of the clinical features, by fold; empty where it sees none.
    """

    calibrator: Platt
    operating_points: tuple[OperatingPoint, ...]
    encoders: dict[int, StoredEncoder]

    @classmethod
    def of(cls, people: pd.DataFrame, encoders: Mapping[int, StoredEncoder], appraiser: Appraiser) -> Self:
        """Calibrator and operating points from out-of-fold scores.

        people: of `metrics.per_subject`, label 1 = patient, each scored by the network that did not know it.
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
        """Patients that calibrator and thresholds were learned from."""
        return self.operating_points[0].patients

    @property
    def controls(self) -> int:
        """Controls that calibrator and thresholds were learned from."""
        return self.operating_points[0].controls

    @property
    def share_of_patients(self) -> float:
        """Of the people that it was learned from: the prevalence at which calibrated probabilities hold."""
        return self.patients / (self.patients + self.controls)


class Deployed(Strict):
    """The content of settings.json.

    source, synthetic: of the cohort. networks: by fold, in words. audio, spectrogram: how a recording becomes an image.
    draws, level, seed: of every interval, those of `appraise`.
    """

    source: str
    synthetic: bool
    positive_class: Literal["ALS", "HC"]
    networks: dict[int, str]
    audio: audio.Settings
    spectrogram: spectrogram.Settings
    models: dict[str, DeployedModel]
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
        """The folds, 1 to K: each has a network of its own."""
        return sorted(self.networks)

    def metrics(self) -> dict[str, Any]:
        """Aggregates for git: no threshold among them, for each is one person's score."""
        return {
            "synthetic": self.synthetic,
            "protocol": "subject_wise",
            "networks": {str(fold): words for fold, words in self.networks.items()},
            "models": {name: self._metrics_of(model) for name, model in self.models.items()},
            "training_data": self.training.model_dump(mode="json"),
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
