"""The model card of the deployed models as one Markdown page, from the metrics of the run.

Its layout follows Mitchell et al., Model Cards for Model Reporting, FAT* 2019.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from bulbar.appraisal.page import estimate
from bulbar.deployment.deployed import DEPLOYED_MODELS, NETWORKS
from bulbar.deployment.training_range import CONDITIONS, INNER, listed, measure_of
from bulbar.deployment.voice_models import VOICE_MODELS
from bulbar.report.rendering import environment

Metrics = Mapping[str, Any]


@dataclass(frozen=True)
class ModelCardInputs:
    """The metrics that the card quotes. common: the clinical columns that `fused_common` reads."""

    cohort: str
    common: list[str]
    ingest: Metrics
    deployed: Metrics
    voice: Metrics
    baselines: Metrics
    fusion: Metrics
    appraise: Metrics
    audit: Metrics


def markdown(run: ModelCardInputs) -> str:
    """Render the model card.

    Parameters
    ----------
    run : ModelCardInputs
        Metrics of the run.

    Returns
    -------
    str
        Markdown.
    """
    ranges = run.deployed["training_data"]
    conditions = [(CONDITIONS[name], ends) for name, ends in ranges["conditions"].items()]
    numeric = [(measure_of(name), ends) for name, ends in ranges["numeric"].items()]
    quoted = {"listed": listed, "estimate": partial(estimate, digits=3), "score": score, "auc_in_words": auc_in_words}
    members = [name for name in run.voice["models"] if name.startswith("voice_") and name not in VOICE_MODELS]
    scores = {
        **{name: run.voice["models"][name] for name in VOICE_MODELS},
        **{name: run.voice["models"][name] for name in members},
        **{name: run.fusion["selected"][name] for name in NETWORKS},
        "conditions": run.voice["models"]["conditions"],
        "age_sex": run.baselines["age_sex"],
    }
    card = environment(html=False).get_template("model_card.md")
    return card.render(
        vars(run),
        members=members,
        models=DEPLOYED_MODELS,
        all_scores=scores,
        inner=INNER,
        ranges=[*conditions, *numeric],
        **quoted,
    )


def auc_in_words(auc: Metrics | float | None) -> str:
    """An AUC, with its interval if there is one."""
    if isinstance(auc, Mapping):
        return estimate(auc, 3)
    return "–" if auc is None else f"{auc:.3f}"


def score(scores: Metrics, name: str) -> str:
    """A score with its interval from `intervals`, as `0.712 (0.612 to 0.812)`."""
    low, high = scores["intervals"][name]
    return estimate({"value": scores[name], "low": low, "high": high}, 3)
