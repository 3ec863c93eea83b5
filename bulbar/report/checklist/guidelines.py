"""REFORMS and TRIPOD+AI: where their items stand, and what answers each item that a run can know about.

Most answers serve both, under the item that each guideline gives them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bulbar.report.checklist.answers import cohort, leakage, models, predictors, repository, scores
from bulbar.report.checklist.items import Answer


@dataclass(frozen=True)
class Guideline:
    """A guideline: the table of its items in reference/, where it was published, and the answers by item."""

    table: str
    source: str
    answers: Mapping[str, Answer]


REFORMS: dict[str, Answer] = {
    "2a": repository.data_set,
    "2b": repository.code,
    "2c": repository.infrastructure,
    "2d": repository.readme,
    "2e": repository.script,
    "3a": cohort.source,
    "3b": cohort.participants,
    "3d": cohort.outcome,
    "3e": cohort.samples,
    "3f": cohort.missing_values,
    "3g": cohort.participants,
    "4a": cohort.exclusions,
    "4b": cohort.checks,
    "4c": predictors.transformations,
    "5a": models.trained,
    "5c": models.splits,
    "5d": models.selection_rule,
    "5e": models.tuning,
    "5f": scores.baselines_and_comparison,
    "6a": leakage.learned_from,
    "6b": leakage.dependencies,
    "6c": leakage.legitimacy,
    "7a": scores.measures_and_selection,
    "7b": scores.uncertainty,
    "7c": scores.statistical_tests,
    "8b": leakage.limits,
}

TRIPOD_AI: dict[str, Answer] = {
    "5a": cohort.source,
    "5b": cohort.participants,
    "6a": cohort.participants,
    "6b": cohort.participants,
    "6c": cohort.participants,
    "7": predictors.checks_and_transformations,
    "8a": cohort.outcome,
    "8b": cohort.participants,
    "8c": cohort.participants,
    "9a": predictors.chosen,
    "9b": predictors.definitions,
    "9c": cohort.participants,
    "10": cohort.sample_size,
    "11": predictors.missing_data,
    "12a": models.splits,
    "12b": predictors.encoding,
    "12c": models.building,
    "12d": cohort.clusters,
    "12e": scores.measures_and_plots,
    "12f": scores.recalibration,
    "12g": models.predictions,
    "13": models.imbalance,
    "14": scores.fairness,
    "15": scores.probability_and_call,
    "16": cohort.second_cohort,
    "17": cohort.participants,
    "20a": cohort.flow,
    "20b": cohort.characteristics,
    "20c": cohort.second_cohort,
    "21": models.splits,
    "22": models.specification,
    "23a": scores.performance,
    "23b": cohort.clusters,
    "24": scores.recalibration,
    "26": leakage.limits,
    "27a": predictors.poor_input,
}

GUIDELINES = {
    "REFORMS": Guideline("reforms", "S. Kapoor et al., *Science Advances* 10, eadk3452, 2024.", REFORMS),
    "TRIPOD+AI": Guideline("tripod_ai", "G. S. Collins et al., *BMJ* 385, e078378, 2024.", TRIPOD_AI),
}
"""The guidelines by title."""
