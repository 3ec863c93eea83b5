"""A whole release from ingest to features as its recordings become more: is time linear, is memory flat?

`python -m benchmarks.large_release [--recordings N ...] [--subjects N ...] [--folder PATH]` prints three tables: every
stage from ingest to features, on a release of synthetic subjects with eight recordings each and a workbook, at each
number of recordings; the reader alone on a workbook of each number of subjects; and DVC, which hashes the release and
what the stage writes, around ingest at each number of recordings.

No two recordings have the same samples. Memory is that of a stage and its workers together, a page that several share
counted once. Growth is the processor seconds over those of the size before, over what they would be if they grew with
the recordings: 1 is linear, 2 at twice the recordings is quadratic; start-up makes it less.
"""

import argparse
import math
import subprocess  # nosec B404 # lists of words, and no shell
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

from benchmarks.measuring import Run, machine, megabytes, progress, run_command, table
from benchmarks.recordings import SAMPLE_RATE_HZ, voice, write_params
from bulbar.cohort import voc_als
from bulbar.cohort.workbook import read_sheet
from bulbar.core import parallel
from bulbar.core.names import TASKS
from bulbar.features import audio
from bulbar.phantom import voc_als as phantom
from bulbar.phantom.voice import Measures
from stages.phantom import write_workbook

STAGES = ("ingest", "preprocess_clinical", "preprocess_audio", "mel_spectrogram", "folds")
PAIRS = "conditions"
SEED = 1


def write_release(root: Path, subjects: int, recordings: int, duration_s: float, workers: int) -> list[str]:
    """Write a release as VOC-ALS is laid out, of so many subjects and at most so many recordings; returns their paths.

    Subject by subject, so that the first n of the paths are whole subjects.
    """
    tasks = list(TASKS)
    wanted = phantom.Settings(
        subjects=subjects, tasks=tasks, effect=1, missingness="as_released", median_duration_s=13.6, max_epochs=1
    )
    people = phantom.cohort(wanted, SEED)
    mixed = [people[at] for at in np.random.default_rng(SEED).permutation(subjects)]  # both classes among the first
    root.mkdir(parents=True)
    (root / "SYNTHETIC.txt").write_text(phantom.NOTICE, encoding="utf-8")
    measured = dict.fromkeys(tasks, Measures(150.0, 2.0, 20.0, 0.004, 0.025))
    write_workbook([phantom.workbook_row(each, measured) for each in mixed], root / "VOC-ALS.xlsx")
    for folder in phantom.FOLDERS.values():
        (root / folder).mkdir()
    every = (
        f"{phantom.FOLDERS[task]}/{each.subject_id}_{phantom.FOLDERS[task]}.wav" for each in mixed for task in tasks
    )
    paths = list(islice(every, recordings))
    write = partial(_write_recording, root=root, duration_s=duration_s)
    for _ in parallel.map_ordered(
        write, enumerate(paths), label="recordings", total=len(paths), workers=workers, at_once=64
    ):
        pass
    return paths


def _write_recording(numbered: tuple[int, str], root: Path, duration_s: float) -> None:
    number, path = numbered
    samples = np.round(voice(number, duration_s) * 32768).astype(np.int16)
    audio.write(root / path, samples, SAMPLE_RATE_HZ)


def write_project(folder: Path, whole: Path, paths: Sequence[str], workers: int | None) -> Path:
    """A project folder whose release holds some of the whole one's recordings, as links, and their subjects' rows."""
    release = folder / "release"
    for name in phantom.FOLDERS.values():
        (release / name).mkdir(parents=True)
    for path in paths:
        (release / path).hardlink_to(whole / path)
    (release / "SYNTHETIC.txt").write_text(phantom.NOTICE, encoding="utf-8")
    ids = {Path(path).name.split("_")[0] for path in paths}
    sheet = read_sheet(whole / voc_als.WORKBOOK, voc_als.SHEET, header_row=2)
    write_workbook([row for _, row in sheet.rows if row[0] in ids], release / voc_als.WORKBOOK)
    write_params(folder, "release", workers)
    return folder


def growth(found: Mapping[int, Run]) -> dict[int, str]:
    """At each size but the first: how the processor seconds grew, over how the size did."""
    used = {size: found[size].processor_seconds or math.nan for size in sorted(found)}
    grown = {size: used[size] / used[before] * before / size for before, size in pairwise(used)}
    return {size: f"{grown[size]:.2f}" if size in grown else "" for size in used}


