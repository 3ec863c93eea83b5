"""Audio alone, clinical alone and both fused (Figure 9), for the selected and the published cell of one protocol."""

from itertools import islice
from pathlib import Path
from typing import Any

from dvclive import Live

from bulbar import compute, experiment, folds, kept_fits, uncertainty
from bulbar.cells import Cell
from bulbar.fits import Fit, Fitted, digest
from bulbar.seeds import seed_of
from stages.clinical_material import clinical_features
from stages.io import metrics_file, read_json, room, run, settings, study_settings, write_json, write_table
from stages.material import load_material


def main(protocol: folds.Protocol, role: str = "main") -> None:
    """Write models/P/, data/fusion/P/, plots/fusion/P/ (DVCLive) and metrics/fusion/P.json of protocol P."""
    computing = settings("compute", compute.Settings)
    drawing = settings("bootstrap", uncertainty.Settings).model_dump()
    drawing["seed"] = seed_of(study_settings().seed, f"fusion/{protocol}/intervals")
    material = load_material(protocol, role)
    fits = fusion_fits(material, role)
    kept = kept_fits.KeptFits(computing.kept_fits_dir)
    order = [fit for by_fold in fits.values() for fit in by_fold]
    print(f"fusion, {protocol}: {kept_fits.plan(order, material.study, kept, computing.n_workers)}", flush=True)
    results = kept_fits.run(order, material.study, kept, computing=computing, label=f"fusion, {protocol}")

    synthetic = read_json(room("cohort", role) / "cohort.json")["synthetic"]
    scores: dict[str, Any] = {"synthetic": synthetic, "biased": protocol == "record_wise"}
    for (cell, model), by_fold in fits.items():
        fitted = list(islice(results, len(by_fold)))
        predictions = experiment.predictions(material, by_fold, fitted)
        write_table(predictions, room("fusion", role) / protocol / cell / f"{model}.csv")
        write_table(experiment.curves(fitted), room("fusion", role) / protocol / cell / f"{model}_history.csv")
        scores.setdefault(cell, {})[model] = uncertainty.both_ways(predictions, **drawing)
        for fold, fit, result in zip(material.folds, by_fold, fitted, strict=True):
            log_curves(result, Path("plots/fusion") / protocol / cell / model / f"fold_{fold}")
            if fit.keep_weights:
                model_file = Path("models") / protocol / model / f"fold_{fold}.keras"
                kept.export_model(digest(fit, material.study), model_file)
    write_json(scores, metrics_file(f"fusion/{protocol}", role))
    print(f"{len(order)} fits of {len(experiment.CLINICAL_COLUMNS)} models for two cells, {protocol}")


def fusion_fits(material: experiment.Material, role: str) -> dict[tuple[str, str], list[Fit]]:
    """By cell (`selected`, `published`) and model, a fit for each fold; the selected cell's keep their weights."""
    fusing = settings("fusion", experiment.FusionSettings)
    published = settings("published", experiment.PublishedSettings).cell
    selection = read_json(metrics_file(f"selection/{material.protocol}", role))["cells"]
    cells = {
        "selected": [Cell(**selection[str(fold)]) for fold in material.folds],
        "published": [published for _ in material.folds],
    }
    experiment.require_room_for(cells["published"], material.image_shape)
    features = {name: clinical_features(material, name, role) for name in ("all", "common")}
    fits: dict[tuple[str, str], list[Fit]] = {}
    for which, cell_of_fold in cells.items():
        keep = which == "selected"
        for model, columns in experiment.CLINICAL_COLUMNS.items():
            fits[which, model] = [
                experiment.audio_fit(material, cell, fold, keep_weights=keep)
                if columns is None
                else experiment.fusion_fit(
                    material, model, cell, fold, features[columns][fold], fusing, keep_weights=keep
                )
                for cell, fold in zip(cell_of_fold, material.folds, strict=True)
            ]
    return fits


def log_curves(result: Fitted, folder: Path) -> None:
    """One fit's curves through DVCLive: a step is an epoch."""
    with Live(str(folder), dvcyaml=None, save_dvc_exp=False, report=None) as live:
        for epoch in result.history.round(6).to_dict("records"):
            live.step = int(epoch["epoch"])
            for name in ("loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate"):
                live.log_metric(name, epoch[name])


if __name__ == "__main__":
    run(main)
