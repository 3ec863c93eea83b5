"""Score the baselines that a network must beat: majority, age and sex, and voice features, under a protocol's folds."""

from functools import partial
from typing import Any

import pandas as pd

from bulbar.appraisal import baselines
from bulbar.cohort import folds
from bulbar.core.digests import seed_of
from bulbar.core.files import write_json, write_table
from bulbar.core.names import Protocol
from bulbar.scoring import intervals
from stages.parts.bootstrap import drawing
from stages.parts.params import settings, study_seed
from stages.parts.places import is_synthetic, metrics_file, stage_folder, stage_table
from stages.parts.run import run
from stages.parts.workers import map_ordered


def main(protocol: Protocol) -> None:
    """Read data/folds/, acoustic/ and cohort/; write data/baselines/P/MODEL.csv and metrics/baselines/P.json."""
    rows, seed = read_rows_of(protocol), seed_of(study_seed(), f"baselines/{protocol}")
    drawn = drawing(f"baselines/{protocol}", "intervals")
    fit = partial(fit_one, rows=rows, fitting=settings("baselines", baselines.Settings), seed=seed)
    order = [(model, fold) for model in baselines.BASELINES for fold in folds.numbers(rows)]
    fits = map_ordered(fit, order, label=f"baselines, {protocol}", total=len(order))
    fitted = dict(zip(order, fits, strict=True))

    scores: dict[str, Any] = {
        "synthetic": is_synthetic(),
        "protocol": protocol,
        "biased": protocol == "record_wise",  # a subject's recordings are in training and in test
    }
    for model in baselines.BASELINES:
        tables, weights = zip(*(fitted[model, fold] for fold in folds.numbers(rows)), strict=True)
        predictions = pd.concat(tables).sort_values("recording_id")
        write_table(predictions, stage_folder("baselines") / protocol / f"{model}.csv")
        scores[model] = intervals.both_ways(predictions, **drawn)
        if weights[0]:
            scores[model]["log_odds_per_sd"] = weight_by_feature(pd.DataFrame(list(weights)))
    write_json(scores, metrics_file(f"baselines/{protocol}"))
    aucs = [f"{model} {scores[model]['per_subject']['roc_auc_pooled']:.2f}" for model in baselines.BASELINES]
    print(f"{protocol}: AUC per subject, all folds pooled: {', '.join(aucs)}")


def read_rows_of(protocol: str) -> pd.DataFrame:
    """One row per recording: label, fold, age, sex, task and voice features, in the order of recording_id."""
    features = stage_table("acoustic", "features.csv").drop(columns="subject_id")
    subjects = stage_table("cohort", "subjects.csv")[["subject_id", *baselines.AGE_SEX]]
    rows = stage_table("folds", f"{protocol}.csv")[["recording_id", "subject_id", "label", "fold"]].sort_values(
        "recording_id"
    )
    return rows.merge(features, on="recording_id", validate="1:1").merge(subjects, on="subject_id", validate="m:1")


def fit_one(
    which: tuple[baselines.Baseline, int], rows: pd.DataFrame, fitting: baselines.Settings, seed: int
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Test predictions and weights of one baseline in one fold."""
    return baselines.out_of_fold(rows, *which, fitting, seed)


def weight_by_feature(weights: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Each feature's weight: mean, lowest and highest over the folds; largest mean first. Tasks are left out."""
    ranked = weights.mean().abs().sort_values(ascending=False, kind="stable").index
    return {
        name: {"mean": weights[name].mean(), "lowest": weights[name].min(), "highest": weights[name].max()}
        for name in ranked
        if not name.startswith("task_")
    }


if __name__ == "__main__":
    run(main)
