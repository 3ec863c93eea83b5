"""Search for the CNN-LSTM's settings with each sampler, on the training and validation parts of one protocol."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from dvclive import Live

from bulbar import compute, folds, kept_fits, sequence_experiment, study_storage, tuning, tuning_figures
from bulbar.fits import Fit, Study, digest, file_digest
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

    def train(points: Sequence[tuning.Point], max_epochs: int | None) -> list[tuning.Outcome | None]:
        fits = [
            sequence_experiment.fit_at(material, sequence_experiment.TUNED, network, point, max_epochs=max_epochs)
            for point in points
        ]
        label = f"tune, {protocol}"
        results = kept_fits.run(fits, material.study, kept, computing=computing, label=label, may_diverge=True)
        names = [digest(fit, material.study) for fit in fits]
        return [
            None if fitted.diverged else sequence_experiment.outcome(fitted, name)
            for fitted, name in zip(results, names, strict=True)
        ]

    seed = seed_of(study_seed(), f"tune/{protocol}")
    grid = grid_of(material, network, tune)
    print(f"tune, {protocol}: the whole grid: {kept_fits.plan(grid, material.study, kept, computing.n_workers)}")
    shaping = digest_of_search(tune, grid, material.study, seed)
    tables: dict[str, pd.DataFrame] = {}
    explained: dict[str, dict[str, float]] = {}
    for sampler in tune.samplers:
        name = f"{protocol}_{sampler}_{shaping}"
        with study_storage.opened(tune.storage, kept.folder / "studies", name) as storage:
            study = tuning.search(sampler, tune, train, name=name, storage=storage, seed=seed)
            tables[sampler] = tuning.table_of(study, sampler, tune)
            explained[sampler] = tuning.importances(study, seed)
    points = {sampler: tuning.best_point(table, tune.space) for sampler, table in tables.items()}

    trials = pd.concat(tables.values(), ignore_index=True)
    out, plots = room("tune", role) / protocol, Path("plots/tune") / protocol
    write_table(trials.round(6), out / "trials.csv")
    for searched, table in tables.items():
        log_trials(table, plots / "live" / searched)
    title = f"{protocol} · {cohort_in_words(role)}"
    save(tuning_figures.best_so_far(trials, f"Best so far\n{title}"), plots / "best_so_far.png")
    write_table(best_by_trial(trials).round(6), plots / "best_so_far.csv")
    varied = list(tune.space.varied)
    save(tuning_figures.parallel_coordinates(trials, varied, f"Trials\n{title}"), plots / "parallel_coordinates.png")
    save(
        tuning_figures.importances(explained, f"What the validation loss depends on\n{title}"),
        plots / "importances.png",
    )
    picks = {
        sampler: {
            "point": tune.space.in_words(points[sampler]),
            "trials": len(table),
            **{state: int((table["state"] == state).sum()) for state in ("pruned", "failed")},
            "distinct_points": len(table[list(dict(tune.space))].drop_duplicates()),
            "best_validation_loss": table["best_so_far"].iloc[-1],
            "importances": explained[sampler],
        }
        for sampler, table in tables.items()
    }
    whole: dict[str, Any] = {"replay": None}
    if "grid" in tables and len(tables["grid"]) == len(grid) and not (tables["grid"]["state"] == "pruned").any():
        whole = {"replay": replay(tables["grid"], tune, seed, title, plots)}
    synthetic = read_json(room("cohort", role) / "cohort.json")["synthetic"]
    write_json({"point": picks[tune.sampler]["point"], "sampler": tune.sampler}, out / "pick.json")
    write_json(
        {"synthetic": synthetic, "biased": protocol == "record_wise", **picks, **whole},
        metrics_file(f"tune/{protocol}", role),
    )
    best = ", ".join(f"{sampler} {pick['best_validation_loss']:.3f}" for sampler, pick in picks.items())
    print(f"{protocol}: {tune.n_trials} trials each; lowest validation loss: {best}")


def best_by_trial(trials: pd.DataFrame) -> pd.DataFrame:
    """For `dvc plots`: trial, and a column for each of all samplers, empty of those that were not set beside others."""
    wide = trials.pivot_table(index="trial", columns="sampler", values="best_so_far")
    return wide.reindex(columns=tuning.SAMPLERS).reset_index()


def grid_of(
    material: sequence_experiment.Material, network: sequence_experiment.Settings, tune: tuning.Settings
) -> list[Fit]:
    """The fits of all points of the space."""
    return [
        sequence_experiment.fit_at(material, sequence_experiment.TUNED, network, point) for point in tune.space.points
    ]


def digest_of_search(tune: tuning.Settings, grid: Sequence[Fit], study: Study, seed: int) -> str:
    """A name for everything that shapes a search's trials: the code that searches too, the sampler left out."""
    kept_out = {"sampler", "compared", "orders", "storage"}
    code = file_digest(tuning.__file__)
    shaping = [tune.model_dump(exclude=kept_out), seed, optuna.__version__, code, *(digest(fit, study) for fit in grid)]
    return hashlib.sha256(json.dumps(shaping).encode()).hexdigest()[:16]


def replay(grid: pd.DataFrame, tune: tuning.Settings, seed: int, title: str, plots: Path) -> dict[str, Any]:
    """Random search over the fitted grid in many orders: how close it comes, and after how many trials."""
    losses = grid["validation_loss"].to_numpy()
    drawing = {"orders": tune.orders, "seed": seed_of(seed, "replay")}
    table = tuning.replay(losses, **drawing)
    write_table(table.round(6), plots / "replay.csv")
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
                if pd.notna(row[name]):  # a failed trial has none
                    live.log_metric(name, row[name])


if __name__ == "__main__":
    run(main)
