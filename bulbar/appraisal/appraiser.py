"""Appraisal of a protocol's scores: calibration, operating points, comparisons and groups for one set of models.

Tables of models have one row per recording. Tables called `people` have one row per subject, from
`metrics.per_subject`: subject_id, fold, label (1 = patient), probability. If the split is by recording, a subject's
recordings lie in several folds, and neither a scaler nor a threshold can be chosen on other subjects. Then only
results that need no such choice are computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

from bulbar.appraisal import calibration, comparisons, groups, operating_points
from bulbar.appraisal.calibration import Estimate, Platt
from bulbar.appraisal.groups import Group
from bulbar.scoring import intervals, metrics

APPRAISED = ("voice", "audio", "fused_common")
"""The models that are appraised, if they are there. The others are only compared with them."""

NOT_CROSS_FITTED = (
    "the split is by recording, so a subject lies in several folds: no scaler or threshold can be chosen on other "
    "subjects, and the scores are biased, because the test speakers are in the training set"
)


@dataclass(frozen=True)
class Appraiser:
    """Appraises the scores of one protocol.

    Attributes
    ----------
    settings, bootstrap : Settings
        The blocks `appraise` and `bootstrap` of params.yaml.
    seed : int
        Seed of the intervals.
    cross_fits : bool
        Whether each subject has one fold. If not, scalers and thresholds are left out.
    """

    settings: calibration.Settings
    bootstrap: intervals.Settings
    seed: int
    cross_fits: bool

    @property
    def auc(self) -> Literal["roc_auc", "roc_auc_pooled"]:
        """The AUC over pairs within a fold, or over all pairs if a subject lies in several folds."""
        return "roc_auc" if self.cross_fits else "roc_auc_pooled"

    @property
    def drawing(self) -> dict[str, Any]:
        """Keyword arguments of the functions that draw intervals."""
        return {"draws": self.bootstrap.draws, "level": self.bootstrap.level, "seed": self.seed}

    def scaled(self, people: pd.DataFrame) -> dict[str, pd.DataFrame]:
        """The table as it is, and after each scaler that the cohort's size allows, cross-fitted over the folds.

        Parameters
        ----------
        people : DataFrame
            From `metrics.per_subject`.

        Returns
        -------
        dict of str to DataFrame
            `uncalibrated`; if subjects have one fold each, also `platt`, and from `isotonic_from` subjects on
            `isotonic`.
        """
        tables = {"uncalibrated": people}
        if self.cross_fits:
            tables["platt"] = calibration.cross_fitted(people, Platt.fit)
            if len(people) >= self.settings.isotonic_from:
                tables["isotonic"] = calibration.cross_fitted(people, calibration.isotonic)
        return tables

    def calibration(self, people: pd.DataFrame) -> dict[str, Any]:
        """Brier score, ECE, log loss, slope and intercept with their intervals, before and after scaling.

        `platt.scaler`: slope and intercept learned on all subjects, for use on new ones. No score here comes from it.
        """
        found: dict[str, Any] = {"base_rate_brier": calibration.base_rate_brier(people["label"])}
        found |= {name: self._calibration_of(table) for name, table in self.scaled(people).items()}
        if not self.cross_fits:
            return found | {"platt": {"absent": NOT_CROSS_FITTED}, "isotonic": {"absent": NOT_CROSS_FITTED}}
        found["platt"]["scaler"] = asdict(Platt.fit(people["label"], people["probability"]))
        few = f"{len(people)} subjects, fewer than appraise.isotonic_from ({self.settings.isotonic_from})"
        found.setdefault("isotonic", {"absent": few})
        return found

    def _calibration_of(self, table: pd.DataFrame) -> dict[str, Any]:
        bins, draws = self.settings.bins, self.bootstrap.draws
        bounds, values = intervals.intervals(table, **self.drawing), metrics.scores(table)
        estimates = {name: calibration.Estimate(values[name], *bounds[name]) for name in intervals.LOSSES}
        estimates |= calibration.calibration_scores(table, bins=bins, **self.drawing)
        by_chance = calibration.expected_calibration_error_by_chance(
            table["probability"], bins=bins, draws=draws, seed=self.seed
        )
        found = {**_as_dicts(estimates), "ece_by_chance": by_chance}
        defined = ("log_loss", "slope", "intercept") if self.cross_fits else ()
        return {name: found[name] for name in ("brier", "ece", "ece_by_chance", *defined)}

    def thresholds(self, people: pd.DataFrame) -> dict[str, float | Mapping[int, float]]:
        """0.5, and each fold's threshold that reaches the target rate on the subjects of the other folds."""
        found: dict[str, float | Mapping[int, float]] = {f"threshold_{metrics.THRESHOLD:g}": metrics.THRESHOLD}
        if self.cross_fits:
            ways = (
                ("specificity", self.settings.specificity, operating_points.threshold_at_specificity),
                ("sensitivity", self.settings.sensitivity, operating_points.threshold_at_sensitivity),
            )
            for name, target, choose in ways:
                found[f"{name}_{target:g}"] = operating_points.cross_fitted_thresholds(people, choose, target)
        return found

    def operating_points(self, people: pd.DataFrame) -> dict[str, Any]:
        """Sensitivity and specificity of each threshold out of fold, and PPV and NPV at each prevalence."""
        points = {}
        for name, threshold in self.thresholds(people).items():
            calls = operating_points.called(people, threshold)
            rates = operating_points.reached(people["label"], calls, level=self.bootstrap.level)
            at_prevalence = {
                f"{prevalence:g}": _as_dicts(
                    operating_points.predictive_values(people["label"], calls, prevalence, **self.drawing)
                )
                for prevalence in self.settings.prevalences
            }
            points[name] = {**_as_dicts(rates), "at_prevalence": at_prevalence}
        return points

    def by_subject(self, people: pd.DataFrame) -> pd.DataFrame:
        """One row per subject: its probability after each scaler, and the thresholds of its fold."""
        table = people.copy()
        for name, scaled in self.scaled(people).items():
            table[name] = scaled["probability"]
        for name, threshold in self.thresholds(people).items():
            if isinstance(threshold, Mapping):
                table[f"threshold_at_{name}"] = table["fold"].map(dict(threshold))
        return table.drop(columns="probability")


