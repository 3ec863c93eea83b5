"""Train the gender paper's networks as they are and tuned, and let each say once what it hears in the test part."""

from pathlib import Path

from bulbar import compute, folds, kept_fits, sequence_experiment, tuning
from bulbar.fits import digest
from stages.io import read_json, room, run, settings, write_table
from stages.sequence_material import load_material


def main(protocol: folds.Protocol, role: str = "main") -> None:
    """Write data/networks/P/ (predictions and history of each model) and models/P/ of protocol P."""
    network, computing = settings("network", sequence_experiment.Settings), settings("compute", compute.Settings)
    material, kept = load_material(protocol, role), kept_fits.KeptFits(computing.kept_fits_dir)
    default = sequence_experiment.default_point(network, material.study.settings)
    points: dict[str, tuning.Point] = dict.fromkeys(sequence_experiment.MODELS, default)
    pick = read_json(room("tune", role) / protocol / "pick.json")
    points[sequence_experiment.TUNED] = settings("tune", tuning.Settings).space.read(pick["point"])
    fits = {model: sequence_experiment.final_fit(material, model, network, point) for model, point in points.items()}
    order = list(fits.values())
    print(f"networks, {protocol}: {kept_fits.plan(order, material.study, kept, computing.n_workers)}", flush=True)
    results = kept_fits.run(order, material.study, kept, computing=computing, label=f"networks, {protocol}")
    out = room("networks", role) / protocol
    for (model, fit), fitted in zip(fits.items(), results, strict=True):
        write_table(sequence_experiment.predictions(material, fit, fitted), out / f"{model}.csv")
        write_table(fitted.history.round(6), out / f"{model}_history.csv")
        kept.export_model(digest(fit, material.study), Path("models") / protocol / f"{model}.keras")
    print(f"{protocol}: {', '.join(sequence_experiment.IN_WORDS[model] for model in fits)} trained")


if __name__ == "__main__":
    run(main)
