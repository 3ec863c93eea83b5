"""Probe: the same audio under several names. Do the names contradict each other, and are they in different folds?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bulbar.audit.finding import Finding, Verdict
from bulbar.core.disclosure import shown

PAIRS = "data/conditions/duplicates.csv"

SPANS = {"subjects": "subject_id", "labels": "label", "tasks": "task"}
"""What the names of the same audio can contradict each other in -> column of the recordings table."""

CONTRADICTIONS = {
    "subjects": "under two subjects",
    "labels": "under both labels, one of which is wrong",
    "tasks": "under two tasks",
}


def probe(duplicates: pd.DataFrame, recordings: pd.DataFrame, folds: Mapping[str, pd.DataFrame]) -> list[Finding]:
    """Count the sets of recordings with the same or nearly the same audio, and their contradictions.

    Parameters
    ----------
    duplicates : DataFrame
        Pairs: first, second (recording ids) and kind (`exact` or `near`). Linked recordings form one set.
    recordings : DataFrame
        recording_id, subject_id, task and label (NaN: unknown) of all recordings that were compared.
    folds : mapping
        protocol -> table with recording_id and fold. Recordings without a fold are ignored.

    Returns
    -------
    list of Finding
        One finding. `leak`: a set spans two subjects, two labels or two folds of a protocol; in the last case a network
        is tested on audio that it was trained on or that stopped its training. `suspect`: there are sets, but none of
        these. The value is a count, so it has no interval. Small counts are hidden by `disclosure.shown`, because few
        sets may belong to few people; a hidden value is NaN.
    """
    set_of = sets(duplicates)
    number = int(set_of.nunique())

    def spanning(value_of: pd.Series) -> int:
        """The number of sets with more than one known value."""
        values = value_of.reindex(set_of.index).groupby(set_of.to_numpy()).nunique()
        return int(values.gt(1).sum())

    by_recording = recordings.set_index("recording_id")
    spans = {name: spanning(by_recording[column]) for name, column in SPANS.items()}
    split = {protocol: spanning(table.set_index("recording_id")["fold"]) for protocol, table in folds.items()}
    pairs = duplicates.loc[duplicates["kind"] == "exact", "first"].map(set_of).value_counts()
    size = set_of.value_counts()
    exact = int((pairs == (size * (size - 1) // 2).reindex(pairs.index)).sum())  # sets in which every pair is exact
    leaks = any([spans["subjects"], spans["labels"], *split.values()])
    verdict: Verdict = "leak" if leaks else "suspect" if number else "clear"
    counts = {"exact": exact, "near": number - exact} | {f"across_{name}": count for name, count in spans.items()}
    return [
        Finding(
            probe="duplicates",
            of="released recordings",
            figure="sets of recordings with the same audio",
            value=number if isinstance(_shown(number), int) else np.nan,
            verdict=verdict,
            sentence=_sentence(len(recordings), number, exact, spans, split),
            details={
                "recordings": len(recordings),
                "sets": _shown(number),
                **{name: _shown(count, number) for name, count in counts.items()},
                "across_training_and_test": {protocol: _shown(count, number) for protocol, count in split.items()},
            },
        )
    ]


def sets(pairs: pd.DataFrame) -> pd.Series:
    """Number the sets of linked recordings: a Series with the set number of each recording_id that is in a pair.

    `pairs` has the columns first and second. The sets are the connected components of the pairs.

    Examples
    --------
    >>> sets(pd.DataFrame({"first": ["a", "b", "x"], "second": ["b", "c", "y"]})).to_dict()
    {'a': 0, 'b': 0, 'x': 1, 'c': 0, 'y': 1}
    """
    places, names = pd.factorize(pd.concat([pairs["first"], pairs["second"]], ignore_index=True))
    first, second = places[: len(pairs)], places[len(pairs) :]
    linked = coo_array((np.ones(len(pairs)), (first, second)), shape=(len(names), len(names)))
    return pd.Series(connected_components(linked, directed=False)[1], index=names, dtype=int)


def _shown(count: int, out_of: int | None = None) -> int | str:
    """Like `disclosure.shown`, but 0 stays 0."""
    return count and shown(count, out_of)


def _sentence(recordings: int, number: int, exact: int, spans: Mapping[str, int], split: Mapping[str, int]) -> str:
    if not number:
        return (
            f"None of the {recordings * (recordings - 1) // 2:,} pairs of recordings is the same audio twice, not even"
            " after a change of level, trimming, resampling or lossy coding."
        )
    kinds = {"exactly": exact, "nearly": number - exact}
    over = {CONTRADICTIONS[what]: count for what, count in spans.items()}
    over |= {f"on both sides of the split {protocol}": count for protocol, count in split.items()}
    by_kind, by_span = (
        [f"{_shown(count, number)} {how}" for how, count in counts.items() if count] for counts in (kinds, over)
    )
    meaning = "; ".join(by_span) or "none under two subjects or on both sides of a split: some voices only count twice"
    return (
        f"The same audio under several names: {_shown(number)} sets among {recordings:,} recordings"
        f" ({', '.join(by_kind)}). Of these sets {meaning}. {PAIRS} names them."
    )
