"""The appraisal of a protocol as a page of Markdown tables: values with intervals, an en dash if not defined."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bulbar.appraisal.appraiser import NOT_CROSS_FITTED, Appraisal
from bulbar.appraisal.groups import SCORES, Group
from bulbar.core.disclosure import FEWEST_SHOWN
from bulbar.core.markdown import NOT_DEFINED, markdown_table, with_interval
from bulbar.scoring import metrics

Numbers = Mapping[str, Any]


def estimate(of: Numbers | None, digits: int = 2) -> str:
    """Value, low and high as `0.63 (0.49 to 0.76)`; an en dash if there is none."""
    if of is None:
        return NOT_DEFINED
    return with_interval(of["value"], of["low"], of["high"], f"{{:.{digits}f}}".format)


def calibration_table(models: Mapping[str, Numbers]) -> str:
    """Calibration scores per model and scaling. models: name -> `Appraiser.calibration`."""
    rows, absent = [], []
    for model, by_scaling in models.items():
        for scaling in ("uncalibrated", "platt", "isotonic"):
            scores = by_scaling[scaling]
            if "absent" in scores:
                absent.append(f"{model}, {scaling}: not computed: {scores['absent']}.")
                continue
            rows.append(
                {
                    "model": model,
                    "probabilities": scaling,
                    "Brier": estimate(scores["brier"], 3),
                    "Brier of the base rate": f"{by_scaling['base_rate_brier']:.3f}",
                    "ECE": estimate(scores["ece"]),
                    "ECE of true probabilities": f"{scores['ece_by_chance']:.2f}",
                    "log loss": estimate(scores.get("log_loss")),
                    "slope": estimate(scores.get("slope")),
                    "intercept": estimate(scores.get("intercept")),
                }
            )
    return "\n\n".join([markdown_table(pd.DataFrame(rows)).rstrip("\n"), *absent])


def operating_table(models: Mapping[str, Numbers]) -> str:
    """Operating points per model. models: name -> `Appraiser.operating_points`."""
    rows = [
        {
            "model": model,
            "threshold": point.replace("_", " "),
            "sensitivity reached": estimate(reached["sensitivity"]),
            "specificity reached": estimate(reached["specificity"]),
            **{
                f"{value.upper()} at {100 * float(prevalence):g} %": estimate(estimates[value])
                for prevalence, estimates in reached["at_prevalence"].items()
                for value in ("ppv", "npv")
            },
        }
        for model, points in models.items()
        for point, reached in points.items()
    ]
    return markdown_table(pd.DataFrame(rows))


def comparison_table(compared: pd.DataFrame, auc: str) -> str:
    """Differences between models, first minus second. compared: from `comparisons.compare_all`; auc: its name there."""
    by: dict[Any, Any] = compared.set_index(["unit", "score", "first", "second"]).to_dict("index")
    rows = []
    for first, second in dict.fromkeys(zip(compared["first"], compared["second"], strict=True)):
        row = {"first": first, "second": second}
        for unit in ("subject", "recording"):
            for score, name in ((auc, "AUC"), ("accuracy", "accuracy"), ("brier", "Brier")):
                found = by[(unit, score, first, second)]
                digits = 3 if score == "brier" else 2
                row[f"{name}, per {unit}"] = estimate({"value": found["difference"]} | found, digits)
                if score == auc:
                    row[f"p, per {unit} (Holm)"] = f"{found['p']:.3f} ({found['p_holm']:.3f})"
        rows.append(row)
    return markdown_table(pd.DataFrame(rows).replace(r"^nan.*", "–", regex=True))


def group_table(models: Mapping[str, Sequence[Group]]) -> str:
    """Scores by group, one column per model and score. models: name -> `groups.by_group`."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for model, found in models.items():
        for group in found:
            row = rows.setdefault(
                (group.grouping, group.group),
                {
                    "by": group.grouping,
                    "group": group.group,
                    "patients": group.patients,
                    "controls": f"all {group.controls}" if group.of == "patients" else group.controls,
                },
            )
            for score in SCORES:
                row[f"{model}: {score.replace('roc_auc', 'AUC')}"] = estimate(group.scores[score]._asdict())
    return markdown_table(pd.DataFrame(list(rows.values())))


