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
    " external.cohort in params.yaml (README, External validation)."
)


def main() -> None:
    """Write data/external/predictions/, metrics/external.json, metrics/external.md and plots/external/."""
    asked, published = settings("external", external.Settings), settings("published", experiment.PublishedSettings)
    hearing = settings("audio", audio.Settings)
    low_passes = low_passes_of(asked, hearing)
    drawing = settings("bootstrap", uncertainty.Settings).model_dump()
    study = study_settings()
    drawing["seed"] = seed_of(study.seed, "external/intervals")
    out = room("predictions", "external")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    synthetic = {role: bool(read_json(room("cohort", role) / "cohort.json")["synthetic"]) for role in ROLES}
    if synthetic["external"] and not synthetic["main"]:
        write_none()
        return

    cohorts, positions, tasks = read_cohorts(asked.tasks)
    found = []
    for band, low_pass_hz in low_passes.items():
        for trained, tested, table in tables_of(band, low_pass_hz, cohorts, positions, published):
            where = "within" if trained == tested else "outside"
            write_table(table, out / f"from_{trained}" / band / f"{where}.csv")
            named = {"trained_on": trained, "tested_on": tested, "band": band}
            found.append(external.scores(table, **drawing).assign(**named))
    scores = pd.concat(found)[external.COLUMNS]
    told = {"synthetic": any(synthetic.values()), "compared": True, "tasks": ", ".join(tasks)}
    write_json({**told, **external.headline(scores)}, metrics_file("external"))
    other = "HC" if study.positive_class == "ALS" else "ALS"
    words = {band: in_words(hz or hearing.bandwidth_hz) for band, hz in low_passes.items()}
    page = external.page(
        scores,
        cohorts,
        words,
        tasks=tasks,
        cell=published.cell,
        classes=(study.positive_class, other),
        notes=synthetic_note(synthetic),
    )
    Path("metrics/external.md").write_text(page, encoding="utf-8")
    shutil.rmtree(PLOTS, ignore_errors=True)
    write_table(scores.round(4), PLOTS / "scores.csv")
    figure = figures.forest(
        external.forest_rows(scores, cohorts, words),
        f"Trained on one cohort, tested on the other, per subject\n{published.cell} · tasks: {', '.join(tasks)}",
        x_label=f"Score ({drawing['level']:.0%} interval)",
        reference=0.5,
        limits=(0.0, 1.0),
        note_title=f"{study.positive_class} / {other}",
    )
    save(figure, PLOTS / "external.png")
    print(f"{published.cell} on {', '.join(tasks)}, AUC per subject outside: {in_short(scores)}")


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


def write_none() -> None:
    """Say that there is nothing to compare, wherever a comparison would stand."""
    write_json({"synthetic": False, "compared": False}, metrics_file("external"))
    Path("metrics/external.md").write_text(f"# External validation\n\n{NO_COHORT}\n", encoding="utf-8")
    shutil.rmtree(PLOTS, ignore_errors=True)
    write_table(pd.DataFrame(columns=external.COLUMNS), PLOTS / "scores.csv")
    print(NO_COHORT)


def synthetic_note(synthetic: Mapping[str, bool]) -> list[str]:
    """What a page must say where voices are synthetic."""
    made = " and ".join(role for role, is_made in synthetic.items() if is_made)
    return [f"Synthetic voices ({made}): these scores say nothing about ALS."] if made else []


def read_cohorts(asked: Sequence[str]) -> tuple[list[external.Cohort], list[np.ndarray], list[str]]:
    """Both cohorts, for each the positions of its compared rows in its own feature array, and the tasks compared."""
    audios = [read_table(room("audio", role) / "recordings.csv", recording_id=str) for role in ROLES]
    tasks = external.tasks_of_both(asked, *(set(table["task"]) for table in audios))
    cohorts, positions = [], []
    for role, recordings in zip(ROLES, audios, strict=True):
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
            table=table,
            rows=experiment.rows_of_recordings(index, table),
            sample_rates_hz=sorted(set(rates)),
            training=training_on(role),
        )
        cohorts.append(cohort)
        positions.append(index.index.to_numpy())
    return cohorts, positions, tasks


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
