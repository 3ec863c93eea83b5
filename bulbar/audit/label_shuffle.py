"""Probes of random labels: which AUC does each protocol reach if there is nothing to learn?

`label_shuffle` shuffles the labels between all subjects, and compares the AUC with the true labels. Shuffled labels
still agree with the disease by chance. `pseudo_labels` draws labels among patients only, or among controls only: what a
score has above 0.5 there is speaker identity.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bulbar.audit.finding import SUSPECT_P, Finding, Verdict, p_of_shuffles, verdict_of
from bulbar.audit.label_probe import LabelProbe, out_of_fold, probe_label, shuffled_labels
from bulbar.core import disclosure
from bulbar.core.digests import seed_of
from bulbar.scoring import metrics

FEWEST_PEOPLE = 10
"""People of a class below which nothing is drawn."""

FEWEST_OF_FOLD = 2
"""People of a class that a fold needs: one of each label."""

CLASSES: Mapping[int, str] = {1: "patients", 0: "controls"}
FIGURE = "AUC per recording, random labels within a class"


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


def within_classes(
    features: pd.DataFrame,
    folds: Mapping[str, pd.DataFrame],
    *,
    patients: int = 1,
    within: Mapping[str, str] | None = None,
    shuffles: int = 999,
    seed: int = 0,
) -> list[Finding]:
    """A finding for each protocol and class: the quick classifier's score on random labels.

    Parameters
    ----------
    features : DataFrame
        One row per recording, indexed by recording_id (`label_probe.summary_of_images`).
    folds : mapping of str to DataFrame
        Protocol -> table of `folds.assign`.
    patients : int
        The label of a patient, 1 or 0.
    within : mapping of str to str
        recording_id -> task, within which features are standardised.
    shuffles : int
        Draws of the labels: half of the class's subjects get 1, the others 0.
    seed : int
        Of the draws.

    Returns
    -------
    list of Finding
        value: mean AUC over the draws; low, high: their 2.5th and 97.5th percentile; p: how seldom a draw scores 0.5 or
        less. leak: the percentiles lie above 0.5. A class with fewer than 10 people, or than two for each fold, is
        not testable.
    """
    found = []
    for protocol, table in folds.items():
        for label, words in CLASSES.items():
            rows = table[table["label"] == (label if patients == 1 else 1 - label)].reset_index(drop=True)
            people, needed = rows["subject_id"].nunique(), max(FEWEST_PEOPLE, FEWEST_OF_FOLD * table["fold"].nunique())
            if people < needed:
                found.append(_not_testable(protocol, words, people, needed))
                continue
            groups = None if within is None else rows["recording_id"].map(dict(within))
            draw = seed_of(seed, f"pseudo_labels/{protocol}/{words}")
            aucs = score_draws(features.loc[rows["recording_id"]], rows, within=groups, shuffles=shuffles, seed=draw)
            found.append(_pseudo_finding(protocol, words, aucs, people))
    return found


def score_draws(
    features: pd.DataFrame, table: pd.DataFrame, *, within: pd.Series | None, shuffles: int, seed: int
) -> np.ndarray:
    """The quick classifier's AUC per recording on each draw of the labels, shape (shuffles,).

    table: recording_id, subject_id, fold of one class, in the order of `features`. within: group of each row.
    """
    subject_of, subjects = pd.factorize(table["subject_id"], sort=True)
    labels = draw_labels(len(subjects), shuffles=shuffles, seed=seed)[subject_of]
    groups = np.zeros(len(table)) if within is None else pd.factorize(within)[0]
    frame = features.reset_index(drop=True).rename(columns=str)
    scores = out_of_fold(frame, labels, table["fold"].to_numpy(), groups).round(9)
    return np.nan_to_num(metrics.roc_auc_within_folds(labels, scores, table["fold"]), nan=0.5)


def draw_labels(people: int, *, shuffles: int, seed: int) -> np.ndarray:
    """Random labels, 0 or 1, of half of the people each, shape (people, shuffles)."""
    half = pd.DataFrame({"label": np.arange(people) % 2, "fold": 0})
    return shuffled_labels(half, within_folds=False, shuffles=shuffles, seed=seed)[:, 1:]


def _pseudo_finding(protocol: str, words: str, aucs: np.ndarray, people: int) -> Finding:
    drawn = of_nothing(aucs)
    verdict: Verdict = "leak" if drawn["low"] > 0.5 else "suspect" if drawn["p"] < SUSPECT_P else "clear"
    says = {
        "leak": "speaker identity alone scores",
        "suspect": "speaker identity may explain a score of",
    }.get(verdict, "nothing is learned from speaker identity:")
    return Finding(
        probe="pseudo_labels",
        of=f"{protocol}, {words}",
        figure=FIGURE,
        verdict=verdict,
        sentence=f"On random labels among {words} {says} {in_words(drawn)}.",
        details={"shuffles": len(aucs), "people": people, "share_over_half": float(np.mean(aucs > 0.5))},
        **drawn,
    )


def _not_testable(protocol: str, words: str, people: int, needed: int) -> Finding:
    sentence = f"Not testable: random labels among {words} need {needed} people, there are {disclosure.shown(people)}."
    return Finding("pseudo_labels", f"{protocol}, {words}", FIGURE, np.nan, "not testable", sentence)
