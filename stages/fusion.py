"""Audio alone, clinical alone and both fused (Figure 9), for the selected and the published cell of one protocol."""

from itertools import islice
from pathlib import Path
from typing import Any

from bulbar.cohort import folds
from bulbar.core import parallel
from bulbar.core.atomic_write import copy_file
from bulbar.core.digests import seed_of
from bulbar.core.files import read_json, write_json, write_table
from bulbar.core.names import FUSED, Cell
from bulbar.scoring import intervals
from bulbar.training import als, fit_cache
from bulbar.training.fits import Fit, digest
from stages.parts.clinical_data import clinical_features
from stages.parts.live import log_steps
from stages.parts.params import settings, study_settings
from stages.parts.places import metrics_file, stage_folder
from stages.parts.protocol_data import load_data
from stages.parts.run import run

CURVES = ("loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate")


def main(protocol: folds.Protocol, role: str = "main") -> None:
    """Write models/, data/fusion/, data/curves/ (DVCLive), metrics/fusion/ and plots/fusion/ of one protocol P.

    plots/fusion/P/ holds what is drawn of data/curves/P/: the validation loss of the selected cell's reported models.
    """
    computing = settings("compute", parallel.Settings)
    drawing = settings("bootstrap", intervals.Settings).model_dump()
    drawing["seed"] = seed_of(study_settings().seed, f"fusion/{protocol}/intervals")
    data = load_data(protocol, role)
    fits = fusion_fits(data, role)
    kept = fit_cache.FitCache(computing.fit_cache_folder)
    order = [fit for by_fold in fits.values() for fit in by_fold]
    print(f"fusion, {protocol}: {fit_cache.plan(order, data.study, kept, computing.n_workers)}", flush=True)
    results = fit_cache.run(order, data.study, kept, computing=computing, label=f"fusion, {protocol}")

    synthetic = read_json(stage_folder("cohort", role) / "cohort.json")["synthetic"]
    scores: dict[str, Any] = {"synthetic": synthetic, "biased": protocol == "record_wise"}
    for (cell, model), by_fold in fits.items():
        fitted = list(islice(results, len(by_fold)))
        predictions = als.predictions(data, by_fold, fitted)
        write_table(predictions, stage_folder("fusion", role) / protocol / cell / f"{model}.csv")
        write_table(als.curves(fitted), stage_folder("fusion", role) / protocol / cell / f"{model}_history.csv")
        scores.setdefault(cell, {})[model] = intervals.both_ways(predictions, **drawing)
        for fold, fit, result in zip(data.folds, by_fold, fitted, strict=True):
            curves = stage_folder("curves", role) / protocol / cell / model / f"fold_{fold}"
            log_steps(result.history, curves, step="epoch", names=CURVES)
            if cell == "selected" and model in ("audio", FUSED[protocol]):
                drawn = Path("plots/fusion") / protocol / model / f"fold_{fold}.tsv"
                copy_file(curves / "plots/metrics/validation_loss.tsv", drawn)
            if fit.keep_weights:
                model_file = Path("models") / protocol / model / f"fold_{fold}.keras"
                kept.export_model(digest(fit, data.study), model_file)
    write_json(scores, metrics_file(f"fusion/{protocol}", role))
    print(f"{len(order)} fits of {len(als.CLINICAL_COLUMNS)} models for two cells, {protocol}")


def fusion_fits(data: als.ProtocolData, role: str) -> dict[tuple[str, str], list[Fit]]:
    """By cell (`selected`, `published`) and model, a fit for each fold; the selected cell's keep their weights."""
    fusing = settings("fusion", als.FusionSettings)
    published = settings("published", als.PublishedSettings).cell
    selection = read_json(metrics_file(f"selection/{data.protocol}", role))["cells"]
    cells = {
        "selected": [Cell(**selection[str(fold)]) for fold in data.folds],
        "published": [published for _ in data.folds],
    }
    als.require_image_size(cells["published"], data.image_shape)
    features = {name: clinical_features(data, name, role) for name in ("all", "common")}
    fits: dict[tuple[str, str], list[Fit]] = {}
    for which, cell_of_fold in cells.items():
        keep = which == "selected"
        for model, columns in als.CLINICAL_COLUMNS.items():
            fits[which, model] = [
                als.audio_fit(data, cell, fold, keep_weights=keep)
                if columns is None
                else als.fusion_fit(data, model, cell, fold, features[columns][fold], fusing, keep_weights=keep)
                for cell, fold in zip(cell_of_fold, data.folds, strict=True)
            ]
    return fits


if __name__ == "__main__":
    run(main)
