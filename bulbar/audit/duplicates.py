"""The same audio under two names, and whether it lies on both sides of a split."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bulbar.audit.finding import Finding, Verdict

PAIRS = "data/conditions/duplicates.csv"


def probe(duplicates: pd.DataFrame, recordings: pd.DataFrame, folds: Mapping[str, pd.DataFrame]) -> list[Finding]:
    """One finding: how many pairs of recordings are the same or nearly the same, and what they can give away.

    duplicates: first, second (recording ids) and kind (`exact` or `near`) of each pair. recordings: recording_id,
    subject_id, label (NaN: not known) of all that were compared. folds: protocol -> recording_id and fold of each
    recording. A pair in two folds is tested in one of them by a network that was trained on, or stopped by, its other
    half; where a recording has no fold the pair is on no side.
    leak: a pair spans two subjects, two labels or two folds of a protocol. suspect: pairs, but none of these. A count
    and no estimate: it has no interval.
    """
    by_recording = recordings.set_index("recording_id")

    def differ(values: pd.Series) -> int:
        first, second = (values.reindex(duplicates[side]).to_numpy() for side in ("first", "second"))
        known = pd.notna(first) & pd.notna(second)
        return int(np.sum(known & (first != second)))

    split = {protocol: differ(table.set_index("recording_id")["fold"]) for protocol, table in folds.items()}
    counts = {kind: int((duplicates["kind"] == kind).sum()) for kind in ("exact", "near")}
    spans = {"subjects": differ(by_recording["subject_id"]), "labels": differ(by_recording["label"])}
    leaks = any([*spans.values(), *split.values()])
    verdict: Verdict = "leak" if leaks else "suspect" if len(duplicates) else "clear"
    return [
        Finding(
            probe="duplicates",
            of="released recordings",
            figure="pairs of the same audio",
            value=len(duplicates),
            low=np.nan,
            high=np.nan,
            verdict=verdict,
            sentence=_sentence(len(recordings), counts, spans, split),
            details={
                "recordings": len(recordings),
                **counts,
                "across_subjects": spans["subjects"],
                "across_labels": spans["labels"],
                "across_training_and_test": split,
            },
        )
    ]


def _sentence(recordings: int, counts: Mapping[str, int], spans: Mapping[str, int], split: Mapping[str, int]) -> str:
    pairs = recordings * (recordings - 1) // 2
    if not sum(counts.values()):
        return (
            f"None of the {pairs:,} pairs of recordings is the same audio twice, not even after a change of level, "
            "trimming, resampling or lossy coding."
        )
    found = f"The same audio under two names, of {pairs:,} pairs: {counts['exact']} exactly, {counts['near']} nearly"
    over = [f"{count} across {what}" for what, count in spans.items() if count]
    over += [f"{count} in training and test at once under {protocol}" for protocol, count in split.items() if count]
    meaning = ", ".join(over) or "none across subjects or across the sides of a split, so voices only count twice"
    return f"{found}; {meaning}. {PAIRS} names them."
