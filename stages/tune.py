"""Search for the CNN-LSTM's settings with each sampler, on the training and validation parts of one protocol."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bulbar.core import parallel
from bulbar.core.digests import seed_of
from bulbar.core.files import save, write_json, write_table
from bulbar.core.names import Protocol
from bulbar.training import fit_cache, gender
from bulbar.training.fits import digest
from bulbar.tuning import figures, replay, search, storage, trials
from stages.parts.clip_data import load_data
from stages.parts.live import log_steps
from stages.parts.params import settings, study_seed
from stages.parts.places import cohort_in_words, is_synthetic, metrics_file, stage_folder
from stages.parts.run import run

LOGGED = ("validation_loss", "validation_accuracy", "best_so_far")


def main(protocol: Protocol) -> None:
    """Read data/features/P/; write data/tune/P/, data/curves/P/ (DVCLive), plots/tune/P/ and metrics/tune/P.json."""
    tune, seed = settings("tune", search.Settings), seed_of(study_seed(), f"tune/{protocol}")
    tables, importances = search_all(protocol, tune, seed)
    picks = {name: trials.summary(table, importances[name], tune.space) for name, table in tables.items()}
    plots, title = Path("plots/tune") / protocol, f"{protocol} · {cohort_in_words()}"
    draw(tables, importances, list(tune.space.varied), plots, title)
    replayed = None
    if "grid" in tables and trials.is_whole_grid(tables["grid"], tune.space):
        losses = tables["grid"]["validation_loss"].to_numpy()
        drawing = {"orders": tune.orders, "seed": seed_of(seed, "replay")}
        table = replay.replay(losses, **drawing)
        write_table(table.round(6), plots / "replay.csv")
        drawn = figures.replay(table, tune.orders, f"Random search compared with the full grid\n{title}")
        save(drawn, plots / "replay.png")
        replayed = replay.summary(losses, **drawing)
    for sampler, table in tables.items():
        log_steps(table, stage_folder("curves") / protocol / sampler, step="trial", names=LOGGED)
    out = stage_folder("tune") / protocol
    write_table(pd.concat(tables.values(), ignore_index=True).round(6), out / "trials.csv")
    write_json({"point": picks[tune.sampler]["point"], "sampler": tune.sampler}, out / "pick.json")
    described = {"synthetic": is_synthetic(), "biased": protocol == "record_wise"}
    write_json({**described, **picks, "replay": replayed}, metrics_file(f"tune/{protocol}"))
    best = ", ".join(f"{sampler} {pick['best_validation_loss']:.3f}" for sampler, pick in picks.items())
    print(f"{protocol}: {tune.n_trials} trials each; lowest validation loss: {best}")


def search_all(
    protocol: Protocol, tune: search.Settings, seed: int
) -> tuple[dict[str, pd.DataFrame], dict[str, dict[str, float]]]:
    """Run all searches. Returns sampler -> trials, and sampler -> importances of the settings."""
    network, computing = settings("network", gender.Settings), settings("compute", parallel.Settings)
    data, cache = load_data(protocol), fit_cache.FitCache(computing.fit_cache_folder)

    def train(points: Sequence[search.Point], max_epochs: int | None) -> list[search.Outcome | None]:
        fits = [gender.fit_at(data, gender.TUNED, network, point, max_epochs=max_epochs) for point in points]
        label = f"tune, {protocol}"
        results = fit_cache.run(fits, data.study, cache, computing=computing, label=label, may_diverge=True)
        names = [digest(fit, data.study) for fit in fits]
        return [
            None if fitted.diverged else gender.outcome(fitted, name)
            for fitted, name in zip(results, names, strict=True)
        ]

    grid = gender.fits_of_grid(data, network, tune.space)
    print(f"tune, {protocol}, whole grid: {fit_cache.plan(grid, data.study, cache, computing.n_workers)}")
    shaping = search.digest(tune, seed, [digest(fit, data.study) for fit in grid])
    tables: dict[str, pd.DataFrame] = {}
    importances: dict[str, dict[str, float]] = {}
    for sampler in tune.samplers:
        name = f"{protocol}_{sampler}_{shaping}"
        with storage.opened(tune.storage, cache.folder / "studies", name) as stored:
            study = search.search(sampler, tune, train, name=name, storage=stored, seed=seed)
            tables[sampler] = trials.table_of(study, sampler, tune)
            importances[sampler] = trials.importances(study, seed)
    return tables, importances


def draw(
    tables: dict[str, pd.DataFrame],
    importances: dict[str, dict[str, float]],
    varied: list[str],
    plots: Path,
    title: str,
) -> None:
    """Draw the best loss of each sampler so far, its trials, and the importances of the settings."""
    together = pd.concat(tables.values(), ignore_index=True)
    save(figures.best_so_far(together, f"Lowest validation loss after each trial\n{title}"), plots / "best_so_far.png")
    write_table(trials.best_by_trial(together).round(6), plots / "best_so_far.csv")
    drawn = figures.parallel_coordinates(together, varied, f"Settings and validation loss of all trials\n{title}")
    save(drawn, plots / "parallel_coordinates.png")
    drawn = figures.importances(importances, f"Importance of each setting for the validation loss\n{title}")
    save(drawn, plots / "importances.png")


if __name__ == "__main__":
    run(main)
