"""Train on each of two cohorts and score the other, where nothing is learned: as recorded, and low-passed alike."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from bulbar import audio, compute, experiment, external, fits, kept_fits, spectrogram, uncertainty
from bulbar.appraisal import figures
from bulbar.aside import write_text
from bulbar.cells import Cell
from bulbar.errors import BadInput, Problem
from bulbar.seeds import seed_of
from stages.io import (
    FeaturesWriter,
    metrics_file,
    read_json,
    read_table,
    room,
    run,
    save,
    settings,
    study_settings,
    write_json,
    write_table,
)
from stages.material import training_on

ROLES = ("main", "external")
PLOTS = Path("plots/external")
NO_COHORT = (
    "No external cohort: what is set there is synthetic, and says nothing of a network trained on real voices. Set"
    " external.cohort in params.yaml (docs/external.md)."
)
NO_FOLDS = (
    "The external cohort has too few people of a class for the folds that params.yaml asks for: lower folds.n_splits,"
    " or bring more people."
)
NO_TASK = "No task to compare: both cohorts must have one of external.tasks in params.yaml."


def main() -> None:
    """Write data/external/predictions/, metrics/external.json, metrics/external.md and plots/external/."""
    asked, published = settings("external", external.Settings), settings("published", experiment.PublishedSettings)
    low_passes = low_passes_of(asked, settings("audio", audio.Settings))
    drawing = settings("bootstrap", uncertainty.Settings).model_dump()
    drawing["seed"] = seed_of(study_settings().seed, "external/intervals")
    out = room("predictions", "external")
    for folder in (out, PLOTS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    synthetic = [bool(read_json(room("cohort", role) / "cohort.json")["synthetic"]) for role in ROLES]
    if synthetic == [False, True]:
        write_none(NO_COHORT, out)
        return
    if read_table(room("folds", "external") / "subject_wise.csv").empty:
        write_none(NO_FOLDS, out)
        return
    if not (tasks := tasks_of_both(asked.tasks)):
        write_none(NO_TASK, out)
        return

    cohorts, positions = read_cohorts(tasks)
    found = []
    for band, low_pass_hz in low_passes.items():
        for trained, tested, table in tables_of(band, low_pass_hz, cohorts, positions, published):
            where = "within" if trained == tested else "outside"
            write_table(table, out / f"from_{trained}" / band / f"{where}.csv")
            named = {"trained_on": trained, "tested_on": tested, "band": band}
            found.append(external.scores(table, **drawing).assign(**named))
    scores = pd.concat(found)[external.COLUMNS]
    write_table(scores.round(4), PLOTS / "scores.csv")
    told = {"synthetic": any(synthetic), "compared": True, "tasks": ", ".join(tasks)}
    write_json({**told, **external.headline(scores)}, metrics_file("external"))
    write_page_and_figure(scores, cohorts, low_passes, tasks, published.cell)
    print(f"{published.cell} on {', '.join(tasks)}, AUC per subject outside: {in_short(scores)}")


def write_page_and_figure(
    scores: pd.DataFrame,
    cohorts: Sequence[external.Cohort],
    low_passes: Mapping[str, float | None],
    tasks: Sequence[str],
    cell: Cell,
) -> None:
    """What a person looks at: the whole comparison as tables, its main scores as a picture."""
    classes = study_settings().classes[::-1]  # the positive one first, as the tables have it
    pipeline_hz = settings("audio", audio.Settings).bandwidth_hz
    words = {band: in_words(hz or pipeline_hz) for band, hz in low_passes.items()}
    page = external.page(scores, cohorts, words, tasks=tasks, cell=cell, classes=classes)
    write_text(page, "metrics/external.md")
    figure = figures.forest(
        external.forest_rows(scores, cohorts, words),
        f"Trained on one cohort, tested on the other, per subject\n{cell} · tasks: {', '.join(tasks)}",
        x_label=f"Score ({settings('bootstrap', uncertainty.Settings).level:.0%} interval)",
        reference=0.5,
        limits=(0.0, 1.0),
        note_title=" / ".join(classes),
    )
    save(figure, PLOTS / "external.png")


def low_passes_of(asked: external.Settings, hearing: audio.Settings) -> dict[str, float | None]:
    """Each band that is compared, with what its recordings are low-passed to, hertz; None: no more than they are."""
    bands: dict[str, float | None] = {"as_recorded": None}
    if asked.bandwidth_hz is None:
        return bands
    highest = hearing.sample_rate_hz / 2 / audio.SLOPE[1]
    if asked.bandwidth_hz >= highest:
        where, remedy = "params.yaml: external.bandwidth_hz", "lower it, or set null to compare as recorded only"
        raise BadInput([Problem(where, f"below {highest:g}", f"{asked.bandwidth_hz:g}", remedy)])
    return bands | {"low_passed": asked.bandwidth_hz}


def in_words(hz: float | None) -> str:
    """A band in words."""
    return "as recorded" if hz is None else f"low-passed at {hz:g} Hz"


def write_none(why: str, out: Path) -> None:
    """Say that nothing is compared, wherever a comparison would stand."""
    write_json({"synthetic": False, "compared": False}, metrics_file("external"))
    for page in (Path("metrics/external.md"), out / "none.md"):
        write_text(f"# External validation\n\n{why}\n", page)
    write_table(pd.DataFrame(columns=external.COLUMNS), PLOTS / "scores.csv")
    print(why)


def tasks_of_both(asked: Sequence[str]) -> list[str]:
    """The tasks asked for that both cohorts have."""
    present = [set(read_table(room("audio", role) / "recordings.csv")["task"]) for role in ROLES]
    return [task for task in asked if all(task in tasks for tasks in present)]


def read_cohorts(tasks: Sequence[str]) -> tuple[list[external.Cohort], list[np.ndarray]]:
    """Both cohorts, and for each the positions of its compared rows in its own feature array."""
    cohorts, positions = [], []
    for role in ROLES:
        recordings = read_table(room("audio", role) / "recordings.csv", recording_id=str)
        compared = set(recordings.loc[recordings["task"].isin(tasks), "recording_id"])
        table = read_table(room("folds", role) / "subject_wise.csv", recording_id=str, subject_id=str)
        table = table[table["recording_id"].isin(compared)].reset_index(drop=True)
        index = read_table(room("features", role) / "index.csv", recording_id=str)
        index = index[index["recording_id"].isin(compared)]
        released = read_table(room("cohort", role) / "recordings.csv", recording_id=str)
        rates = released.loc[released["recording_id"].isin(compared), "sample_rate_hz"]
        contract = read_json(room("cohort", role) / "cohort.json")
        cohort = external.Cohort(
            role=role,
            words=f"{role} ({'synthetic' if contract['synthetic'] else contract['source']})",
            synthetic=contract["synthetic"],
            table=table,
            rows=experiment.rows_of_recordings(index, table),
            sample_rates_hz=sorted(set(rates)),
            training=training_on(role),
        )
        cohorts.append(cohort)
        positions.append(index.index.to_numpy())
    return cohorts, positions


def tables_of(
    band: str,
    low_pass_hz: float | None,
    cohorts: Sequence[external.Cohort],
    positions: Sequence[np.ndarray],
    published: experiment.PublishedSettings,
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Trained on (role), tested on, and the predictions, for both directions in one band; the fits are made here."""
    computing, mel = settings("compute", compute.Settings), settings("spectrogram", spectrogram.Settings)
    with TemporaryDirectory() as folder:
        images = Path(folder) / f"{band}.npy"
        with FeaturesWriter(images, mel.image_shape) as writer:
            if low_pass_hz is None:
                append_stored(writer, positions)
            else:
                append_low_passed(writer, cohorts, mel, low_pass_hz)
        labels = external.labels_of(cohorts)
        study = fits.Study(images, fits.file_digest(images), labels, cohorts[0].training, study_settings().seed)
        materials = external.materials(cohorts, study, mel.image_shape)
        experiment.require_room_for([published.cell], mel.image_shape)
        pairs = [(0, 1), (1, 0)]
        by_pair = [
            external.cross_fits(cohorts[own], materials[own], materials[other], published.cell) for own, other in pairs
        ]
        order = [fit for of_folds in by_pair for fit in of_folds]
        kept = kept_fits.KeptFits(computing.kept_fits_dir)
        print(f"external, {band}: {kept_fits.plan(order, study, kept, computing.n_workers)}", flush=True)
        results = kept_fits.run(order, study, kept, computing=computing, label=f"external, {band}")
        for (own, other), of_folds in zip(pairs, by_pair, strict=True):
            fitted = list(islice(results, len(of_folds)))
            within, outside = external.predictions(materials[own], materials[other], of_folds, fitted)
            yield cohorts[own].role, cohorts[own].role, within
            yield cohorts[own].role, cohorts[other].role, outside


