"""How long each sampler's search took: its best validation loss so far against seconds of one worker.

    python -m benchmarks.samplers [--pipeline gender]

Reads what the stage `tune` has left: data/tune/PROTOCOL/trials.csv, and the seconds in the fit cache. A fit that a
sampler tried twice counts once; what another sampler had trained before counts in full. The seconds of a
trial that failed are not counted, nor are the first epochs of a trial that pruning has let go on.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import measuring
from bulbar.core import parallel
from bulbar.core.markdown import markdown_table
from bulbar.training.fit_cache import FitCache
from bulbar.tuning import replay


def with_seconds(trials: pd.DataFrame, fit_cache: FitCache) -> pd.DataFrame:
    """Trials with `seconds`: of one worker, from the sampler's first fit to the end of this trial."""
    uncounted = trials.duplicated(["sampler", "fit"]) | trials["fit"].isna()
    own = [0.0 if again else fit_cache.seconds(fit) for fit, again in zip(trials["fit"], uncounted, strict=True)]
    return trials.assign(seconds=pd.Series(own, index=trials.index).groupby(trials["sampler"]).cumsum())


def summary(trials: pd.DataFrame) -> pd.DataFrame:
    """A row for each sampler: trials, distinct fits, seconds in all, the best loss, and trials and seconds until it."""
    rows = []
    for sampler, own in trials.groupby("sampler", sort=False):
        best = own["best_so_far"].iloc[-1]
        found = own[own["best_so_far"] == best].iloc[0]
        states = own["state"].value_counts()
        rows.append(
            {
                "sampler": sampler,
                "trials": len(own),
                **{state: int(states.get(state, 0)) for state in ("pruned", "failed")},
                "distinct fits": own["fit"].nunique(),
                "seconds": own["seconds"].iloc[-1],
                "best validation loss": f"{best:.4f}",
                "found at trial": int(found["trial"]),
                "found after seconds": found["seconds"],
            }
        )
    return pd.DataFrame(rows)


def until_close(grid: pd.DataFrame, fit_cache: FitCache, *, orders: int = 2000, seed: int = 0) -> str:
    """Seconds that a random search of the grid's points takes to come close (`replay.CLOSE`), beside the whole grid's.

    grid: its trials. The median of many random orders, and the inner 95 % of them.
    """
    whole = grid[grid["state"] == "complete"]
    losses, generator = whole["validation_loss"].to_numpy(), np.random.default_rng(seed)
    seconds = np.array([fit_cache.seconds(fit) for fit in whole["fit"]])
    near = losses.min() + replay.CLOSE * (np.median(losses) - losses.min())
    taken = []
    for _ in range(orders):
        order = generator.permutation(len(losses))
        taken.append(seconds[order][: 1 + np.argmax(losses[order] <= near)].sum())
    low, median, high = np.quantile(taken, [0.025, 0.5, 0.975])
    return (
        f"Random search comes close to the grid's best point after {median:.0f} s ({low:.0f} to {high:.0f}) of the "
        f"{seconds.sum():.0f} s that the whole grid takes: {median / seconds.sum():.0%} "
        f"({low / seconds.sum():.0%} to {high / seconds.sum():.0%})."
    )


def main() -> None:
    """Print a table for each protocol."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", type=Path, default=Path("gender"))
    args = parser.parse_args()
    fit_cache = FitCache(parallel.Settings().fit_cache_folder)
    found = {
        path.parent.name: with_seconds(pd.read_csv(path), fit_cache)
        for path in sorted(args.pipeline.glob("data/tune/*/trials.csv"))
    }
    described = json.loads((args.pipeline / "data/cohort/cohort.json").read_text(encoding="utf-8"))
    cohort = "synthetic cohort" if described["synthetic"] else f"{described['source']} cohort"
    for protocol, trials in found.items():
        print(f"\n{protocol} · {cohort}, seconds of one worker\n\n{markdown_table(summary(trials), digits=1)}")
        grid = trials[trials["sampler"] == "grid"]
        if len(grid) and not (grid["state"] == "pruned").any():
            print(until_close(grid, fit_cache))
    print(measuring.machine("optuna", "keras", "tensorflow"))


if __name__ == "__main__":
    main()