@dataclass(frozen=True)
class Appraisal:
    """All results of one protocol. `people`: one table of subjects per appraised model; keys of mappings are models."""

    appraiser: Appraiser
    people: Mapping[str, pd.DataFrame]
    calibration: Mapping[str, Mapping[str, Any]]
    operating_points: Mapping[str, Mapping[str, Any]]
    compared: pd.DataFrame
    groups: Mapping[str, Sequence[Group]]
    normal_speech: Mapping[str, Mapping[str, Any] | None]
    within_conditions: Mapping[str, Sequence[Group]]
    scores: Mapping[str, Mapping[str, Estimate]]

    @property
    def earns_its_place(self) -> str:
        """Whether the voice model and the network beat the baselines, a sentence each."""
        sentences = [
            comparisons.earns_its_place(self.compared, self.appraiser.auc, model)
            for model in comparisons.IN_WORDS
            if model in self.scores
        ]
        biased = "" if self.appraiser.cross_fits else "Biased, because the split separates no speakers: "
        return biased + " ".join(sentences)

    def metrics(self) -> dict[str, Any]:
        """Aggregates as nested numbers. Thresholds are left out, because each equals one person's probability."""
        return {
            "biased": False if self.appraiser.cross_fits else NOT_CROSS_FITTED,
            "auc": "pairs within a fold" if self.appraiser.cross_fits else "all pairs",
            "calibration": self.calibration,
            "operating_points": self.operating_points,
            "earns_its_place": self.earns_its_place,
            "comparisons": self._comparisons(),
            "scores": {model: _as_dicts(found) for model, found in self.scores.items()},
            "groups": {model: _nested(found) for model, found in self.groups.items()},
            "within_conditions": {model: _nested(found) for model, found in self.within_conditions.items()},
            "normal_speech": {
                model: found and {**found, "found": _as_dicts(found["found"])}
                for model, found in self.normal_speech.items()
            },
        }

    def _comparisons(self) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        for row in self.compared[self.compared["score"].isin([self.appraiser.auc, "accuracy", "brier"])].itertuples():
            pair = pairs.setdefault(str(comparisons.Pair(str(row.first), str(row.second))), {})
            numbers = {name: getattr(row, name) for name in ("difference", "low", "high", "p", "p_holm")}
            pair.setdefault(f"per_{row.unit}", {})[row.score] = numbers
        return pairs


