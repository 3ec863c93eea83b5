"""Table 1 of the gender paper, ours compared with its own and with baselines; scores by age, accent and F0."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bulbar.core import disclosure
from bulbar.core.digests import seed_of
from bulbar.core.names import Protocol
from bulbar.paper.tables import all_scores
from bulbar.scoring import intervals, metrics
from bulbar.training import gender
from bulbar.voice import gender as baselines

PAPER_ROWS = {"cnn": "CNN", "cnn_lstm": "CNN-LSTM", "cnn_lstm_tuned": "CNN-LSTM tuned"}
SCORES = ("male_accuracy", "precision", "recall", "f1", "accuracy", "roc_auc")
"""Columns of our Table 1. The paper has the first four."""

F0 = baselines.F0
IN_WORDS = {**gender.IN_WORDS, **baselines.IN_WORDS}

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
    table_1, groups, above_baselines, f0_overlap : DataFrame
        From `table_1`, `by_group`, `above` (each model against each baseline, in the column `against`) and `overlap`.
    gaps : mapping
        Name in words -> `gender.gap`, of the CNN-LSTM before and after tuning.
    threshold_hz : float
        From `baselines.by_f0`.
    """

    biased: bool
    tested: Mapping[str, pd.DataFrame]
    table_1: pd.DataFrame
    groups: pd.DataFrame
    above_baselines: pd.DataFrame
    f0_overlap: pd.DataFrame
    gaps: Mapping[str, Mapping[str, float]]
    threshold_hz: float

    def headline(self) -> dict[str, Any]:
        """The headline numbers that `dvc metrics diff` shows, as shares."""
        clips = self.table_1[self.table_1["unit"] == "clip"].set_index("model")
        tuned = self.above_baselines.query("against == @F0").set_index("model").loc[gender.TUNED]
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
        }

    def overlap_headline(self) -> dict[str, Any]:
        """Accuracy per speaker of each model by scope and group, as shares; a group that is withheld is omitted."""
        of_speakers = self.f0_overlap[self.f0_overlap["unit"] == "speaker"].dropna(subset="accuracy")
        return {
            f"{scope}, {group}": dict(zip(rows["model"], rows["accuracy"] / 100, strict=True))
            for (scope, group), rows in of_speakers.groupby(["scope", "group"], sort=False)
        }


