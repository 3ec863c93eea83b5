"""Does how, how long or how loud people were recorded, or who they are, predict the label?

And what a model scores on patients and controls matched one to one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from bulbar.audit.finding import Finding, Meaning
from bulbar.audit.label_probe import LabelProbe, probe_label, typed_and_encoder
from bulbar.core import disclosure
from bulbar.core.digests import seed_of
from bulbar.core.disclosure import withheld
from bulbar.core.markdown import with_interval
from bulbar.scoring import intervals, metrics

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
"""What is looked at, what it means where it predicts the label, and its columns.

A disease chooses neither microphone nor room: those are leaks. It may shorten, soften or interrupt a voice: those are
signs. Age and sex are neither.
"""

TOGETHER: Mapping[str, tuple[str, ...]] = {
    "all possible leaks": tuple(name for name, (meaning, _) in CONDITIONS.items() if meaning == "leak"),
    "age and sex": ("age", "sex"),
}
"""Conditions that are probed together as well."""

UNMEASURED_FROM = 0.05
"""Share of the recordings without a value from which the sentence reports it."""

CALIPER_SD = 0.2
"""Furthest that a pair may lie apart, in standard deviations of the propensity's logit. Source: Austin 2011."""

FEWEST_PAIRS = disclosure.FEWEST_SHOWN
"""Nothing is scored on fewer."""


@dataclass(frozen=True, eq=False)
class Matched:
    """Pairs of one patient and one control.

    pairs: positive, negative (subject ids), distance (of the propensity's logits), shape (pairs, 3). caliper: the most
    that a distance may be. balance: for each encoded column the standardised mean difference `before` and `after`.
    """

    pairs: pd.DataFrame
    caliper: float
    balance: pd.DataFrame

    @property
    def subject_ids(self) -> set[str]:
        """Everyone in a pair."""
        return set(self.pairs["positive"]) | set(self.pairs["negative"])


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
    where a sign or a confounder predicts the label, the sentence has what that model scores among patients and
    controls matched on it. A condition that no recording has a value of is left out; so is sex where a class has
    fewer than 5 of one, for its AUC reveals how many, and then no difference is given where people are matched on it.
    """
    table = folds[["recording_id", "subject_id", "label", "fold"]].merge(
        conditions.drop(columns=["subject_id"], errors="ignore"), on="recording_id", validate="one_to_one"
    )
    table = table.merge(subjects[["subject_id", "sex", "age_years"]], on="subject_id", validate="many_to_one")
    probes = dict(CONDITIONS)
    for name, parts in TOGETHER.items():
        probes[name] = CONDITIONS[parts[0]][0], tuple(column for part in parts for column in CONDITIONS[part][1])
    few = _few_of_a_sex(table)
    findings = []
    for name, (meaning, columns) in probes.items():
        held = [column for column in columns if column in table]
        filled = [column for column in held if table[column].notna().any()]
        if not filled or (few and columns == ("sex",)):
            continue
        draw = seed_of(seed, f"recording_conditions/{name}")
        alone = probe_label(table[filled], table, within=table["task"], shuffles=shuffles, draws=draws, seed=draw)
        found = _finding(name, meaning, alone, table[["subject_id", "label", *held]], predictions, draws, draw)
        if few and "sex" in columns and "matched" in found.details:
            found.details["matched"].update(largest_difference_before=np.nan, largest_difference_after=np.nan)
        findings.append(found)
    return findings


def _few_of_a_sex(table: pd.DataFrame) -> bool:
    """Must the number of people of one sex in a class be hidden?"""
    people = table.drop_duplicates("subject_id")
    counted = (of_class["sex"].value_counts() for _, of_class in people.groupby("label"))
    totals = people["label"].value_counts(sort=False).sort_index()
    return any(any(withheld(counts.tolist(), total)) for counts, total in zip(counted, totals, strict=True))


def _finding(
    name: str,
    meaning: Meaning,
    alone: LabelProbe,
    table: pd.DataFrame,
    predictions: pd.DataFrame,
    draws: int,
    seed: int,
) -> Finding:
    columns = [str(column) for column in table if column not in ("subject_id", "label") and table[column].notna().any()]
    shares = {str(column): float(table[column].isna().mean()) for column in table}
    unmeasured = {column: share for column, share in shares.items() if share >= UNMEASURED_FROM}
    verdict = alone.verdict(meaning)
    predicts = {"clear": "does not predict", "suspect": "may predict"}.get(verdict, "predicts")
    sentence = f"A classifier that sees {name} alone {predicts} the label: {alone.in_words}."
    if unmeasured:
        missing = ", ".join(f"{column} in {100 * share:.0f} %" for column, share in unmeasured.items())
        sentence += f" Not measurable: {missing} of the recordings."
    details: dict[str, Any] = {"columns": columns, "not_measured_in": unmeasured}
    if meaning != "leak" and verdict != "clear":
        matched = match(per_subject(table, columns), table.groupby("subject_id")["label"].first())
        details["matched"] = score_within(predictions, matched, draws=draws, seed=seed_of(seed, "matched"))
        sentence += f" {_matched_in_words(name, matched, details['matched'])}"
    return alone.finding("recording_conditions", name, sentence, meaning=meaning, details=details)


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
        return f"Patients and controls matched on {name} are too few to score the audio model among them."
    auc = with_interval(scores["roc_auc"], scores["low"], scores["high"])
    return (
        f"Among {len(matched.pairs)} pairs matched on {name} the audio model's AUC is {auc}; "
        f"among all it is {scores['roc_auc_all']:.2f}."
    )


def match(covariates: pd.DataFrame, labels: pd.Series, *, caliper_sd: float = CALIPER_SD) -> Matched:
    """Pair as many patients and controls as the caliper allows, with the least sum of distances.

    covariates: a row per subject, indexed by subject_id; numbers and categories, gaps filled by medians and modes.
    labels: 1 or 0 of each, same index. Distance: of the logits of the propensity to be positive, from a logistic
    regression on the standardised covariates (penalty 1, which keeps it finite where they separate the classes).
    Caliper: `caliper_sd` times the logit's standard deviation within the classes (root mean of both variances).
    Source: Austin 2011, Pharmaceutical Statistics 10; optimal pairs: Rosenbaum 1989, JASA 84.
    """
    label = labels.loc[covariates.index].to_numpy(dtype=int)
    typed, encoder = typed_and_encoder(covariates)
    encoded = encoder.fit_transform(typed)
    scaled = StandardScaler().fit_transform(encoded.to_numpy())
    logit = LogisticRegression().fit(scaled, label).decision_function(scaled)
    positive, negative = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    caliper = caliper_sd * _deviation(logit[positive], logit[negative])
    distance = np.abs(logit[positive][:, np.newaxis] - logit[negative][np.newaxis, :])
    within = distance <= caliper + 1e-9  # where nothing separates the classes both are 0
    too_far = (caliper + 1.0) * len(label)  # dearer than any number of allowed pairs: so the most pairs come first
    rows, columns = linear_sum_assignment(np.where(within, distance, too_far))
    kept = within[rows, columns]
    first, second = positive[rows[kept]], negative[columns[kept]]
    ids = covariates.index.to_numpy()
    pairs = pd.DataFrame(
        {"positive": ids[first], "negative": ids[second], "distance": distance[rows[kept], columns[kept]]}
    )
    values = encoded.to_numpy()
    deviation = _deviation(values[positive], values[negative])
    balance = {
        "before": _mean_difference(values[positive], values[negative], deviation),
        "after": _mean_difference(values[first], values[second], deviation),
    }
    return Matched(pairs, float(caliper), pd.DataFrame(balance, pd.Index(encoded.columns, name="column")))


def _mean_difference(positive: np.ndarray, negative: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Difference of the means over the standard deviation within the classes, per column; 0 where nothing varies.

    positive, negative: shape (subjects, columns). deviation: before matching, so that the differences before and after
    can be compared (Stuart 2010, Statistical Science 25). NaN where nobody is matched.
    """
    if not len(positive):
        return np.full(positive.shape[1], np.nan)
    difference = positive.mean(axis=0) - negative.mean(axis=0)
    return np.divide(difference, deviation, out=np.zeros(len(difference)), where=deviation > 0)