def rows_of(found: Mapping[str, Mapping[int, Run]]) -> list[tuple[object, ...]]:
    """A row for each contender and size."""
    rows: list[tuple[object, ...]] = []
    for name, runs in found.items():
        for size, run in sorted(runs.items()):
            numbers = f"{run.seconds:.1f}", f"{run.processor_seconds or 0:.1f}", growth(runs)[size]
            rows.append((name, size, *numbers, megabytes(run.peak_own_bytes)))
    return rows


def measured(name: str, folder: Path, arguments: Sequence[str]) -> Run:
    """Run Python in a folder, its memory watched, and report at once what it took: the tables come hours later."""
    run = run_command([sys.executable, *arguments], folder=folder, watch_memory=True)
    took = f"{run.seconds:.1f} s, {run.processor_seconds:.1f} s of processors, {megabytes(run.peak_own_bytes)} MB"
    progress(f"{name}, {folder.name}: {took}")
    return run


def workbooks(place: Path, sizes: Sequence[int], workers: int) -> dict[int, Run]:
    """The reader alone, in a process of its own, on a workbook of each number of subjects."""
    found = {}
    for subjects in sizes:
        root = place / f"workbook of {subjects}"
        write_release(root, subjects, 0, 1.0, workers)
        code = "from pathlib import Path; from bulbar.cohort import voc_als; print(len(voc_als.read(Path()).subjects))"
        run = found[subjects] = measured("reader", root, ["-c", code])
        if run.answer != subjects:
            raise ValueError(f"{run.answer} subjects read, {subjects} written")
    return found


def by_dvc(folder: Path) -> tuple[Run, Run]:
    """`dvc repro` of ingest in a repository of its own, which hashes the release; and once more, with nothing to do."""
    for command in (["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet", "--subdir"]):
        subprocess.run(command, cwd=folder, check=True)  # nosec B603 # our own words
    stage = {"cmd": f"{sys.executable} -m stages.ingest main", "deps": ["release"], "outs": ["data/cohort"]}
    YAML().dump({"stages": {"ingest": stage}}, folder / "dvc.yaml")
    repro = ["-m", "dvc", "repro", "--quiet"]
    return measured("dvc repro", folder, repro), measured("dvc repro again", folder, repro)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, nargs="+", default=[2500, 5000, 10000, 20000], help="multiples of 8")
    parser.add_argument("--pairs", type=int, nargs="*", default=[1250, 2500, 5000], help="recordings, for `conditions`")
    parser.add_argument("--subjects", type=int, nargs="*", default=[1250, 2500, 5000], help="of the workbook alone")
    parser.add_argument("--duration", type=float, default=1.5, help="seconds of each recording")
    parser.add_argument("--workers", type=int, default=parallel.Settings().n_workers)
    parser.add_argument("--folder", type=Path, help="of the recordings, for a while")
    args = parser.parse_args()
    most = max([*args.recordings, *args.pairs])
    found: dict[str, dict[int, Run]] = {name: {} for name in (*STAGES, PAIRS)}
    dvc: dict[str, dict[int, Run]] = {"ingest by dvc repro": {}, "dvc repro, nothing to do": {}}
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        place = Path(name)
        books = workbooks(place, sorted(args.subjects), args.workers)
        progress(f"writing {most} recordings")
        paths = write_release(place / "whole", -(-most // 8), most, args.duration, args.workers)
        for size in sorted({*args.recordings, *args.pairs}):
            folder = write_project(place / str(size), place / "whole", paths[:size], args.workers)
            names = STAGES if size in args.recordings else STAGES[:1]
            for stage in (*names, PAIRS) if size in args.pairs else names:
                run = measured(stage, folder, ["-m", f"stages.{stage}"])
                if stage == PAIRS or size in args.recordings:
                    found[stage][size] = run
            if size in args.recordings:
                for runs, run in zip(dvc.values(), by_dvc(folder), strict=True):
                    runs[size] = run
    print(machine("pandas", "openpyxl", "soxr", "joblib", "scikit-learn", "dvc"))
    print(f"\nRecordings of {args.duration:g} s at {SAMPLE_RATE_HZ} Hz, {args.workers} workers, start-up included\n")
    taken = ["seconds", "processor seconds", "growth over linear", "peak memory of its own, MB"]
    print(table(["stage", "recordings", *taken], rows_of(found)))
    print("\nThe reader alone, on a workbook\n")
    print(table(["reader", "subjects", *taken], rows_of({"voc_als": books})))
    print("\nDVC around ingest: the release hashed, the stage run, its outs cached; and once more\n")
    print(table(["command", "recordings", *taken], rows_of(dvc)))


if __name__ == "__main__":
    main()
