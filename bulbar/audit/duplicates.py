"""The same audio under several names: whether its names contradict each other, and whether a split parts it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bulbar.audit.finding import Finding, Verdict
from bulbar.core.disclosure import shown

PAIRS = "data/conditions/duplicates.csv"

SPANS = {"subjects": "subject_id", "labels": "label", "tasks": "task"}
"""What names of the same audio can contradict each other in, and where it stands."""

CONTRADICTIONS = {
    "subjects": "under two subjects",
    "labels": "under both labels, one of which is wrong",
    "tasks": "under two tasks",
}


def probe(duplicates: pd.DataFrame, recordings: pd.DataFrame, folds: Mapping[str, pd.DataFrame]) -> list[Finding]:
    """One finding: how many sets of recordings are the same or nearly the same, and what they contradict.

    duplicates: first, second (recording ids) and kind (`exact` or `near`) of each pair; recordings that pairs link are
    one set. recordings: recording_id, subject_id, task, label (NaN: not known) of all that were compared. folds:
    protocol -> recording_id and fold of each recording. A set in two folds is tested in one of them by a network that
    was trained on, or stopped by, the rest of it; a recording without a fold is on no side.
    leak: a set spans two subjects, two labels or two folds of a protocol. suspect: sets, but none of these. A count
    and no estimate: it has no interval. Counts are as `disclosure.shown` prints them, for few sets may be few people's;
    the value is NaN where it is not shown.
    """
    set_of = sets(duplicates)
    number = int(set_of.nunique())

    def spanning(value_of: pd.Series) -> int:
        """How many sets have more than one value, those that are not known left out."""
        values = value_of.reindex(set_of.index).groupby(set_of.to_numpy()).nunique()
        return int(values.gt(1).sum())

    by_recording = recordings.set_index("recording_id")
    spans = {name: spanning(by_recording[column]) for name, column in SPANS.items()}
    split = {protocol: spanning(table.set_index("recording_id")["fold"]) for protocol, table in folds.items()}
    pairs = duplicates.loc[duplicates["kind"] == "exact", "first"].map(set_of).value_counts()
    size = set_of.value_counts()
    exact = int((pairs == (size * (size - 1) // 2).reindex(pairs.index)).sum())  # all pairs of the set are exact ones
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
    """The number of its set, by recording_id, of every recording that a pair names.

    pairs: first, second. Recordings are in one set where pairs lead from one to the other.
    """
    places, names = pd.factorize(pd.concat([pairs["first"], pairs["second"]], ignore_index=True))
    first, second = places[: len(pairs)], places[len(pairs) :]
    linked = coo_array((np.ones(len(pairs)), (first, second)), shape=(len(names), len(names)))
    return pd.Series(connected_components(linked, directed=False)[1], index=names, dtype=int)


def _shown(count: int, out_of: int | None = None) -> int | str:
    """As `disclosure.shown`, and 0 where there is none."""
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
    meaning = "; ".join(by_span) or "none under two subjects or on both sides of a split, so voices only count twice"
    return (
        f"The same audio under several names: {_shown(number)} sets among {recordings:,} recordings"
        f" ({', '.join(by_kind)}). Of these sets {meaning}. {PAIRS} names them."
    )
