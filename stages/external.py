"""Train on each of two cohorts and test on the other one, with no learning there: as recorded, and low-passed."""

import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from bulbar.appraisal import external, external_page
from bulbar.core.atomic_write import write_text
from bulbar.core.digests import file_digest
from bulbar.core.files import save, write_json, write_table
from bulbar.core.names import Cell
from bulbar.features import audio, spectrogram
from bulbar.training import als, fits
from bulbar.voice import outside
from bulbar.voice.model import Settings as VoiceSettings
from stages.parts import external_cohorts
from stages.parts.bootstrap import drawing
from stages.parts.fitting import train
from stages.parts.params import settings, study_seed, study_settings
from stages.parts.places import metrics_file, stage_folder
from stages.parts.run import run

PAGE, PLOTS = Path("metrics/external.md"), Path("plots/external")


def main() -> None:
    """Read both cohorts; write data/external/predictions/, metrics/external.json, .md and plots/external/."""
    wanted, cell = settings("external", external.Settings), settings("published", als.PublishedSettings).cell
    cleaning, drawn = settings("audio", audio.Settings), drawing("external/intervals")
    low_passes = external.low_passes(wanted, cleaning)
    out = stage_folder("predictions", "external")
    for folder in (out, PLOTS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    if why := external_cohorts.why_not_compared(wanted.tasks):
        write_none(why, out)
        return

    tasks = external_cohorts.tasks_of_both(wanted.tasks)
    cohorts, positions = external_cohorts.read_cohorts(tasks)
    found = []
    for band, low_pass_hz in low_passes.items():
        of_band = [*of_network(band, low_pass_hz, cohorts, positions, cell), *of_voice(low_pass_hz, cohorts)]
        for model, trained, tested, table in of_band:
            where = "within" if trained == tested else "outside"
            write_table(table, out / f"from_{trained}" / band / model / f"{where}.csv")
            named = {"trained_on": trained, "tested_on": tested, "band": band, "model": model}
            found.append(external.scores(table, **drawn).assign(**named))
    scores = external.in_order(pd.concat(found))
    bands = external_page.bands_in_words(low_passes, cleaning.bandwidth_hz)
    classes = study_settings().classes[::-1]  # positive class first, as in the tables
    compared = external_page.Comparison(scores, cohorts, bands, tasks, cell, classes)

    write_table(scores.round(4), PLOTS / "scores.csv")
    of_what = {"synthetic": any(cohort.synthetic for cohort in cohorts), "compared": True, "tasks": ", ".join(tasks)}
    write_json({**of_what, **external.headline(scores)}, metrics_file("external"))
    write_text(external_page.page(compared), PAGE)
    save(external_page.forest(compared, level=drawn["level"]), PLOTS / "external.png")
    print(f"{', '.join(tasks)}, AUC per subject outside: {external_page.in_short(compared)}")


Tested = tuple[str, str, str, pd.DataFrame]
"""The model, the roles of the training and the test cohort, and the predictions."""


def of_network(
    band: str,
    low_pass_hz: float | None,
    cohorts: Sequence[external.ComparedCohort],
    positions: Sequence[np.ndarray],
    cell: Cell,
) -> Iterator[Tested]:
    """Train the networks in one band, and yield their predictions for both directions."""
    mel = settings("spectrogram", spectrogram.Settings)
    with TemporaryDirectory() as folder:
        images = Path(folder) / f"{band}.npy"
        external_cohorts.write_images(images, cohorts, positions, mel, low_pass_hz)
        labels = external.labels_of(cohorts)
        study = fits.Study(images, file_digest(images), labels, cohorts[0].training, study_seed())
        fit = partial(train, study=study, label=f"external, {band}")
        for trained, tested, table in external.both_directions(cohorts, study, mel.image_shape, cell, fit):
            yield "audio", trained, tested, table


def of_voice(low_pass_hz: float | None, cohorts: Sequence[external.ComparedCohort]) -> Iterator[Tested]:
    """The voice model and the regression on recording conditions in both directions in one band."""
    voices = {cohort.role: external_cohorts.measured(cohort, low_pass_hz) for cohort in cohorts}
    wanted = settings("voice", VoiceSettings)
    for trained, tested in permutations(voices, 2):
        for model, tables in outside.within_and_outside(voices[trained], voices[tested], wanted).items():
            yield from ((model, trained, role, table) for role, table in zip((trained, tested), tables, strict=True))


def write_none(why: str, out: Path) -> None:
    """Write to all outputs that nothing is compared, and why."""
    write_json({"synthetic": False, "compared": False}, metrics_file("external"))
    for page in (PAGE, out / "none.md"):
        write_text(f"# External validation\n\n{why}\n", page)
    write_table(pd.DataFrame(columns=external.COLUMNS), PLOTS / "scores.csv")
    print(why)


if __name__ == "__main__":
    run(main)
