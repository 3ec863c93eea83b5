"""What another type of processor changes: the pipeline up to the baselines, run as if this one had fewer features.

`python -m benchmarks.cpu_types [--epochs N] [--only ...]` prints a table. Libraries choose their code by what the
processor can do, and each can be made to see less: glibc, NumPy, OpenBLAS, and the oneDNN inside TensorFlow. The
default synthetic cohort, the published cell under both protocols. A difference is set beside the standard error of
its score: a quarter of its 95 % interval's width.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measuring import machine, progress, table
from tests.pipelines import Pipeline

LIKE: dict[str, dict[str, str]] = {
    "this machine": {},
    "AVX2": {
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
    },
    "SSE4.1": {
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD,-AVX2,-AVX,-FMA",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "OPENBLAS_CORETYPE": "Nehalem",
    },
    "without oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"},
}
"""Settings of the libraries, by what they make of the machine. TensorFlow's own Eigen has none."""

STAGES = ("select", "baselines", "conditions", "acoustic")


def scores(found: Any, name: str = "") -> Iterator[tuple[str, float, float]]:
    """Every score that has an interval: its name, itself, its standard error."""
    if not isinstance(found, dict):
        return
    for score, (low, high) in found.get("intervals", {}).items():
        if found.get(score) is not None and high > low:
            yield f"{name} {score}", found[score], (high - low) / 4
    for key, inner in found.items():
        yield from scores(inner, f"{name} {key}".strip())


def outs(pipeline: Pipeline) -> dict[str, dict[str, str]]:
    """Stage -> out -> its digest."""
    return {stage: {out["path"]: out["md5"] for out in entry["outs"]} for stage, entry in pipeline.locked().items()}


def largest(one: Pipeline, other: Pipeline) -> tuple[float, float]:
    """The largest difference of any pixel of an image, and of any out-of-fold probability."""
    images = [np.load(each.folder / "data/features/images.npy") for each in (one, other)]
    pattern = "data/sweep/*/predictions/*.csv"
    predicted = [
        pd.concat([pd.read_csv(path)["probability"] for path in sorted(each.folder.glob(pattern))], ignore_index=True)
        for each in (one, other)
    ]
    return float(np.abs(images[0] - images[1]).max()), float((predicted[0] - predicted[1]).abs().max())


def compared(one: Pipeline, other: Pipeline) -> dict[str, str]:
    """A row of the table: what `other` has otherwise than `one`."""
    ours, theirs = outs(one), outs(other)
    differ = [stage for stage, found in ours.items() if found != theirs[stage]]
    image, probability = largest(one, other)
    apart = []
    for metrics in sorted(path.relative_to(one.folder) for path in (one.folder / "metrics").rglob("*wise.json")):
        here, there = (scores(json.loads((each.folder / metrics).read_text())) for each in (one, other))
        of_other = {name: score for name, score, _ in there}
        for name, score, error in here:
            difference = abs(score - of_other.get(name, float("inf")))
            apart.append((difference / error, difference, f"{metrics.parent.name}/{metrics.stem} {name}"))
    most, difference, name = max(apart)
    return {
        "stages whose outs differ": ", ".join(differ) or "none",
        "a pixel": f"{image:.1e}",
        "a probability": f"{probability:.1e}",
        "scores compared, changed": f"{len(apart)}, {sum(difference > 0 for _, difference, _ in apart)}",
        "largest, in standard errors": f"{most:.2f} ({difference:.4f}, {name})",
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20, help="at most, of each fit (%(default)s)")
    parser.add_argument("--only", nargs="+", choices=list(LIKE)[1:], default=list(LIKE)[1:], help="all by default")
    parser.add_argument("--folder", type=Path, help="where to keep the runs; nowhere by default")
    args = parser.parse_args()
    changes = {"phantom.max_epochs": args.epochs, "sweep.architectures": ["S1B"], "sweep.dropout_rates": [0.3]}
    with tempfile.TemporaryDirectory() as place:
        runs: dict[str, Pipeline] = {}
        rows = {}
        for name in ["this machine", *args.only]:
            folder = (args.folder or Path(place)).resolve() / name.replace(" ", "_")
            run = runs[name] = Pipeline(folder / "project", folder / "fit_cache", **LIKE[name])
            run.change(changes)
            run.commit("The published cell")
            progress(name)
            run.dvc("repro", *STAGES)
            if name != "this machine":
                rows[name] = compared(runs["this machine"], run)
                progress(str(rows[name]))
    print(machine("numpy", "tensorflow"))
    columns = next(iter(rows.values()))
    print(table(["as on", *columns], [[name, *row.values()] for name, row in rows.items()]))


if __name__ == "__main__":
    main()
