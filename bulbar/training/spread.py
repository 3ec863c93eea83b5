"""How much a cell's score varies with the split and the start: the cell is fitted on several splits and starts.

A split is an assignment of subjects or recordings to folds. A start is a seed of the initial weights, of dropout and of
the order of batches. Every start is run on every split. Split 1 and start 1 are those of the sweep.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bulbar.cohort import folds
from bulbar.core.digests import seed_of
from bulbar.core.names import Cell, Protocol
from bulbar.core.settings import Count, Strict
from bulbar.scoring import metrics
from bulbar.training import als
from bulbar.training.als import ProtocolData
from bulbar.training.fits import Fit


class Settings(Strict):
    """The `spread` block of params.yaml: the number of splits and starts, those of the sweep included."""

    repeats: Count = 1
    seeds: Count = 1


SCORES = ("accuracy", "roc_auc", "roc_auc_pooled")
UNITS = ("per_recording", "per_subject")
BIASED = (
    "The split is by recording, so each of these scores is biased upwards: the speakers are in the training set, and"
    " the test fold was used for early stopping."
)
OPTIMISTIC = (
    "The cell was selected on these subjects, so its scores are optimistic; what matters here is how they vary."
)


def on_split(data: ProtocolData, repeat: int, settings: folds.Settings) -> ProtocolData:
    """The same recordings with other folds, assigned by the rule of the protocol. Repeat 1 is the original split."""
    if repeat == 1:
        return data
    draw = seed_of(data.study.seed, f"spread/repeat_{repeat}")
    return replace(data, table=folds.assign(data.table, data.protocol, settings, draw))


def fits_from(data: ProtocolData, cell: Cell, start: int) -> list[Fit]:
    """The fits of one cell on every fold of a split, from start 1, 2, ...; the fits of start 1 are those of the sweep.

    A start has the same random draws on every split, so that only the split differs between splits.
    """
    own = [als.audio_fit(data, cell, fold) for fold in data.folds]
    return own if start == 1 else [replace(fit, name=f"{fit.name}/seed_{start}") for fit in own]


def scores(predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """Accuracy and AUC of every split and start, per recording and per subject.

    `predictions` has the out-of-fold tables (recording_id, subject_id, fold, label, probability) with repeat and seed.
    """
    rows = []
    for repeat, seed in sorted(set(zip(predictions["repeat"], predictions["seed"], strict=True))):
        both = metrics.both_ways(predictions[(predictions["repeat"] == repeat) & (predictions["seed"] == seed)])
        units = {unit: {name: both[unit][name] for name in SCORES} for unit in UNITS}
        rows.append({"repeat": int(repeat), "seed": int(seed), **units})
    return rows


def summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Mean and spread of each score.

    Parameters
    ----------
    rows : list of dict
        Result of `scores`.

    Returns
    -------
    dict
        unit -> score -> mean, sd_over_splits (of the mean scores of the splits) and sd_over_seeds (of the starts within
        a split, pooled over the splits). Standard deviations use n − 1; NaN with only one split or start.
    """
    spread: dict[str, dict[str, dict[str, float]]] = {}
    for unit in UNITS:
        spread[unit] = {}
        for name in SCORES:
            table = pd.DataFrame(
                {"repeat": row["repeat"], "seed": row["seed"], "value": row[unit][name]} for row in rows
            ).pivot_table(index="repeat", columns="seed", values="value", dropna=False)
            spread[unit][name] = {
                "mean": float(table.to_numpy().mean()),
                "sd_over_splits": float(table.mean(axis="columns").std(ddof=1)),
                "sd_over_seeds": float(np.sqrt(table.var(axis="columns", ddof=1).mean())),
            }
    return spread


def sentence(protocol: Protocol, cell: Cell, rows: list[dict[str, Any]]) -> str:
    """The spread in words."""
    repeats, seeds = len({row["repeat"] for row in rows}), len({row["seed"] for row in rows})
    unit = "recording" if protocol == "record_wise" else "subject"
    of_unit = summary(rows)[f"per_{unit}"]
    text = (
        f"{cell.architecture} at dropout {cell.dropout_rate} on {_counted(repeats, 'split')} from"
        f" {_counted(seeds, 'start')}: per {unit}, accuracy {_in_words(of_unit['accuracy'])},"
        f" AUC {_in_words(of_unit['roc_auc'])}."
    )
    single = [name for name, n in (("spread.repeats", repeats), ("spread.seeds", seeds)) if n == 1]
    if single:
        text += f" To measure the other part of the spread, raise {' and '.join(single)}."
    return f"{text} {BIASED if protocol == 'record_wise' else OPTIMISTIC}"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _in_words(score: Mapping[str, float]) -> str:
    if not np.isfinite(score["mean"]):
        return "not defined"
    around = [
        f"{score[name]:.3f} between {between}"
        for name, between in (("sd_over_splits", "splits"), ("sd_over_seeds", "starts of one split"))
        if np.isfinite(score[name])
    ]
    return f"{score['mean']:.3f}" + (f" (sd {', '.join(around)})" if around else "")
