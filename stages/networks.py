"""Train the gender paper's networks as they are and tuned, and let each say once what it hears in the test part."""

from pathlib import Path

from bulbar.cohort import folds
from bulbar.core import parallel
from bulbar.core.files import read_json, write_table
from bulbar.training import fit_cache, gender
from bulbar.training.fits import digest
from bulbar.tuning import search
from stages.parts.clip_data import load_data
from stages.parts.params import settings
from stages.parts.places import stage_folder
from stages.parts.run import run


def main(protocol: folds.Protocol, role: str = "main") -> None:
    """Write data/networks/P/ (predictions and history of each model) and models/P/ of protocol P."""
    network, computing = settings("network", gender.Settings), settings("compute", parallel.Settings)
    data, kept = load_data(protocol, role), fit_cache.FitCache(computing.fit_cache_folder)
    default = gender.default_point(network, data.study.settings)
    points: dict[str, search.Point] = dict.fromkeys(gender.NETWORKS, default)
    pick = read_json(stage_folder("tune", role) / protocol / "pick.json")
    points[gender.TUNED] = settings("tune", search.Settings).space.read(pick["point"])
    fits = {model: gender.final_fit(data, model, network, point) for model, point in points.items()}
    order = list(fits.values())
    print(f"networks, {protocol}: {fit_cache.plan(order, data.study, kept, computing.n_workers)}", flush=True)
    results = fit_cache.run(order, data.study, kept, computing=computing, label=f"networks, {protocol}")
    out = stage_folder("networks", role) / protocol
    for (model, fit), fitted in zip(fits.items(), results, strict=True):
        write_table(gender.predictions(data, fit, fitted), out / f"{model}.csv")
        write_table(fitted.history.round(6), out / f"{model}_history.csv")
        kept.export_model(digest(fit, data.study), Path("models") / protocol / f"{model}.keras")
    print(f"{protocol}: {', '.join(gender.IN_WORDS[model] for model in fits)} trained")


if __name__ == "__main__":
    run(main)
