"""What does each protocol score when there is nothing to learn, and where among that does a real score lie?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bulbar.audit.finding import Finding, p_of_shuffles, verdict_of
from bulbar.audit.label_probe import LabelProbe, probe_label
from bulbar.core.digests import seed_of


def learn(
    features: pd.DataFrame,
    folds: Mapping[str, pd.DataFrame],
    *,
    within: Mapping[str, str] | None = None,
    shuffles: int = 999,
    draws: int = 2000,
    seed: int = 0,
) -> dict[str, LabelProbe]:
    """Each protocol's quick classifier, AUC per recording: with the observed labels, and shuffled between subjects.

    features: a row per recording, indexed by recording_id (`label_probe.summary_of_images`). folds: protocol -> table
    of `folds.assign`. within: recording_id -> task.
    """
    return {
        protocol: probe_label(
            features.loc[table["recording_id"]],
            table,
            within=None if within is None else table["recording_id"].map(dict(within)),
            per="recording",
            shuffles=shuffles,
            draws=draws,
            seed=seed_of(seed, f"label_shuffle/{protocol}"),
        )
        for protocol, table in folds.items()
    }


def findings(probes: Mapping[str, LabelProbe]) -> list[Finding]:
    """A finding per protocol of `learn`: what it scores when there is nothing to learn.

    A split that is fair scores 0.5 on average. One that tests people it trained on scores more, because a label goes
    with its speaker. value: mean over the shuffles; low, high: their 2.5th and 97.5th percentile; p: how seldom a
    shuffle scores 0.5 or less. The score with the true labels, and its place among the shuffles, is in `details`.
    """
    found = []
    for protocol, real in probes.items():
        mean = float(real.null.mean())
        low, high = (float(edge) for edge in np.quantile(real.null, [0.025, 0.975]))
        p = p_of_shuffles(-0.5, -real.null)
        verdict = verdict_of(low, p)
        start = {
            "leak": "Without anything to learn, this split still scores",
            "suspect": "Without anything to learn, this split scores more than 0.5 in nearly every shuffle:",
        }.get(verdict, "Without anything to learn, this split scores as it should:")
        found.append(
            Finding(
                probe="label_shuffle",
                of=protocol,
                figure="AUC per recording, labels shuffled between subjects",
                value=mean,
                low=low,
                high=high,
                verdict=verdict,
                sentence=f"{start} {mean:.2f} on average (95 % of shuffles from {low:.2f} to {high:.2f})."
                f" With the true labels the quick classifier scores {real.in_words} among the shuffles.",
                p=p,
                details={
                    "shuffles": len(real.null),
                    "share_over_half": float(np.mean(real.null > 0.5)),
                    "true_labels": real.numbers,
                },
            )
        )
    return found
