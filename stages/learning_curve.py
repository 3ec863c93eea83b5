"""Would more subjects help? AUC of the voice model and the baselines by the number of training subjects."""

from functools import partial
from pathlib import Path

import pandas as pd

from bulbar.appraisal import baselines, figures, learning_curve
from bulbar.appraisal.comparisons import VOICE
from bulbar.core.digests import seed_of
from bulbar.core.files import save, write_json, write_table
from bulbar.voice import model as voice
from stages.parts.params import settings, study_seed
from stages.parts.places import cohort_in_words, is_synthetic, metrics_file
from stages.parts.run import run
from stages.parts.voice_data import read_recordings, read_subjects
from stages.parts.workers import map_ordered

MODELS = (VOICE, *(name for name in baselines.BASELINES if name != "majority"))
PLOTS = Path("plots/learning_curve")


def main() -> None:
    """Read what voice and baselines read, split by subject; write metrics and plots of learning_curve."""
    wanted, subjects = settings("learning_curve", learning_curve.Settings), read_subjects()
    rows = read_recordings("subject_wise").merge(subjects, on="subject_id", validate="m:1")
    order = [(model, share) for model in MODELS for share in wanted.shares]
    measure = partial(
        measure_one,
        rows=rows,
        repeats=wanted.repeats,
        voice_settings=settings("voice", voice.Settings),
        fitting=settings("baselines", baselines.Settings),
        seed=seed_of(study_seed(), "learning_curve"),
    )
    found = list(map_ordered(measure, order, label="learning curve", total=len(order)))
    points: dict[str, list[learning_curve.Point]] = {model: [] for model in MODELS}
    for (model, _), one in zip(order, found, strict=True):
        points[model].append(one)
    table = learning_curve.table_of(points)
    content = {model: [one._asdict() for one in of_model] for model, of_model in points.items()}
    write_json({"synthetic": is_synthetic(), "models": content}, metrics_file("learning_curve"))
    write_table(table.round(4), PLOTS / "learning_curve.csv")
    title = f"AUC by the number of training subjects, split by subject\n{cohort_in_words()}"
    save(figures.learning_curve(table, title), PLOTS / "learning_curve.png")
    ends = points[VOICE][0], points[VOICE][-1]
    grows = " to ".join(f"{one.mean:.2f} with {one.subjects:.0f} subjects" for one in ends)
    print(f"voice, AUC per subject: {grows}")


def measure_one(
    which: tuple[str, float],
    rows: pd.DataFrame,
    repeats: int,
    voice_settings: voice.Settings,
    fitting: baselines.Settings,
    seed: int,
) -> learning_curve.Point:
    """One model at one share of the training subjects."""
    name, share = which

    def by_voice(train: pd.DataFrame, tested: pd.DataFrame) -> pd.DataFrame:
        tasks = voice.tasks_of(rows)
        fitted = voice.fit(train, people_of(rows), voice_settings.members, voice_settings.adjust, tasks)
        return voice.of_recordings(tested, fitted.log_odds(voice.rows_for(tested, people_of(rows), tasks)))

    def by_baseline(train: pd.DataFrame, tested: pd.DataFrame) -> pd.DataFrame:
        fitted = baselines.classifier(name, fitting, seed_of(seed, name)).fit(train, train["label"])  # type: ignore[arg-type]
        table = tested[["recording_id", "subject_id", "fold", "label"]].copy()
        table["probability"] = fitted.predict_proba(tested)[:, 1]
        return table

    fit_predict = by_voice if name == VOICE else by_baseline
    return learning_curve.point(rows, fit_predict, share, repeats, seed)


def people_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Age and sex of each subject."""
    return rows[["subject_id", "age_years", "sex"]].drop_duplicates("subject_id")


if __name__ == "__main__":
    run(main)
