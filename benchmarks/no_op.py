"""`dvc repro` and `dvc exp run` with nothing stale, in a finished tiny copy of the project and in an empty pipeline.

The empty pipeline is DVC's own floor.
`python -m benchmarks.no_op [--turns N] [--stages ...]` prints a table. The copy has every stage of dvc.yaml on a tiny
synthetic cohort and is brought to its end first, which takes some minutes; `--stages` stops earlier.
"""

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measuring import in_turns, machine, progress, ratios, run_command, spread, table
from tests.pipelines import Pipeline, first_run, git, stages_run

COMMANDS = {"dvc repro": ("repro",), "dvc exp run": ("exp", "run")}


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
    parser.add_argument("--stages", nargs="+", default=[], help="bring only these to their end; all by default")
    parser.add_argument("--turns", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        progress("dvc repro in a tiny copy")
        pipeline = finished(Path(place), args.stages)
        repository = empty(Path(place), pipeline)
        run = partial(run_command, environment=pipeline.environment)
        contenders = {}
        for name, words in COMMANDS.items():
            command = (sys.executable, "-m", "dvc", *words)
            contenders[f"{name}, empty pipeline"] = partial(run, command, folder=repository)
            contenders[f"{name}, finished project"] = partial(run, (*command, *args.stages), folder=pipeline.folder)
        found = in_turns(contenders, args.turns)
    seconds = {name: [run.seconds for run in runs] for name, runs in found.items()}
    print(machine("dvc"))
    stages = f" ({', '.join(args.stages)} alone)" if args.stages else ""
    print(f"\nNothing stale, {args.turns} turns{stages}\n")
    floor = seconds["dvc repro, empty pipeline"]
    rows = [(name, spread(taken, 2), spread(ratios(taken, floor), 2)) for name, taken in seconds.items()]
    print(table(["command, repository", "seconds", "over `dvc repro`, empty pipeline"], rows))
    exp_run, repro = (seconds[f"{name}, finished project"] for name in ("dvc exp run", "dvc repro"))
    print(f"\n`dvc exp run` over `dvc repro`, finished project: {spread(ratios(exp_run, repro), 2)}")


if __name__ == "__main__":
    main()