def append_stored(writer: FeaturesWriter, positions: Sequence[np.ndarray]) -> None:
    """Append the images that later stages see, as they are."""
    for role, rows in zip(ROLES, positions, strict=True):
        stored = np.load(room("features", role) / "images.npy", mmap_mode="r")
        for row in rows:
            writer.append(stored[row : row + 1])


def append_low_passed(
    writer: FeaturesWriter, cohorts: Sequence[external.Cohort], mel: spectrogram.Settings, hz: float
) -> None:
    """Append the images of the same recordings, in the same order, low-passed."""
    workers = settings("compute", compute.Settings).n_workers
    for cohort in cohorts:
        recordings = dict.fromkeys(cohort.table["recording_id"].to_numpy()[cohort.rows])
        paths = [room("audio", cohort.role).resolve() / f"{name}.wav" for name in recordings]
        image_of = partial(low_passed_image, mel=mel, hz=hz)
        label = f"low-passed, {cohort.role}"
        for rows in compute.map_ordered(image_of, paths, label=label, total=len(paths), workers=workers):
            writer.append(rows)


def low_passed_image(path: Path, mel: spectrogram.Settings, hz: float) -> np.ndarray:
    """The image rows of one cleaned recording without what lies above `hz`."""
    samples, rate = audio.read(path)
    return spectrogram.image_of(audio.low_pass(audio.to_mono(samples), rate, hz), rate, mel)


def in_short(scores: pd.DataFrame) -> str:
    """The AUCs per subject outside, in the order of the table."""
    auc = scores[(scores["unit"] == "per_subject") & (scores["score"] == "roc_auc")].to_dict("records")
    outside = [row for row in auc if row["trained_on"] != row["tested_on"]]
    return ", ".join(f"from {row['trained_on']} {row['band']} {row['value']:.2f}" for row in outside)


if __name__ == "__main__":
    run(main)
