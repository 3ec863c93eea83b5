"""How long each sampler's search took: its best validation loss so far against seconds of one worker.

    python -m benchmarks.samplers [--pipeline gender] [--plot FILE.png]

Reads what the stage `tune` has left: data/tune/PROTOCOL/trials.csv, and the seconds of the kept fits. A fit that a
sampler has asked for twice counts once; what another sampler had trained before counts in full.
"""

import argparse
from pathlib import Path

import pandas as pd

from benchmarks import measuring
from bulbar import compute, tables, tuning_figures
from bulbar.kept_fits import KeptFits


def with_seconds(trials: pd.DataFrame, kept: KeptFits) -> pd.DataFrame:
    """Trials with `seconds`: of one worker, from the sampler's first fit to the end of this trial."""
    own = [0.0 if again else kept.seconds(fit) for fit, again in zip(
        trials["fit"], trials.duplicated(["sampler", "fit"]), strict=True
    )]  # fmt: skip
    return trials.assign(seconds=pd.Series(own, index=trials.index).groupby(trials["sampler"]).cumsum())


def summary(trials: pd.DataFrame) -> pd.DataFrame:
    """A row for each sampler: trials, distinct fits, seconds in all, the best loss, and trials and seconds until it."""
    rows = []
    for sampler, own in trials.groupby("sampler", sort=False):
        best = own["best_so_far"].iloc[-1]
        found = own[own["best_so_far"] == best].iloc[0]
        rows.append(
            {
                "sampler": sampler,
                "trials": len(own),
                "distinct fits": own["fit"].nunique(),
                "seconds": own["seconds"].iloc[-1],
                "best validation loss": f"{best:.4f}",
                "found at trial": int(found["trial"]),
                "found after seconds": found["seconds"],
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Print a table for each protocol; draw the curves where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", type=Path, default=Path("gender"))
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    kept = KeptFits(compute.Settings().kept_fits_dir)
    found = {
        path.parent.name: with_seconds(pd.read_csv(path), kept)
        for path in sorted(given.pipeline.glob("data/tune/*/trials.csv"))
    }
    for protocol, trials in found.items():
        print(f"\n{protocol}, seconds of one worker\n\n{tables.markdown(summary(trials), digits=1)}")
        if given.plot:
            figure = tuning_figures.best_so_far(
                trials, f"Best so far, {protocol}", against="seconds", label="Seconds of one worker"
            )
            figure.savefig(given.plot.with_stem(f"{given.plot.stem}_{protocol}"))
    print(measuring.machine("optuna", "keras", "tensorflow"))


if __name__ == "__main__":
    main()
