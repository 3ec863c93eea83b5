"""Audio alone, clinical alone and both fused (Figure 9), for the selected and the published cell of one protocol."""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from bulbar.core.atomic_write import copy_file
from bulbar.core.files import read_json, write_json, write_table
from bulbar.core.names import FUSED, Cell, Protocol
from bulbar.scoring import intervals
from bulbar.training import als
from bulbar.training.fits import Fit, Settings
from stages.parts.bootstrap import drawing
from stages.parts.clinical_data import learned
from stages.parts.fitting import export_model, train
from stages.parts.live import log_steps
from stages.parts.params import settings
from stages.parts.places import is_synthetic, metrics_file, stage_folder, stage_table
from stages.parts.protocol_data import load_data
from stages.parts.run import run

CURVES = ("loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate")


def main(protocol: Protocol) -> None:
    """Read data/ and metrics/selection/; write models/, data/fusion/, data/curves/, metrics/ and plots/fusion/ of P.

    plots/fusion/P/ holds the part of data/curves/P/ that is drawn: validation losses of the selected cell's reported
    models.
    """
    drawn, data = drawing(f"fusion/{protocol}/intervals"), load_data(protocol)
    fits = fusion_fits(data)
    order = [fit for by_fold in fits.values() for fit in by_fold]
    results = train(order, data.study, f"fusion, {protocol}")

    out = stage_folder("fusion") / protocol
    scores: dict[str, Any] = {"synthetic": is_synthetic(), "biased": protocol == "record_wise"}
    for (cell, model), by_fold in fits.items():
        fitted = list(islice(results, len(by_fold)))
        predictions = als.predictions(data, by_fold, fitted)
        write_table(predictions, out / cell / f"{model}.csv")
        write_table(als.curves(fitted), out / cell / f"{model}_history.csv")
        scores.setdefault(cell, {})[model] = intervals.both_ways(predictions, **drawn)
        for fold, fit, result in zip(data.folds, by_fold, fitted, strict=True):
            curves = stage_folder("curves") / protocol / cell / model / f"fold_{fold}"
            log_steps(result.history, curves, step="epoch", names=CURVES)
            if cell == "selected" and model in ("audio", FUSED[protocol]):
                shown = Path("plots/fusion") / protocol / model / f"fold_{fold}.tsv"
                copy_file(curves / "plots/metrics/validation_loss.tsv", shown)
            if cell == "selected":
                export_model(fit, data.study, Path("models") / protocol / model / f"fold_{fold}.keras")
    write_json(scores, metrics_file(f"fusion/{protocol}"))
    print(f"{len(order)} fits of {len(als.CLINICAL_COLUMNS)} models for two cells, {protocol}")


def fusion_fits(data: als.ProtocolData) -> dict[tuple[str, str], list[Fit]]:
    """(cell, model) -> one fit per fold, for the cells `selected` (with stored weights) and `published`."""
    fusing = settings("fusion", als.FusionSettings)
    published = settings("published", als.PublishedSettings).cell
    as_on_a_real_cohort = settings("train", Settings)  # for the small networks of clinical columns alone
    selection = read_json(metrics_file(f"selection/{data.protocol}"))["cells"]
    cells = {
        "selected": [Cell(**selection[str(fold)]) for fold in data.folds],
        "published": [published for _ in data.folds],
    }
    als.require_image_size(cells["published"], data.image_shape)
    features = {name: clinical_features(data, name) for name in ("all", "common")}
    fits: dict[tuple[str, str], list[Fit]] = {}
    for which, cell_of_fold in cells.items():
        for model, columns in als.CLINICAL_COLUMNS.items():
            keep = which == "selected" or model.startswith("clinical")  # no cell: one fit for both, trained once
            by_fold = [
                als.audio_fit(data, cell, fold, keep_weights=keep)
                if columns is None
                else als.fusion_fit(data, model, cell, fold, features[columns][fold], fusing, keep_weights=keep)
                for cell, fold in zip(cell_of_fold, data.folds, strict=True)
            ]
            fits[which, model] = [
                fit if fit.network.sees_features else replace(fit, settings=as_on_a_real_cohort) for fit in by_fold
            ]
    return fits


def clinical_features(data: als.ProtocolData, columns: str) -> dict[int, np.ndarray]:
    """Fold -> clinical features of every row: the paper's matrix, or encoded as learned from the training subjects."""
    if data.protocol == "record_wise":
        matrix = stage_table("clinical", f"record_wise_{columns}.csv").set_index("subject_id")
        return {fold: als.clinical_of_rows(data, matrix) for fold in data.folds}
    known = learned(data.table, columns)
    return {
        fold: als.clinical_of_rows(data, encoder.transform(known.typed)) for fold, encoder in known.encoders.items()
    }


if __name__ == "__main__":
    run(main)
