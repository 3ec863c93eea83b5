"""Compare pairs of models on the same subjects, and conclude whether the network beats the baselines.

`intervals.compare` compares one pair. This module has the pairs, the correction for multiple comparisons, and the
conclusion in words.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from bulbar.core.markdown import with_interval
from bulbar.scoring import intervals, metrics

Baseline = Literal["majority", "age_sex", "voice_linear", "voice_forest"]
"""Baselines that are fitted on single recordings."""

BASELINES: tuple[str, ...] = (*get_args(Baseline), "conditions", "f0_spread_rank")
"""All baselines: `conditions` and `f0_spread_rank` are of people, fitted beside the voice model."""

NETWORK, VOICE, VOICE_AND_NETWORK = "audio", "voice", "voice_audio"


class Pair(NamedTuple):
    """Two models. Their difference is the first one's score minus the second's."""

    first: str
    second: str

    def __str__(self) -> str:
        return f"{self.first} vs {self.second}"


PAIRS = (
    *(Pair(VOICE, baseline) for baseline in BASELINES),
    Pair(VOICE, NETWORK),
    Pair(VOICE_AND_NETWORK, VOICE),
    *(Pair(NETWORK, baseline) for baseline in BASELINES),
    Pair("fused_common", NETWORK),
    Pair("fused_common", "clinical_common"),
    Pair("fused_all", "clinical_all"),
    Pair("fused_all", NETWORK),
    Pair(NETWORK, "published audio"),
)


def holm(p: npt.ArrayLike) -> np.ndarray:
    """Adjust p values for multiple comparisons, by Holm's method.

    Parameters
    ----------
    p : array, shape (n,), float in [0, 1]
        NaN is not counted.

    Returns
    -------
    array, shape (n,)
        Adjusted p values, in the same order; NaN stays NaN.

    Notes
    -----
    Holm, Scandinavian Journal of Statistics 6, 1979.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    raw = np.asarray(p, dtype=float)
    adjusted = np.full(len(raw), np.nan)
    order = np.argsort(raw)[: int(np.isfinite(raw).sum())]
    adjusted[order] = np.minimum(1, np.maximum.accumulate(raw[order] * np.arange(len(order), 0, -1)))
    return adjusted


def compare_all(
    models: Mapping[str, pd.DataFrame],
    *,
    pairs: Sequence[Pair] = PAIRS,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare pairs of models, per subject and per recording.

    Parameters
    ----------
    models : mapping of str to DataFrame
        Model -> out-of-fold table. All tables have the same recordings.
    pairs : sequence of Pair
        Pairs with a model that is not in `models` are skipped.
    draws, seed : int
        Number of bootstrap draws, and their seed.
    level : float in (0, 1)
        Level of the intervals.

    Returns
    -------
    DataFrame
        unit (`subject` or `recording`), first, second, score, difference, low, high, p, p_holm; one row per unit, pair
        and score. Holm's method adjusts over the pairs of one unit and score.
    """
    per_unit = {"subject": {name: metrics.per_subject(table) for name, table in models.items()}, "recording": models}
    rows = [
        (unit, *pair, score, found.value, found.low, found.high, found.p)
        for unit, tables in per_unit.items()
        for pair in pairs
        if pair.first in tables and pair.second in tables
        for score, found in intervals.compare(
            tables[pair.first], tables[pair.second], draws=draws, level=level, seed=seed
        ).items()
    ]
    table = pd.DataFrame(rows, columns=["unit", "first", "second", "score", "difference", "low", "high", "p"])
    table["p_holm"] = table.groupby(["unit", "score"])["p"].transform(lambda family: holm(family))
    return table


IN_WORDS = {VOICE: "The voice model", NETWORK: "The network"}


def earns_its_place(compared: pd.DataFrame, score: str = "roc_auc", model: str = NETWORK) -> str:
    """One sentence: does a model beat the baselines?

    Parameters
    ----------
    compared : DataFrame
        From `compare_all`.
    score : str
        The AUC to use, per subject: `roc_auc` or `roc_auc_pooled`.
    model : str
        A key of `IN_WORDS`.

    Returns
    -------
    str
        A model beats a baseline only if the whole interval of the AUC difference lies above 0.
    """
    subject = IN_WORDS[model]
    here = compared[
        (compared["unit"] == "subject")
        & (compared["score"] == score)
        & (compared["first"] == model)
        & compared["second"].isin(BASELINES)
    ]
    if here.empty:
        return f"No baseline was run: whether {subject.lower()} beats the baselines is unknown."
    against = {
        str(row["second"]): "{second}, AUC {}".format(
            with_interval(row["difference"], row["low"], row["high"], "{:+.2f}".format), second=row["second"]
        )
        for row in here.to_dict("records")
    }
    beaten = [str(name) for name in here.loc[here["low"] > 0, "second"]]
    level = [name for name in against if name not in beaten]
    above, others = ("; ".join(against[name] for name in names) for names in (beaten, level))
    if not level:
        return f"{subject} beats all baselines: {above}."
    does = f"beats {above}, but not" if beaten else "does not beat"
    return f"{subject} {does} {others}."
