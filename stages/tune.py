"""Search for the CNN-LSTM's settings with each sampler, on the training and validation parts of one protocol."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from dvclive import Live

from bulbar import compute, folds, kept_fits, sequence_experiment, tuning, tuning_figures
from bulbar.fits import digest
from bulbar.seeds import seed_of
from stages.io import (
    cohort_in_words,
    metrics_file,
    read_json,
    room,
    run,
    save,
    settings,
    study_seed,
    write_json,
    write_table,
)
from stages.sequence_material import load_material


def main(protocol: folds.Protocol, role: str = "main") -> None:
    """Write data/tune/P/, plots/tune/P/ (figures, DVCLive) and metrics/tune/P.json of protocol P."""
    tune, network = settings("tune", tuning.Settings), settings("network", sequence_experiment.Settings)
    computing = settings("compute", compute.Settings)
    material, kept = load_material(protocol, role), kept_fits.KeptFits(computing.kept_fits_dir)

    def train(points: Sequence[tuning.Point], max_epochs: int | None) -> list[tuning.Outcome]:
        fits = [
            sequence_experiment.fit_at(material, sequence_experiment.TUNED, network, point, max_epochs=max_epochs)
            for point in points
        ]
        results = kept_fits.run(fits, material.study, kept, computing=computing, label=f"tune, {protocol}")
        names = [digest(fit, material.study) for fit in fits]
        return [sequence_experiment.outcome(fitted, name) for fitted, name in zip(results, names, strict=True)]

    seed = seed_of(study_seed(), f"tune/{protocol}")
    grid = [sequence_experiment.fit_at(material, sequence_experiment.TUNED, network, p) for p in tune.space.points]
    print(f"tune, {protocol}: the whole grid: {kept_fits.plan(grid, material.study, kept, computing.n_workers)}")
    shaping = json.dumps(
        [tune.model_dump(exclude={"sampler", "compared", "orders", "storage"}), seed, optuna.__version__]
    )
    shaping += "".join(digest(fit, material.study) for fit in grid)
    studies: dict[str, optuna.Study] = {}
    tables: dict[str, pd.DataFrame] = {}
    for sampler in tune.samplers:
        name = f"{protocol}_{sampler}_{hashlib.sha256(shaping.encode()).hexdigest()[:16]}"
        storage = tuning.storage_of(tune.storage, kept.folder / "studies", name)
        studies[sampler] = tuning.search(sampler, tune, train, name=name, storage=storage, seed=seed)
        tables[sampler] = tuning.table_of(studies[sampler], sampler, tune)

    trials = pd.concat(tables.values(), ignore_index=True)
    out, plots = room("tune", role) / protocol, Path("plots/tune") / protocol
    write_table(trials.round(6), out / "trials.csv")
    for searched, table in tables.items():
        log_trials(table, plots / "live" / searched)
    title = f"{protocol} · {cohort_in_words(role)}"
    explained = {searched: tuning.importances(study, seed) for searched, study in studies.items()}
    save(tuning_figures.best_so_far(trials, f"Best so far\n{title}"), plots / "best_so_far.png")
    varied = list(tune.space.varied)
    save(tuning_figures.parallel_coordinates(trials, varied, f"Trials\n{title}"), plots / "parallel_coordinates.png")
    save(
        tuning_figures.importances(explained, f"What the validation loss depends on\n{title}"),
        plots / "importances.png",
    )
    picks = {
        sampler: {
            "point": tune.space.in_words(tuning.best_point(table, tune.space)),
            "trials": len(table),
            "pruned": int(table["pruned"].sum()),
            "distinct_points": len(table[list(dict(tune.space))].drop_duplicates()),
            "best_validation_loss": table["best_so_far"].iloc[-1],
            "importances": explained[sampler],
        }
        for sampler, table in tables.items()
    }
    whole: dict[str, Any] = {"replay": None}
    if "grid" in tables and len(tables["grid"]) == len(tune.space.points):
        whole = {"replay": replay(tables["grid"], tune, seed, title, plots, out)}
    synthetic = read_json(room("cohort", role) / "cohort.json")["synthetic"]
    write_json({"point": picks[tune.sampler]["point"], "sampler": tune.sampler}, out / "pick.json")
    write_json(
        {"synthetic": synthetic, "biased": protocol == "record_wise", **picks, **whole},
        metrics_file(f"tune/{protocol}", role),
    )
    best = ", ".join(f"{sampler} {pick['best_validation_loss']:.3f}" for sampler, pick in picks.items())
    print(f"{protocol}: {tune.n_trials} trials each; lowest validation loss: {best}")


def replay(grid: pd.DataFrame, tune: tuning.Settings, seed: int, title: str, plots: Path, out: Path) -> dict[str, Any]:
    """Random search over the fitted grid in many orders: how close it comes, and after how many trials."""
    losses = grid["validation_loss"].to_numpy()
    drawing = {"orders": tune.orders, "seed": seed_of(seed, "replay")}
    table = tuning.replay(losses, **drawing)
    write_table(table.round(6), out / "replay.csv")
    save(tuning_figures.replay(table, tune.orders, f"Random search beside the grid\n{title}"), plots / "replay.png")
    median, low, high = tuning.trials_until_close(losses, **drawing)
    return {
        "orders": tune.orders,
        "grid_points": len(losses),
        "close_is": f"within {tuning.CLOSE:.0%} of the way from the grid's best to its median point",
        "trials_until_close": {"median": median, "low": low, "high": high},
        "share_of_the_grid": median / len(losses),
    }


def log_trials(table: pd.DataFrame, folder: Path) -> None:
    """One search through DVCLive: a step is a trial."""
    with Live(str(folder), dvcyaml=None, save_dvc_exp=False, report=None) as live:
        for row in table.round(6).to_dict("records"):
            live.step = int(row["trial"])
            for name in ("validation_loss", "validation_accuracy", "best_so_far"):
                live.log_metric(name, row[name])


if __name__ == "__main__":
    run(main)
