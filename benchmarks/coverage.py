"""How often the bootstrap's intervals hold what they are meant to hold, in cohorts made up with a known answer.

`python -m benchmarks.coverage [--cohorts N]` prints the table behind benchmarks/README.md. A cohort has two patients
for each control; a subject's recordings share a Gaussian random effect. Five subject-wise folds of a logistic
regression give the out-of-fold table whose intervals are taken. They should hold the procedure's performance on new
subjects: the mean over many training samples as large as those of the folds, each scored on a large new sample.
"""

import argparse
import zlib

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks.measuring import line, table
from bulbar.scoring import intervals, metrics

COHORTS = {45: 2, 64: 2, 153: 8}
"""Subjects, and recordings of each: as the default phantom, Minsk 2020 and VOC-ALS."""

EFFECTS = {"none": 0.0, "moderate": 1.0, "strong": 3.0}
"""Distance between the classes' means in standard deviations of the subjects' features."""

UNITS = ("recording", "subject")
SCORES = ("accuracy", "balanced_accuracy", "roc_auc", "log_loss")
FEATURES, FOLDS, LEVEL = 10, 5, 0.95
TRAINING_SAMPLES, NEW_SUBJECTS = 200, 1500


def cohort(
    subjects: int, recordings: int, effect: float, generator: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """A table of recordings (subject_id, label) and their features, shape (recordings, FEATURES)."""
    label = (np.arange(subjects) % 3 > 0).astype(int)
    own = generator.normal(size=(subjects, FEATURES))
    own[:, 0] += effect * label
    subject = np.repeat(np.arange(subjects), recordings)
    features = own[subject] + generator.normal(size=(len(subject), FEATURES))
    return pd.DataFrame({"subject_id": subject, "label": label[subject]}), features


def out_of_fold(table: pd.DataFrame, features: np.ndarray, seed: int) -> pd.DataFrame:
    """The same table with fold and probability, each recording scored by the model that had not seen its subject."""
    scored = table.assign(fold=0, probability=np.nan)
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for fold, (train, test) in enumerate(splitter.split(features, table["label"], table["subject_id"]), start=1):
        model = LogisticRegression().fit(features[train], table["label"].iloc[train])
        scored.loc[test, "fold"] = fold
        scored.loc[test, "probability"] = model.predict_proba(features[test])[:, 1]
    return scored


def both_units(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A table per recording, and per subject."""
    return dict(zip(UNITS, (table, metrics.per_subject(table)), strict=True))


def true_scores(subjects: int, effect: float) -> dict[tuple[str, str], float]:
    """By unit and score: the mean performance on new subjects over training samples as large as the folds'."""
    recordings = COHORTS[subjects]
    generator = np.random.default_rng(zlib.crc32(f"truth/{subjects}/{effect}".encode()))
    trained_on = 3 * round(subjects * (1 - 1 / FOLDS) / 3)
    found = []
    for _ in range(TRAINING_SAMPLES):
        table, features = cohort(trained_on, recordings, effect, generator)
        model = LogisticRegression().fit(features, table["label"])
        new, new_features = cohort(NEW_SUBJECTS, recordings, effect, generator)
        scored = new.assign(fold=1, probability=model.predict_proba(new_features)[:, 1])
        of_unit = {unit: metrics.scores(rows) for unit, rows in both_units(scored).items()}
        found.append({(unit, score): of_unit[unit][score] for unit in UNITS for score in SCORES})
    return pd.DataFrame(found).mean().to_dict()


def one_cohort(subjects: int, effect: float, number: int, draws: int) -> dict[tuple[str, str], tuple[float, ...]]:
    """By unit and score, low and high of our interval and of the plain percentiles of the same draws."""
    generator = np.random.default_rng(zlib.crc32(f"{subjects}/{effect}/{number}".encode()))
    scored = out_of_fold(*cohort(subjects, COHORTS[subjects], effect, generator), seed=number)
    found = {}
    for unit, rows in both_units(scored).items():
        drawn = intervals.drawn_subjects(intervals.subjects_of(rows), draws=draws, seed=number)
        of_draws = intervals.scores_of_draws(rows, drawn)
        ours = intervals.intervals(rows, draws=draws, level=LEVEL, seed=number)
        for score in SCORES:
            found[unit, score] = (*ours[score], *intervals.percentiles(of_draws[score], LEVEL))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohorts", type=int, default=400, help="cohorts of each size and effect")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    columns = ("cohort", "effect", "unit", "score", "true", "interval holds it", "mean width", "percentiles hold it")
    print(table(columns, []))
    with Parallel(n_jobs=args.workers) as parallel:
        for subjects, recordings in COHORTS.items():
            for name, effect in EFFECTS.items():
                true = true_scores(subjects, effect)
                numbers = range(args.cohorts)
                found = parallel(delayed(one_cohort)(subjects, effect, number, args.draws) for number in numbers)
                for unit, score in true:
                    target = true[unit, score]
                    low, high, plain_low, plain_high = np.array([one[unit, score] for one in found]).T
                    n_held = int(np.sum((low <= target) & (target <= high)))
                    bounds = stats.binomtest(n_held, args.cohorts).proportion_ci(method="wilson")
                    share = f"{n_held / args.cohorts:.3f} ({bounds.low:.3f} to {bounds.high:.3f})"
                    plain = np.mean((plain_low <= target) & (target <= plain_high))
                    width = np.mean(high - low)
                    numbers = (f"{target:.3f}", share, f"{width:.3f}", f"{plain:.3f}")
                    print(line((f"{subjects} × {recordings}", name, unit, score, *numbers)), flush=True)


if __name__ == "__main__":
    main()
