"""Can the label be told from how, how long or how loud people were recorded, or from who they are?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bulbar.audit.finding import Finding
from bulbar.audit.matching import Matched, match, score_within
from bulbar.audit.telling import Meaning, Told, told_apart
from bulbar.disclosure import withheld
from bulbar.seeds import seed_of

CONDITIONS: Mapping[str, tuple[Meaning, tuple[str, ...]]] = {
    "sampling rate": ("leak", ("sample_rate_hz",)),
    "format": ("leak", ("format", "channels")),
    "bandwidth": ("leak", ("bandwidth_hz",)),
    "clipping": ("leak", ("clipped_share",)),
    "DC offset": ("leak", ("dc_offset",)),
    "noise": ("leak", ("noise_dbfs", "noise_centroid_hz", "digital_silence_share")),
    "duration": ("sign", ("duration_s",)),
    "level": ("sign", ("level_dbfs",)),
    "pauses": ("sign", ("pause_share",)),
    "age": ("confounder", ("age_years",)),
    "sex": ("confounder", ("sex",)),
}
"""What is looked at, what it means where it tells the label, and its columns.

A disease chooses neither microphone nor room: those are leaks. It may shorten, soften or interrupt a voice: those are
signs. Age and sex are neither.
"""

TOGETHER: Mapping[str, tuple[str, ...]] = {
    "all possible leaks": tuple(name for name, (meaning, _) in CONDITIONS.items() if meaning == "leak"),
    "age and sex": ("age", "sex"),
}
"""Conditions that are asked together as well."""

UNMEASURED_FROM = 0.05
"""Share of the recordings without a value from which the sentence says so."""


def probe(
    conditions: pd.DataFrame,
    subjects: pd.DataFrame,
    folds: pd.DataFrame,
    predictions: pd.DataFrame,
    *,
    shuffles: int = 999,
    draws: int = 2000,
    seed: int = 0,
) -> list[Finding]:
    """A finding for each of `CONDITIONS` and of `TOGETHER`.

    conditions: recording_id, task and the columns of `CONDITIONS`, of the files as released. subjects: subject_id, sex,
    age_years. folds: of `folds.assign`, subject_wise. predictions: the audio model's out-of-fold table, subject_wise:
    where a sign or a confounder tells the label, the sentence says what that model scores among patients and
    controls who are alike in it. A condition that no recording has a value of is left out; so is sex where a class has
    fewer than 5 of one, for its AUC tells how many, and then no difference is told where people are matched on it.
    """
    table = folds[["recording_id", "subject_id", "label", "fold"]].merge(
        conditions.drop(columns=["subject_id"], errors="ignore"), on="recording_id", validate="one_to_one"
    )
    table = table.merge(subjects[["subject_id", "sex", "age_years"]], on="subject_id", validate="many_to_one")
    asked = {name: (meaning, columns) for name, (meaning, columns) in CONDITIONS.items()}
    for name, parts in TOGETHER.items():
        columns = tuple(column for part in parts for column in CONDITIONS[part][1])
        asked[name] = (CONDITIONS[parts[0]][0], columns)
    few = _few_of_a_sex(table)
    findings = []
    for name, (meaning, columns) in asked.items():
        if few and columns == ("sex",):
            continue
        held = [column for column in columns if column in table]
        filled = [column for column in held if table[column].notna().any()]
        if not filled:
            continue
        draw = seed_of(seed, f"recording_conditions/{name}")
        told = told_apart(table[filled], table, within=table["task"], shuffles=shuffles, draws=draws, seed=draw)
        found = _finding(name, meaning, told, table[["subject_id", "label", *held]], predictions, draws, draw)
        if few and "sex" in columns and "matched" in found.details:
            found.details["matched"].update(largest_difference_before=np.nan, largest_difference_after=np.nan)
        findings.append(found)
    return findings


def _few_of_a_sex(table: pd.DataFrame) -> bool:
    """May the number of people of one sex in a class not be told?"""
    people = table.drop_duplicates("subject_id")
    counted = (of_class["sex"].value_counts() for _, of_class in people.groupby("label"))
    totals = people["label"].value_counts(sort=False).sort_index()
    return any(any(withheld(counts.tolist(), total)) for counts, total in zip(counted, totals, strict=True))


def _finding(
    name: str,
    meaning: Meaning,
    told: Told,
    table: pd.DataFrame,
    predictions: pd.DataFrame,
    draws: int,
    seed: int,
) -> Finding:
    columns = [str(column) for column in table if column not in ("subject_id", "label") and table[column].notna().any()]
    shares = {str(column): float(table[column].isna().mean()) for column in table}
    unmeasured = {column: share for column, share in shares.items() if share >= UNMEASURED_FROM}
    verdict = told.verdict(meaning)
    are = {"clear": "are not", "suspect": "may be"}.get(verdict, "are")
    sentence = f"Patients and controls {are} told apart by {name} alone: {told.in_words}."
    if unmeasured:
        missing = ", ".join(f"{column} in {100 * share:.0f} %" for column, share in unmeasured.items())
        sentence += f" Not measurable: {missing} of the recordings."
    details: dict[str, Any] = {"columns": columns, "not_measured_in": unmeasured}
    if meaning != "leak" and verdict != "clear":
        matched = match(per_subject(table, columns), table.groupby("subject_id")["label"].first())
        details["matched"] = score_within(predictions, matched, draws=draws, seed=seed_of(seed, "matched"))
        sentence += f" {_matched_in_words(name, matched, details['matched'])}"
    return told.finding("recording_conditions", name, sentence, meaning=meaning, details=details)


def per_subject(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """One row per subject, indexed by subject_id: the mean of a number over its recordings, a category's mode."""
    grouped = table.groupby("subject_id")
    return pd.DataFrame(
        {
            name: grouped[name].mean()
            if pd.api.types.is_numeric_dtype(table[name])
            else grouped[name].agg(lambda values: values.mode().iloc[0] if values.notna().any() else np.nan)
            for name in columns
        }
    )


def _matched_in_words(name: str, matched: Matched, scores: Mapping[str, Any]) -> str:
    if not np.isfinite(scores["roc_auc"]):
        return f"Patients and controls matched on {name} are too few to say what the audio model scores among them."
    return (
        f"Among {len(matched.pairs)} pairs matched on {name} the audio model's AUC is {scores['roc_auc']:.2f}"
        f" ({scores['low']:.2f} to {scores['high']:.2f}); among all it is {scores['roc_auc_all']:.2f}."
    )
