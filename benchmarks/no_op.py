"""`dvc repro` with nothing stale, in a finished tiny copy of the project, against DVC's own floor: an empty pipeline.

`python -m benchmarks.no_op [--turns N] [--stages ...]` prints a table. The copy has every stage of dvc.yaml on a tiny
synthetic cohort and is brought to its end first, which takes some minutes; `--stages` stops earlier.
"""

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measuring import in_turns, machine, run_command, say, spread, table
from tests.pipelines import Pipeline, first_run, git, stages_run

REPRO = (sys.executable, "-m", "dvc", "repro")


def finished(folder: Path, stages: list[str]) -> Pipeline:
    """A copy of the project whose pipeline, or some stages of it with all before them, has run and is committed."""
    pipeline, _ = first_run(folder, *stages)
    if stale := stages_run(pipeline.dvc("repro", *stages)):
        raise RuntimeError(f"not finished after dvc repro: {', '.join(sorted(stale))}")
    return pipeline


def empty(folder: Path, pipeline: Pipeline) -> Path:
    """A git and DVC repository whose dvc.yaml has no stage, with the project's own DVC settings."""
    repository = folder / "empty"
    (repository / ".dvc").mkdir(parents=True)
    git(repository, "init", "--quiet", "--initial-branch=main")
    (repository / ".dvc/config").write_bytes((pipeline.folder / ".dvc/config").read_bytes())
    (repository / "dvc.yaml").write_text("stages: {}\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Nothing")
    return repository


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", nargs="+", default=[], help="bring only these to their end; all where not given")
    parser.add_argument("--turns", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        say("dvc repro in a tiny copy")
        pipeline = finished(Path(place), given.stages)
        repository = empty(Path(place), pipeline)
        run = partial(run_command, environment=pipeline.environment)
        found = in_turns(
            {
                "empty pipeline": partial(run, REPRO, folder=repository),
                "finished project": partial(run, (*REPRO, *given.stages), folder=pipeline.folder),
            },
            given.turns,
        )
    seconds = {name: [run.seconds for run in runs] for name, runs in found.items()}
    more = [one - floor for one, floor in zip(seconds["finished project"], seconds["empty pipeline"], strict=True)]
    print(machine("dvc"))
    stages = f" ({', '.join(given.stages)} alone)" if given.stages else ""
    print(f"\n`dvc repro` with nothing stale, {given.turns} turns{stages}\n")
    print(table(["repository", "seconds"], [(name, spread(taken, 2)) for name, taken in seconds.items()]))
    print(f"\nSeconds over the floor: {spread(more, 2)}")


if __name__ == "__main__":
    main()
