"""Probe: which AUC does each protocol reach with shuffled labels, and how does the AUC with true labels compare?"""

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
    """Run the quick classifier for each protocol, with observed labels and with labels shuffled between subjects.

    Parameters
    ----------
    features : DataFrame
        One row per recording, indexed by recording_id (see `label_probe.summary_of_images`).
    folds : mapping
        protocol -> table of `folds.assign`.
    within : mapping, optional
        recording_id -> task; features are standardised within a task.
    shuffles, draws, seed : int
        Number of label shuffles, number of bootstrap draws, random seed.

    Returns
    -------
    dict
        protocol -> LabelProbe with the AUC per recording.
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
    """One finding per protocol of `learn`: the AUC with shuffled labels, when there is nothing to learn.

    A fair split has an AUC of 0.5 on average. A split that tests people from the training set has more, because the
    classifier recognises the speaker and repeats the speaker's label. `value` is the mean over the shuffles, `low` and
    `high` are their 2.5th and 97.5th percentiles, `p` is the share of shuffles with an AUC of 0.5 or less. `details`
    holds the AUC with the true labels and its p-value among the shuffles.
    """
    found = []
    for protocol, real in probes.items():
        drawn = of_nothing(real.null)
        verdict = verdict_of(drawn["low"], drawn["p"])
        start = {
            "leak": "Although shuffled labels leave nothing to learn, the AUC of this split is",
            "suspect": "Although shuffled labels leave nothing to learn, the AUC is above 0.5 in nearly every shuffle:",
        }.get(verdict, "Shuffled labels leave nothing to learn, and the AUC of this split is as expected:")
        found.append(
            Finding(
                probe="label_shuffle",
                of=protocol,
                figure="AUC per recording, labels shuffled between subjects",
                verdict=verdict,
                sentence=f"{start} {in_words(drawn)}. With the true labels the quick classifier reaches {real.in_words}"
                " among the shuffles.",
                details={
                    "shuffles": len(real.null),
                    "share_over_half": float(np.mean(real.null > 0.5)),
                    "true_labels": real.numbers,
                },
                **drawn,
            )
        )
    return found


def of_nothing(aucs: np.ndarray) -> dict[str, float]:
    """value, low, high, p of the AUCs of many draws of labels, none of them true: see `findings`."""
    low, high = np.quantile(aucs, [0.025, 0.975])
    return {"value": float(aucs.mean()), "low": float(low), "high": float(high), "p": p_of_shuffles(-0.5, -aucs)}


def in_words(drawn: Mapping[str, float]) -> str:
    """Such as `0.77 on average (95 % of shuffles from 0.70 to 0.85)`. drawn: of `of_nothing`."""
    return f"{drawn['value']:.2f} on average (95 % of shuffles from {drawn['low']:.2f} to {drawn['high']:.2f})"
