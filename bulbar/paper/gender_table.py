"""Table 1 of the gender paper, ours compared with its own; the threshold on mean F0; scores by age and accent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from bulbar.core import disclosure
from bulbar.paper.tables import all_scores
from bulbar.scoring import intervals, metrics
from bulbar.training import gender

PAPER_ROWS = {"cnn": "CNN", "cnn_lstm": "CNN-LSTM", "cnn_lstm_tuned": "CNN-LSTM tuned"}
SCORES = ("male_accuracy", "precision", "recall", "f1", "accuracy", "roc_auc")
"""Columns of our Table 1. The paper has the first four."""

F0 = "mean_f0_threshold"
IN_WORDS = {**gender.IN_WORDS, F0: "threshold on mean F0"}

_SCORE_OF = {"male_accuracy": "recall"}  # male is the positive class


@dataclass(frozen=True, eq=False)
class ProtocolResults:
    """The reported results of one protocol.

    Parameters
    ----------
    biased : bool
        Whether a speaker's clips are in both the training and the test set.
    tested : mapping
        Model (key of IN_WORDS) -> predictions of the test part.
    table_1, groups, above : DataFrame
        From `table_1`, `by_group` and `above`.
    gaps : mapping
        Name in words -> `gender.gap`, of the CNN-LSTM before and after tuning.
    threshold_hz : float
        From `by_f0`.
    """

    biased: bool
    tested: Mapping[str, pd.DataFrame]
    table_1: pd.DataFrame
    groups: pd.DataFrame
    above: pd.DataFrame
    gaps: Mapping[str, Mapping[str, float]]
    threshold_hz: float

    def headline(self) -> dict[str, Any]:
        """The headline numbers that `dvc metrics diff` shows, as shares."""
        clips = self.table_1[self.table_1["unit"] == "clip"].set_index("model")
        tuned = self.above.set_index("model").loc[gender.TUNED]
        return {
            "biased": self.biased,
            "majority_accuracy": metrics.majority_accuracy(self.tested[F0]["label"]),
            "f0_threshold_hz": round(self.threshold_hz, 1),
            "accuracy": {model: clips["accuracy"].to_dict()[model] / 100 for model in self.tested},
            "tuned_above_f0_threshold": {
                "value": tuned["points"] / 100,
                "low": tuned["points_low"] / 100,
                "high": tuned["points_high"] / 100,
            },
            "train_test_gap": {name: found["gap"] for name, found in self.gaps.items()},
        }


def results(
    models: Mapping[str, pd.DataFrame],
    f0: pd.DataFrame,
    subjects: pd.DataFrame,
    paper: pd.DataFrame,
    *,
    biased: bool,
    draws: int,
    level: float,
    seed: int,
) -> ProtocolResults:
    """Compute everything that is reported of one protocol.

    Parameters
    ----------
    models : mapping
        Model -> table of all recordings: recording_id, subject_id, part, label, probability.
    f0 : DataFrame
        Input of the baseline, as for `by_f0`.
    subjects : DataFrame
        subject_id, age_years and, if recorded, accent.
    paper : DataFrame
        As for `table_1`.
    biased : bool
        Whether a speaker's clips are in both the training and the test set.
    draws, level, seed
        As for `intervals.intervals`.
    """
    baseline, threshold_hz = by_f0(f0)
    tested = {name: table[table["part"] == "test"] for name, table in {F0: baseline, **models}.items()}
    drawing: dict[str, Any] = {"draws": draws, "level": level, "seed": seed}
    return ProtocolResults(
        biased=biased,
        tested=tested,
        table_1=table_1(tested, paper, **drawing),
        groups=by_group(tested, subjects, **drawing),
        above=above(tested, F0, **drawing),
        gaps={IN_WORDS[name]: gender.gap(models[name]) for name in ("cnn_lstm", gender.TUNED)},
        threshold_hz=threshold_hz,
    )


def table_1(
    models: Mapping[str, pd.DataFrame], paper: pd.DataFrame, *, draws: int, level: float, seed: int
) -> pd.DataFrame:
    """Table 1 of one protocol, in percent.

    Parameters
    ----------
    models : mapping
        Model -> table of the test recordings: recording_id, subject_id, label, probability.
    paper : DataFrame
        model and the first four SCORES, in percent; may be empty.
    draws, level, seed
        As for `intervals.intervals`.

    Returns
    -------
    DataFrame
        One row per model and unit (clip, or speaker with the mean probability over the speaker's clips). Each score has
        its value, SCORE_low and SCORE_high (bootstrap over speakers) and, for clips, SCORE_paper. If `paper` is empty,
        SCORE_paper is omitted and male_accuracy is named positive_accuracy.
    """
    printed = paper.set_index("model").astype(float).to_dict("index")
    rows = []
    for model, table in models.items():
        clips = table.assign(fold=1)
        for unit, scored in (("clip", clips), ("speaker", metrics.per_subject(clips))):
            own = all_scores(scored, draws=draws, level=level, seed=seed)
            theirs = printed.get(PAPER_ROWS.get(model), {}) if unit == "clip" else {}
            row: dict[str, Any] = {"model": model, "unit": unit}
            for score in SCORES:
                row |= {
                    f"{score}{end}": 100 * own[f"{_SCORE_OF.get(score, score)}{end}"] for end in ("", "_low", "_high")
                }
                row[f"{score}_paper"] = theirs.get(score, np.nan)
            rows.append(row)
    table = pd.DataFrame(rows)
    if printed:
        return table
    table = table.drop(columns=[f"{score}_paper" for score in SCORES])
    return table.rename(columns=lambda name: name.replace("male_accuracy", "positive_accuracy"))


def by_f0(f0: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Fit a threshold on mean F0 to the training recordings and predict the others.

    Parameters
    ----------
    f0 : DataFrame
        recording_id, subject_id, part, label, mean_f0_hz. NaN (nothing voiced) is replaced by the median of the
        training recordings.

    Returns
    -------
    predicted : DataFrame
        Validation and test recordings with their probability, logistic in log F0.
    threshold : float
        In hertz; NaN if it is outside the F0 range of the training recordings and so separates nothing.
    """
    trained = f0["part"] == "train"
    voiced = f0.loc[trained, "mean_f0_hz"].dropna()
    median = float(voiced.median()) if len(voiced) else 1.0
    octaves = np.log2(f0["mean_f0_hz"].fillna(median if len(voiced) else 1.0).to_numpy()[:, None] / median)
    model = LogisticRegression(C=100.0).fit(octaves[trained], f0.loc[trained, "label"])
    others = f0.loc[~trained, ["recording_id", "subject_id", "part", "label"]]
    predicted = others.assign(probability=model.predict_proba(octaves[~trained])[:, 1].round(6))
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        threshold = float(median * np.exp2(-model.intercept_[0] / model.coef_[0, 0]))
    return predicted, threshold if voiced.min() <= threshold <= voiced.max() else np.nan


def above(models: Mapping[str, pd.DataFrame], baseline: str, *, draws: int, level: float, seed: int) -> pd.DataFrame:
    """Accuracy of each model minus that of a baseline on the same clips, in percentage points.

    `models` is as for `table_1` and includes the baseline. Returns model, points, points_low, points_high (bootstrap
    over speakers) and verdict: `beats it` or `falls short` if the interval excludes 0, else `not shown`.
    """
    rows = []
    for model, table in models.items():
        if model == baseline:
            continue
        pair = (one.assign(fold=1) for one in (table, models[baseline]))
        found = intervals.compare(*pair, draws=draws, level=level, seed=seed)["accuracy"]
        verdict = "beats it" if found.low > 0 else "falls short" if found.high < 0 else "not shown"
        points = (100 * value for value in (found.value, found.low, found.high))
        rows.append([model, *points, verdict])
    return pd.DataFrame(rows, columns=["model", "points", "points_low", "points_high", "verdict"])


def groups_of(subjects: pd.DataFrame) -> dict[str, pd.Series]:
    """The group of each speaker by decade of age and, if recorded, by accent; indexed by subject_id."""
    by_id = subjects.set_index("subject_id")
    decades = by_id["age_years"].map(
        lambda age: f"{int(age) // 10 * 10} to {int(age) // 10 * 10 + 9}", na_action="ignore"
    )
    found = {"age": decades.fillna("not stated")}
    if "accent" in by_id:
        found["accent"] = by_id["accent"].fillna("not stated")
    return found


POOLED = "others"
"""Name of the group that combines those too small to be shown."""


def pooled(group_of: pd.Series) -> pd.Series:
    """Combine small groups as POOLED, so that no group has fewer than FEWEST_SHOWN speakers.

    If the combined group is still too small, the next smallest groups join it, so that no small group can be computed
    from the total. With fewer than FEWEST_SHOWN speakers in all, everyone is in it.
    """
    counts = group_of.value_counts().sort_index().sort_values(kind="stable")
    small = counts < disclosure.FEWEST_SHOWN
    while small.any() and not small.all() and counts[small].sum() < disclosure.FEWEST_SHOWN:
        small[small.index[~small][0]] = True
    return group_of.where(~group_of.map(small).astype(bool), POOLED)


def by_group(
    models: Mapping[str, pd.DataFrame], subjects: pd.DataFrame, *, draws: int, level: float, seed: int
) -> pd.DataFrame:
    """Scores by age group and accent, per clip, as shares; small groups are `pooled`.

    Returns grouping, group, model, speakers and clips (as they may be printed), accuracy, accuracy_low, accuracy_high,
    recall_positive, recall_negative. The recalls of a class are withheld in all groups of a grouping if one group has
    some but fewer than FEWEST_SHOWN speakers of this class. A group with fewer speakers in all is withheld entirely.
    """
    rows = []
    tested = next(iter(models.values())).groupby("subject_id")["label"].first()
    for grouping, stated in groups_of(subjects).items():
        group_of = pooled(stated.reindex(tested.index))
        of_class = pd.crosstab(group_of, tested).reindex(columns=[0, 1], fill_value=0)
        few = ((of_class > 0) & (of_class < disclosure.FEWEST_SHOWN)).any()
        for model, table in models.items():
            for group, own in table.groupby(table["subject_id"].map(group_of), sort=True):
                speakers = own["subject_id"].nunique()
                withheld = speakers < disclosure.FEWEST_SHOWN
                found = all_scores(own.assign(fold=1), draws=draws, level=level, seed=seed)
                scores = {name: found[name] for name in ("accuracy", "accuracy_low", "accuracy_high")}
                scores["recall_positive"] = np.nan if few[1] else found["sensitivity"]
                scores["recall_negative"] = np.nan if few[0] else found["specificity"]
                counts = {"speakers": disclosure.shown(speakers), "clips": "withheld" if withheld else len(own)}
                shown = dict.fromkeys(scores, np.nan) if withheld else scores
                rows.append({"grouping": grouping, "group": group, "model": model, **counts, **shown})
    return pd.DataFrame(rows)