def results(
    models: Mapping[str, pd.DataFrame],
    measured: pd.DataFrame,
    subjects: pd.DataFrame,
    paper: pd.DataFrame,
    *,
    protocol: Protocol,
    draws: int,
    level: float,
    seed: int,
) -> ProtocolResults:
    """Compute everything that is reported of one protocol.

    Parameters
    ----------
    models : mapping
        Model -> table of all recordings: recording_id, subject_id, part, label, probability.
    measured : DataFrame
        Input of the baselines, as for `baselines.predict`.
    subjects : DataFrame
        subject_id, age_years and, if recorded, accent.
    paper : DataFrame
        As for `table_1`.
    protocol : str
        By recording, which is biased because a speaker's clips are in both the training and the test set, or by
        speaker.
    draws, level, seed
        As for `intervals.intervals`.
    """
    learned, threshold_hz = baselines.predict(measured)
    tested = {name: table[table["part"] == "test"] for name, table in {**learned, **models}.items()}
    drawing: dict[str, Any] = {"draws": draws, "level": level, "seed": seed}
    scopes = {TEST_PART: tested, FIVE_FOLDS: baselines.out_of_fold(measured, protocol, seed_of(seed, "folds"))}
    return ProtocolResults(
        biased=protocol == "record_wise",
        tested=tested,
        table_1=table_1(tested, paper, **drawing),
        groups=by_group(tested, subjects, **drawing),
        above_baselines=pd.concat(
            [above(tested, name, **drawing).assign(against=name) for name in learned], ignore_index=True
        ),
        f0_overlap=overlap(scopes, baselines.in_overlap(measured), **drawing),
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


TEST_PART, FIVE_FOLDS = "test part", "five folds"
"""Where models are scored: every model on the test part, the baselines also out of fold on all recordings."""

EVERYONE, BETWEEN = "everyone", f"{baselines.OVERLAP_HZ[0]:.0f} to {baselines.OVERLAP_HZ[1]:.0f} Hz"
"""Groups of speakers in `overlap`."""


def overlap(
    scopes: Mapping[str, Mapping[str, pd.DataFrame]], inside: pd.Series, *, draws: int, level: float, seed: int
) -> pd.DataFrame:
    """Scores of each model for the speakers whose F0 cannot decide, in percent.

    Parameters
    ----------
    scopes : mapping
        TEST_PART or FIVE_FOLDS -> model -> predictions, as for `table_1`; a scope without models is left out.
    inside : Series
        Whether a speaker's F0 cannot decide, by subject_id.
    draws, level, seed
        As for `intervals.intervals`.

    Returns
    -------
    DataFrame
        scope, group (EVERYONE for folds alone, because Table 1 has the test part; BETWEEN), model, unit (clip or
        speaker), speakers and clips (as they may be printed), accuracy and roc_auc (pairs of any two folds), each with
        SCORE_low and SCORE_high, and points, points_low, points_high, verdict against F0, as from `above`. A group
        is withheld if it, or the rest of its scope, has fewer than FEWEST_SHOWN speakers; its AUC also if one of its
        classes has.
    """
    drawing: dict[str, Any] = {"draws": draws, "level": level, "seed": seed}
    rows = [
        row
        for scope, models in scopes.items()
        if models
        for group in ((BETWEEN,) if scope == TEST_PART else (EVERYONE, BETWEEN))
        for row in _of_group(models, inside if group == BETWEEN else inside | True, drawing, scope=scope, group=group)
    ]
    return pd.DataFrame(rows)


def _of_group(
    models: Mapping[str, pd.DataFrame], inside: pd.Series, drawing: Mapping[str, Any], **named: str
) -> Iterator[dict[str, Any]]:
    """The rows of one group in one scope. inside: whether a speaker is in the group, by subject_id."""
    labels = models[F0].groupby("subject_id")["label"].first()
    of_class = labels[inside.reindex(labels.index).astype(bool)].value_counts().reindex([0, 1], fill_value=0)
    speakers = disclosure.shown(int(of_class.sum()), len(labels))
    scores = ("accuracy", "roc_auc") if of_class.min() >= disclosure.FEWEST_SHOWN else ("accuracy",)
    for unit in ("clip", "speaker"):
        own = {name: _rows_of(table, inside, unit) for name, table in models.items()}
        if not isinstance(speakers, int):
            hidden = dict.fromkeys(_SHOWN, np.nan) | {"speakers": speakers, "clips": disclosure.WITHHELD}
            yield from ({**named, "model": name, "unit": unit, **hidden} for name in own)
            continue
        clips = int(models[F0]["subject_id"].map(inside).sum())
        beaten = above(own, F0, **drawing).set_index("model")
        for name, table in own.items():
            found = all_scores(table, **drawing)
            row: dict[str, Any] = {**named, "model": name, "unit": unit, **dict.fromkeys(_SHOWN, np.nan)}
            row |= {"speakers": speakers, "clips": clips}
            row |= {f"{score}{end}": 100 * found[f"{score}{end}"] for score in scores for end in _ENDS}
            yield row | ({str(key): value for key, value in beaten.loc[name].items()} if name != F0 else {})


_ENDS = ("", "_low", "_high")
_SHOWN = (
    *("speakers", "clips"),
    *(f"{score}{end}" for score in ("accuracy", "roc_auc", "points") for end in _ENDS),
    "verdict",
)
"""Columns of `overlap` after those that name a row."""


def _rows_of(table: pd.DataFrame, inside: pd.Series, unit: str) -> pd.DataFrame:
    """The clips of these speakers, or the speakers with their mean probability, as of one fold."""
    clips = table[table["subject_id"].map(inside).astype(bool)].assign(fold=1)
    return clips if unit == "clip" else metrics.per_subject(clips)


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
