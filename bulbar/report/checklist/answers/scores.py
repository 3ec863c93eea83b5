"""Answers on the scores: which are given, how sure they are, and what they came to."""

from collections.abc import Mapping
from typing import Any

from bulbar.cohort import folds
from bulbar.report.checklist.answers.models import selection_rule
from bulbar.report.checklist.facts import Facts
from bulbar.report.checklist.items import NotApplicable
from bulbar.report.checklist.wording import SPLIT, estimate, score, with_interval

BESIDE_ACCURACY = (
    "balanced accuracy, sensitivity, specificity, precision, F1, AUC (pairs within a fold; all pairs beside it), log"
    " loss and Brier score, per recording and per subject, beside the majority baseline; ROC and precision–recall"
    " curves"
)


def measures_and_selection(facts: Facts) -> str:
    """Every measure, and the one that selects."""
    facts.need("evaluate")
    return f"Accuracy, {BESIDE_ACCURACY}. {selection_rule(facts)}"


def measures_and_plots(facts: Facts) -> str:
    """Every measure, of calibration and of use as well."""
    shares = ", ".join(f"{value:g}" for value in facts["params"]["appraise"]["prevalences"])
    facts.need("appraise")
    return (
        f"Discrimination: accuracy, {BESIDE_ACCURACY}. Calibration: reliability curve, expected calibration error,"
        " slope and intercept. Use: sensitivity and specificity at set thresholds, predictive values at prevalences of"
        f" {shares}. Models are compared pairwise over the same subjects."
    )


def uncertainty(facts: Facts) -> str:
    """How intervals are computed, and the split's and the start's part."""
    drawing = facts["params"]["bootstrap"]
    said = [
        f"{100 * drawing['level']:g} % intervals: {drawing['draws']} bootstrap draws of subjects, not of recordings,"
        " within each class. Models are not fitted again: what another training sample changes is not in them."
    ]
    said += [spread["sentence"] for _, spread in facts.of_protocols("spread")]
    return " ".join(said)


def statistical_tests(facts: Facts) -> str:
    """The tests and what they assume."""
    shuffles = facts["params"]["audit"]["shuffles"]
    facts.need("audit")
    return (
        "Models are compared by a paired bootstrap over subjects, with the difference's interval; probes by"
        f" {shuffles} shuffles of the labels between subjects, p = (b + 1)/(m + 1). Both assume subjects to be"
        " independent of each other, and nothing of the scores' distribution."
    )


def baselines(facts: Facts) -> str:
    """What the network is compared with."""
    said = []
    for protocol, scored in facts.of_protocols("baselines"):
        models = {name: value for name, value in scored.items() if isinstance(value, Mapping)}
        said.append(f"{SPLIT[protocol]}, {_aucs_per_subject(models, protocol)}")
    if "acoustic" in facts:
        said.append(f"Their voice features, by Praat, are compared with {facts['acoustic']['compared_with']}.")
    return " ".join(["On the same folds, with nothing tuned.", *said])


def baselines_and_comparison(facts: Facts) -> str:
    """The baselines, and whether the network beats them."""
    return f"{baselines(facts)} {_appraised(facts)[1]['earns_its_place']}"


def performance(facts: Facts) -> str:
    """Discrimination of every model and calibration of the network, with intervals."""
    said = []
    for protocol, scored in facts.of_protocols("fusion"):
        biased = " (biased upwards: the networks know the speakers)" if protocol == "record_wise" else ""
        said.append(f"{SPLIT[protocol]}{biased}, {_aucs_per_subject(scored['selected'], protocol)}")
    protocol, appraised = _appraised(facts)
    own = appraised["calibration"][APPRAISED]
    said.append(
        f"Calibration, {SPLIT[protocol].lower()}, `{APPRAISED}`: Brier score {estimate(own['uncalibrated']['brier'])},"
        f" against {score(own['base_rate_brier'])} of telling everyone the base rate; expected calibration error"
        f" {estimate(own['uncalibrated']['ece'])}, beside {score(own['uncalibrated']['ece_by_chance'])} on average"
        " where every probability is true. Subgroups: item 14."
    )
    return " ".join(said)


def _aucs_per_subject(models: Mapping[str, Any], protocol: folds.Protocol) -> str:
    """Every model's: of pairs within a fold; where a subject has no fold of its own, of all pairs."""
    name = "roc_auc" if protocol == "subject_wise" else "roc_auc_pooled"
    aucs = [f"`{model}` {with_interval(scores['per_subject'], name)}" for model, scores in models.items()]
    return f"AUC per subject: {'; '.join(aucs)}."


APPRAISED = "audio"
"""The model whose calibration, thresholds and groups the checklists print; the files hold the others'."""


def fairness(facts: Facts) -> str:
    """Scores by sex and age; nothing is done to make them equal."""
    protocol, appraised = _appraised(facts)
    said = []
    for grouping in ("sex", "age"):
        for group, scored in appraised["groups"][APPRAISED].get(grouping, {}).items():
            few = scored["roc_auc"]["value"] is None
            auc = "too few to score" if few else f"AUC {estimate(scored['roc_auc'])}"
            said.append(f"{grouping} {group} ({scored['patients']} ALS, {scored['controls']} HC): {auc}")
    return (
        "Scores are given by sex, age, task and severity of the dysarthria; nothing is done in training to make them"
        f" equal. {SPLIT[protocol]}, `{APPRAISED}`, per subject: {'; '.join(said)}."
    )


def probability_and_call(facts: Facts) -> str:
    """What a model says of a subject, and how often that is right."""
    protocol, appraised = _appraised(facts)
    said = [
        f"{name.replace('_', ' ')}: sensitivity {estimate(point['sensitivity'])}, specificity"
        f" {estimate(point['specificity'])}"
        for name, point in appraised["operating_points"][APPRAISED].items()
    ]
    return (
        f"A probability of {facts['params']['positive_class']}; from 0.5 on it is called so. Other thresholds are set"
        f" on the subjects of the other folds. {SPLIT[protocol]}, `{APPRAISED}`, per subject, reached:"
        f" {'; '.join(said)}."
    )


def recalibration(facts: Facts) -> str | NotApplicable:
    """Platt scaling, cross-fitted."""
    protocol, appraised = _appraised(facts)
    calibration = appraised["calibration"][APPRAISED]
    if "brier" not in calibration["platt"]:
        return NotApplicable(f"No model was recalibrated: {calibration['platt']['absent']}.")
    before, after = (calibration[name]["brier"] for name in ("uncalibrated", "platt"))
    return (
        "The networks are not changed. Beside them stands Platt scaling of the out-of-fold log odds per subject, fitted"
        f" on the other folds. {SPLIT[protocol]}, `{APPRAISED}`: Brier score {estimate(before)} before,"
        f" {estimate(after)} after."
    )


def _appraised(facts: Facts) -> tuple[folds.Protocol, Mapping[str, Any]]:
    """What counts: split by subject where that was run."""
    protocol = facts.protocols("appraise")[-1]
    return protocol, facts[f"appraise/{protocol}"]
