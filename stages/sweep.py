"""Table 1's architectures × dropout rates × folds, for one protocol."""

from itertools import islice
from typing import Any

import pandas as pd

from bulbar.cohort import folds
from bulbar.core import parallel
from bulbar.core.files import read_json, write_json, write_table
from bulbar.core.seeds import seed_of
from bulbar.scoring import intervals, metrics
from bulbar.training import als, fit_cache
from stages.parts.material import load_material
from stages.parts.params import settings, study_settings
from stages.parts.places import metrics_file, room
from stages.parts.run import run


def main(protocol: folds.Protocol, role: str = "main") -> None:
    """Write data/sweep/PROTOCOL/ (fits, curves, out-of-fold predictions) and metrics/sweep/PROTOCOL.json."""
    cells = settings("sweep", als.SweepSettings).cells
    computing = settings("compute", parallel.Settings)
    drawing = settings("bootstrap", intervals.Settings).model_dump()
    drawing["seed"] = seed_of(study_settings().seed, f"sweep/{protocol}/intervals")
    material = load_material(protocol, role)
    als.require_room_for(cells, material.image_shape)
    fits = [als.audio_fit(material, cell, fold) for cell in cells for fold in material.folds]
    kept = fit_cache.KeptFits(computing.kept_fits_dir)
    print(f"sweep, {protocol}: {fit_cache.plan(fits, material.study, kept, computing.n_workers)}", flush=True)
    results = fit_cache.run(fits, material.study, kept, computing=computing, label=f"sweep, {protocol}")

    out = room("sweep", role) / protocol
    synthetic = read_json(room("cohort", role) / "cohort.json")["synthetic"]
    majority = metrics.majority_accuracy(material.table["label"])
    scores: dict[str, Any] = {
        "synthetic": synthetic,
        "biased": protocol == "record_wise",
        "majority_accuracy": majority,
    }
    summaries, curves = [], []
    in_order = iter(fits)
    for cell in cells:
        own = list(islice(in_order, len(material.folds)))
        fitted = list(islice(results, len(own)))
        predictions = als.predictions(material, own, fitted)
        summary = als.summary(cell, material, own, fitted)
        write_table(predictions, out / "predictions" / f"{cell}.csv")
        of_cell = als.cell_scores(predictions, summary, **drawing)
        scores.setdefault(cell.architecture, {})[str(cell.dropout_rate)] = of_cell
        summaries.append(summary)
        curves.append(als.curves(fitted, architecture=cell.architecture, dropout_rate=cell.dropout_rate))
    write_table(pd.concat(summaries), out / "fits.csv")
    write_table(pd.concat(curves), out / "histories.csv")
    write_json(scores, metrics_file(f"sweep/{protocol}", role))
    backend = material.study.settings.keras_backend
    print(f"{len(cells)} cells × {len(material.folds)} folds, {protocol}, Keras on {backend}")


if __name__ == "__main__":
    run(main)
