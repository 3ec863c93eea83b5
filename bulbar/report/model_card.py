"""The model card of the deployed models as one Markdown page, from the run's own metrics.

Laid out after Mitchell et al., Model Cards for Model Reporting, FAT* 2019.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bulbar.core.markdown import with_interval
from bulbar.deployment.deployed import DEPLOYED_MODELS
from bulbar.deployment.training_range import CONDITIONS, INNER, listed, measure_of
from bulbar.report.rendering import environment

Metrics = Mapping[str, Any]


@dataclass(frozen=True)
class ModelCardInputs:
    """The metrics that the card quotes. common: the clinical columns that `fused_common` sees."""

    cohort: str
    common: list[str]
    ingest: Metrics
    deployed: Metrics
    fusion: Metrics
    appraise: Metrics
    audit: Metrics


def markdown(run: ModelCardInputs) -> str:
    """The model card."""
    ranges = run.deployed["training_data"]
    conditions = [(CONDITIONS[name], ends) for name, ends in ranges["conditions"].items()]
    numeric = [(measure_of(name), ends) for name, ends in ranges["numeric"].items()]
    quoted = {"listed": listed, "estimate": estimate, "score": score}
    card = environment(html=False).get_template("model_card.md")
    return card.render(vars(run), models=DEPLOYED_MODELS, inner=INNER, ranges=[*conditions, *numeric], **quoted)


def estimate(of: Mapping[str, float | None]) -> str:
    """A score with its interval (value, low, high), such as `0.712 (0.612 to 0.812)`; – where it is not defined."""
    return with_interval(of["value"], of["low"], of["high"], "{:.3f}".format)


def score(scores: Metrics, name: str) -> str:
    """The same of a score whose interval stands beside it under `intervals`."""
    low, high = scores["intervals"][name]
    return estimate({"value": scores[name], "low": low, "high": high})
