"""Probe: do recording conditions, duration, level, age or sex predict the label?

Also: the AUC of a model on patients and controls who are matched one to one.
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
"""Condition -> (verdict if it predicts the label, its columns).

A disease does not choose the microphone or the room: these are leaks. It may shorten, soften or interrupt a voice:
these are signs. Age and sex are neither.
"""

TOGETHER: Mapping[str, tuple[str, ...]] = {
    "all possible leaks": tuple(name for name, (meaning, _) in CONDITIONS.items() if meaning == "leak"),
    "age and sex": ("age", "sex"),
}
"""Groups of conditions that are also probed together."""

UNMEASURED_FROM = 0.05
"""The sentence reports missing values if at least this share of the recordings has none."""

CALIPER_SD = 0.2
"""Largest distance within a pair, in standard deviations of the logit of the propensity score. Source: Austin 2011."""

FEWEST_PAIRS = disclosure.FEWEST_SHOWN
"""With fewer pairs no score is computed."""


@dataclass(frozen=True, eq=False)
class Matched:
    """Pairs of one patient and one control.

    Parameters
    ----------
    pairs : DataFrame, shape (pairs, 3)
        Columns positive and negative (subject ids), and distance (of the logits of the propensity score).
    caliper : float
        Largest distance allowed.
    balance : DataFrame
        Standardised mean difference of each encoded column, `before` and `after` matching.
    """

    pairs: pd.DataFrame
    caliper: float
    balance: pd.DataFrame

    @property
    def subject_ids(self) -> set[str]:
        """All subjects that are in a pair."""
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
    """One finding for each of `CONDITIONS` and of `TOGETHER`.

    Parameters
    ----------
    conditions : DataFrame
        Columns recording_id, task and those of `CONDITIONS`, measured on the released files.
    subjects : DataFrame
        Columns subject_id, sex, age_years.
    folds : DataFrame
        Subject-wise table of `folds.assign`.
    predictions : DataFrame
        Subject-wise out-of-fold table of the audio model. If a sign or a confounder predicts the label, the sentence
        reports the AUC of this model among patients and controls matched on it.
    shuffles, draws, seed : int
        Number of label shuffles, number of bootstrap draws, random seed.

    Returns
    -------
    list of Finding
        Conditions without any value are omitted. Sex is omitted if a class has fewer than 5 people of one sex, because
        the AUC would reveal the count; in this case the mean differences of a matching on sex are NaN.
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
    """Whether the number of people of one sex in a class is so small that it must be hidden."""
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
    sentence = f"A classifier that uses only {name} {predicts} the label: {alone.in_words}."
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
    """One row per subject, indexed by subject_id: the mean of numbers, the mode of categories over its recordings."""
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
        return f"Too few patients and controls could be matched on {name} to compute the AUC of the audio model."
    auc = with_interval(scores["roc_auc"], scores["low"], scores["high"])
    return (
        f"Among {len(matched.pairs)} pairs matched on {name} the audio model's AUC is {auc}; "
        f"among all subjects it is {scores['roc_auc_all']:.2f}."
    )


def match(covariates: pd.DataFrame, labels: pd.Series, *, caliper_sd: float = CALIPER_SD) -> Matched:
    """Match patients and controls one to one: as many pairs as the caliper allows, with the smallest sum of distances.

    Parameters
    ----------
    covariates : DataFrame
        One row per subject, indexed by subject_id; numbers and categories. Missing values become medians and modes.
    labels : Series
        1 or 0 for each subject, same index.
    caliper_sd : float > 0
        Largest distance of a pair, in standard deviations of the logit within the classes (square root of the mean of
        both variances).

    Returns
    -------
    Matched

    Notes
    -----
    The distance is the difference of the logits of the propensity score, from a logistic regression on the
    standardised covariates. Its penalty of 1 keeps the logits finite if the covariates separate the classes. Source:
    Austin 2011, Pharmaceutical Statistics 10; optimal pairs: Rosenbaum 1989, JASA 84.
    """
    label = labels.loc[covariates.index].to_numpy(dtype=int)
    typed, encoder = typed_and_encoder(covariates)
    encoded = encoder.fit_transform(typed)
    scaled = StandardScaler().fit_transform(encoded.to_numpy())
    logit = LogisticRegression().fit(scaled, label).decision_function(scaled)
    positive, negative = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    caliper = caliper_sd * _deviation(logit[positive], logit[negative])
    distance = np.abs(logit[positive][:, np.newaxis] - logit[negative][np.newaxis, :])
    within = distance <= caliper + 1e-9  # if nothing separates the classes, distance and caliper are both 0
    too_far = (caliper + 1.0) * len(label)  # costs more than any set of allowed pairs, so the most pairs win
    rows, columns = linear_sum_assignment(np.where(within, distance, too_far))
    allowed = within[rows, columns]
    first, second = positive[rows[allowed]], negative[columns[allowed]]
    ids = covariates.index.to_numpy()
    pairs = pd.DataFrame(
        {"positive": ids[first], "negative": ids[second], "distance": distance[rows[allowed], columns[allowed]]}
    )
    values = encoded.to_numpy()
    deviation = _deviation(values[positive], values[negative])
    balance = {
        "before": _mean_difference(values[positive], values[negative], deviation),
        "after": _mean_difference(values[first], values[second], deviation),
    }
    return Matched(pairs, float(caliper), pd.DataFrame(balance, pd.Index(encoded.columns, name="column")))


def _mean_difference(positive: np.ndarray, negative: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Standardised mean difference per column: 0 for a constant column, NaN if nobody is matched.

    `positive` and `negative` have the shape (subjects, columns). `deviation` is the standard deviation within the
    classes before matching, so that the values before and after are comparable (Stuart 2010, Statistical Science 25).
    """
    if not len(positive):
        return np.full(positive.shape[1], np.nan)
    difference = positive.mean(axis=0) - negative.mean(axis=0)
    return np.divide(difference, deviation, out=np.zeros(len(difference)), where=deviation > 0)


def _deviation(positive: np.ndarray, negative: np.ndarray) -> Any:
    return np.sqrt((positive.var(axis=0) + negative.var(axis=0)) / 2)


def score_within(predictions: pd.DataFrame, matched: Matched, *, draws: int = 2000, seed: int = 0) -> Mapping[str, Any]:
    """AUC per subject of a model among the matched subjects and among all subjects.

    Parameters
    ----------
    predictions : DataFrame
        Subject-wise out-of-fold table.
    matched : Matched
        Result of `match`.
    draws, seed : int
        Number of bootstrap draws, random seed.

    Returns
    -------
    dict
        pairs (their number), roc_auc, low, high, roc_auc_all, largest_difference_before and largest_difference_after
        (absolute standardised mean differences). With fewer than 5 pairs `pairs` is `<5` and the scores are NaN.
    """
    subjects = metrics.per_subject(predictions)
    scores: dict[str, Any] = {
        "pairs": disclosure.shown(len(matched.pairs)),
        "roc_auc": np.nan,
        "low": np.nan,
        "high": np.nan,
        "roc_auc_all": metrics.auc_within_folds(subjects),
        "largest_difference_before": float(matched.balance["before"].abs().max()),
        "largest_difference_after": np.nan,
    }
    if len(matched.pairs) >= FEWEST_PAIRS:
        paired = subjects[subjects["subject_id"].isin(matched.subject_ids)]
        low, high = intervals.intervals(paired, draws=draws, seed=seed)["roc_auc"]
        scores |= {"roc_auc": metrics.auc_within_folds(paired), "low": low, "high": high}
        scores["largest_difference_after"] = float(matched.balance["after"].abs().max())
    return scores