def within_conditions_table(models: Mapping[str, Sequence[Group]]) -> list[str]:
    """AUC of every model within thirds of the score by recording conditions, under a heading; nothing without it."""
    if not models:
        return []
    rows = [
        {"model": model, **{group.group: estimate(group.scores["roc_auc"]._asdict()) for group in found}}
        for model, found in models.items()
    ]
    return [
        "### Within thirds of the conditions score",
        "AUC per subject among people whose recordings were made alike. A model that only reads how a recording was "
        "made falls to 0.50 here.",
        markdown_table(pd.DataFrame(rows)),
    ]


def normal_speech_sentence(model: str, found: Numbers | None, points: Mapping[str, Numbers]) -> str:
    """Share of patients with normal speech that the model detects, and the specificity of the same threshold."""
    if found is None:
        return f"{model}: the release has no column that rates speech."
    if all(not np.isfinite(share.value) for share in found["found"].values()):
        few = "how many of them it detects is not shown, because they, or the other patients, are too few"
        return f"{model}: {found['patients']} patients have speech rated normal; {few}."
    shares = "; ".join(
        f"{with_interval(100 * share.value, 100 * share.low, 100 * share.high, '{:.0f} %'.format)}"
        f" at {name.replace('_', ' ')}, "
        f"with a specificity of {100 * points[name]['specificity']['value']:.0f} %"
        for name, share in found["found"].items()
    )
    rated = f"{found['patients']} patients whose speech is rated normal ({found['column']})"
    return f"{model}: of the {rated}, it detects {shares}."


def page(found: Appraisal, heading: str) -> str:
    """The whole page."""
    fair = found.appraiser.cross_fits
    models = list(found.people)
    blocks = [
        f"## {heading}",
        "" if fair else f"Every score here is biased: {NOT_CROSS_FITTED}.",
        "Per subject unless stated otherwise. Intervals: bootstrap over subjects; exact binomial for shares of "
        f"subjects. AUC: {'pairs within a fold' if fair else 'pairs of all folds'}. `–` means: not defined, or of "
        f"fewer than {FEWEST_SHOWN} people, or it would reveal the size of such a group.",
        "### Calibration",
        "True probabilities have slope 1 and intercept 0. By chance, even their ECE is above 0: its mean is in the "
        "column `ECE of true probabilities`. Platt and isotonic scaling learn on the subjects of the other folds.",
        calibration_table(found.calibration),
        "### Operating points",
        "Thresholds are chosen on the subjects of the other folds, and evaluated on the subjects of this fold. PPV and "
        "NPV come from the reached rates by Bayes' theorem, at each share of patients among the people tested; their "
        "intervals come from draws of Jeffreys' posteriors.",
        operating_table(found.operating_points),
        "### Comparisons",
        "First minus second, on the same people. Holm's method adjusts p over the pairs of one unit and score. Models "
        "with `all` clinical features read columns that a release may fill only for patients; these reveal the label.",
        found.earns_its_place,
        comparison_table(found.compared, found.appraiser.auc),
        "### By group",
        f"A subject is called a patient at a probability of {metrics.THRESHOLD:g} or more. If only patients have a "
        "value in a column, each group of them is compared with all controls.",
        group_table(found.groups),
        *within_conditions_table(found.within_conditions),
        "### Patients whose speech is rated normal",
        *(normal_speech_sentence(model, found.normal_speech[model], found.operating_points[model]) for model in models),
    ]
    return "\n\n".join(block.rstrip("\n") for block in blocks if block) + "\n"
