"""The gender paper's Table 1, ours beside its own; what a threshold on mean F0 says; scores by age and accent."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from bulbar import clinical, scoring, uncertainty

PAPER_ROWS = {"cnn": "CNN", "cnn_lstm": "CNN-LSTM", "cnn_lstm_tuned": "CNN-LSTM tuned"}
SCORES = ("male_accuracy", "precision", "recall", "f1", "accuracy", "roc_auc")
"""Columns of our Table 1; of the first four the paper has its own."""

_CALLED = {"male_accuracy": "recall"}  # male is the positive class


def table_1(
    models: Mapping[str, pd.DataFrame], paper: pd.DataFrame, *, draws: int, level: float, seed: int
) -> pd.DataFrame:
    """Table 1 of one protocol, in percent.

    models: model -> the tested recordings' recording_id, subject_id, label, probability. paper: model and the first
    four SCORES in percent. Returns model, unit (clip; speaker: the mean probability over a speaker's clips), and of
    each score its value, SCORE_low, SCORE_high (speakers drawn again and again) and, of clips, SCORE_paper.
    """
    printed = paper.set_index("model").astype(float).to_dict("index")
    rows = []
    for model, table in models.items():
        found = uncertainty.both_ways(table.assign(fold=1), draws=draws, level=level, seed=seed)
        for unit, name in (("clip", "per_recording"), ("speaker", "per_subject")):
            row: dict[str, Any] = {"model": model, "unit": unit}
            for score in SCORES:
                own = _CALLED.get(score, score)
                low, high = found[name]["intervals"][own]
                row |= {score: found[name][own], f"{score}_low": low, f"{score}_high": high}
                row[f"{score}_paper"] = np.nan
                if unit == "clip" and PAPER_ROWS.get(model) in printed:
                    row[f"{score}_paper"] = printed[PAPER_ROWS[model]].get(score, np.nan) / 100
            rows.append(row)
    table = pd.DataFrame(rows)
    return table.assign(**{column: 100 * table[column] for column in table.columns if column not in ("model", "unit")})


def by_f0(f0: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """What a threshold on mean F0, learned from the training recordings, says of all others.

    f0: recording_id, subject_id, part, label, mean_f0_hz (NaN where nothing is voiced: then the training recordings'
    median). Returns the validation and test recordings with their probability (logistic in log F0), and the
    threshold in hertz.
    """
    trained = f0["part"] == "train"
    median = float(f0.loc[trained, "mean_f0_hz"].median())
    octaves = np.log2(f0["mean_f0_hz"].fillna(median).to_numpy()[:, None] / median)
    model = LogisticRegression(C=100.0).fit(octaves[trained], f0.loc[trained, "label"])
    others = f0.loc[~trained, ["recording_id", "subject_id", "part", "label"]]
    said = others.assign(probability=model.predict_proba(octaves[~trained])[:, 1].round(6))
    threshold = median * 2 ** float(-model.intercept_[0] / model.coef_[0, 0])
    return said, threshold


def groups_of(subjects: pd.DataFrame) -> dict[str, pd.Series]:
    """The group of each speaker by decade of age and, where it is recorded, by accent: by subject_id."""
    by_id = subjects.set_index("subject_id")
    decades = by_id["age_years"].map(
        lambda age: f"{int(age) // 10 * 10} to {int(age) // 10 * 10 + 9}", na_action="ignore"
    )
    found = {"age": decades.fillna("not stated")}
    if "accent" in by_id:
        found["accent"] = by_id["accent"].fillna("not stated")
    return found


def by_group(
    models: Mapping[str, pd.DataFrame], subjects: pd.DataFrame, *, draws: int, level: float, seed: int
) -> pd.DataFrame:
    """Scores by age band and accent, per clip, as shares; withheld for groups of fewer than `clinical.FEWEST_SHOWN`.

    Returns grouping, group, model, speakers and clips (as they may be printed), accuracy, accuracy_low, accuracy_high,
    recall_positive, recall_negative.
    """
    rows = []
    for grouping, group_of in groups_of(subjects).items():
        for model, table in models.items():
            for group, own in table.groupby(table["subject_id"].map(group_of), sort=True):
                speakers = own["subject_id"].nunique()
                withheld = speakers < clinical.FEWEST_SHOWN
                label, probability = own["label"], own["probability"]
                interval = uncertainty.intervals(own.assign(fold=1), draws=draws, level=level, seed=seed)["accuracy"]
                scores = {
                    "accuracy": scoring.accuracy(label, probability),
                    "accuracy_low": interval[0],
                    "accuracy_high": interval[1],
                    "recall_positive": scoring.sensitivity(label, probability),
                    "recall_negative": scoring.specificity(label, probability),
                }
                rows.append(
                    {
                        "grouping": grouping,
                        "group": group,
                        "model": model,
                        "speakers": clinical.shown(speakers),
                        "clips": "withheld" if withheld else len(own),
                        **(dict.fromkeys(scores, np.nan) if withheld else scores),
                    }
                )
    return pd.DataFrame(rows)