def _as_dicts(estimates: Mapping[str, calibration.Estimate]) -> dict[str, dict[str, float]]:
    return {name: estimate._asdict() for name, estimate in estimates.items()}


def _nested(found: Sequence[groups.Group]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for group in found:
        counts = {"patients": group.patients, "controls": group.controls}
        nested.setdefault(group.grouping, {})[group.group] = {**counts, **_as_dicts(group.scores)}
    return nested


def appraise(
    models: Mapping[str, pd.DataFrame], subjects: pd.DataFrame, recordings: pd.DataFrame, appraiser: Appraiser
) -> Appraisal:
    """Appraise the models of `APPRAISED`, and compare the pairs of `comparisons.PAIRS`.

    Parameters
    ----------
    models : mapping of str to DataFrame
        Model -> out-of-fold table: recording_id, subject_id, fold, label (1 = patient), probability.
    subjects : DataFrame
        subject_id, label and clinical columns.
    recordings : DataFrame
        recording_id and task.
    appraiser : Appraiser
        Settings, seed, and whether each subject has one fold.

    Returns
    -------
    Appraisal
        All results; `Appraisal.metrics` returns the part that may be published.
    """
    people = {model: metrics.per_subject(models[model]) for model in APPRAISED if model in models}
    drawing, level = appraiser.drawing, appraiser.bootstrap.level
    divided = groups.groupings(appraiser.settings.age_bands)
    within: dict[str, Sequence[groups.Group]] = {}
    if "conditions" in models:
        thirds = groups.with_conditions_third(subjects, models["conditions"])
        within = {
            model: groups.by_group(table, thirds, recordings, [groups.BY_CONDITIONS], auc=appraiser.auc, **drawing)
            for model, table in models.items()
        }
    return Appraisal(
        appraiser=appraiser,
        people=people,
        calibration={model: appraiser.calibration(table) for model, table in people.items()},
        operating_points={model: appraiser.operating_points(table) for model, table in people.items()},
        compared=comparisons.compare_all(models, **drawing),
        groups={
            model: groups.by_group(models[model], subjects, recordings, divided, auc=appraiser.auc, **drawing)
            for model in people
        },
        normal_speech={
            model: groups.normal_speech_found(table, subjects, appraiser.thresholds(table), level=level)
            for model, table in people.items()
        },
        within_conditions=within,
        scores={model: _headline(table, appraiser) for model, table in models.items()},
    )


def _headline(table: pd.DataFrame, appraiser: Appraiser) -> dict[str, calibration.Estimate]:
    """AUC and accuracy per subject, with intervals."""
    people = metrics.per_subject(table)
    scores, bounds = metrics.scores(people), intervals.intervals(people, **appraiser.drawing)
    return {
        name: calibration.Estimate(scores[score], *bounds[score])
        for name, score in (("auc", appraiser.auc), ("accuracy", "accuracy"))
    }


def of_patients(table: pd.DataFrame, positive_class: str) -> pd.DataFrame:
    """An out-of-fold table with label 1 = patient and the probability of ALS, whichever class is positive."""
    if positive_class == "ALS":
        return table
    return table.assign(label=1 - table["label"], probability=1 - table["probability"])