def _deviation(positive: np.ndarray, negative: np.ndarray) -> Any:
    return np.sqrt((positive.var(axis=0) + negative.var(axis=0)) / 2)


def score_within(predictions: pd.DataFrame, matched: Matched, *, draws: int = 2000, seed: int = 0) -> Mapping[str, Any]:
    """A model's AUC per subject among the matched, beside that among all subjects.

    predictions: out-of-fold table, split by subject. Returns pairs (how many), roc_auc, low, high, roc_auc_all, and the
    largest absolute standardised mean difference before and after. With fewer than 5 pairs `pairs` is `<5` and
    nothing is scored (NaN).
    """
    subjects = metrics.per_subject(predictions)
    scores: dict[str, Any] = {
        "pairs": disclosure.shown(len(matched.pairs)),
        "roc_auc": np.nan,
        "low": np.nan,
        "high": np.nan,
        "roc_auc_all": metrics.scores(subjects)["roc_auc"],
        "largest_difference_before": float(matched.balance["before"].abs().max()),
        "largest_difference_after": np.nan,
    }
    if len(matched.pairs) >= FEWEST_PAIRS:
        paired = subjects[subjects["subject_id"].isin(matched.subject_ids)]
        low, high = intervals.intervals(paired, draws=draws, seed=seed)["roc_auc"]
        scores |= {"roc_auc": metrics.scores(paired)["roc_auc"], "low": low, "high": high}
        scores["largest_difference_after"] = float(matched.balance["after"].abs().max())
    return scores
