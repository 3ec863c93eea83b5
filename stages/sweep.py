"""Table 1's architectures × dropout rates × folds, for one protocol."""

from itertools import islice
from typing import Any

import pandas as pd

from bulbar.cohort import folds
from bulbar.core import parallel
from bulbar.core.digests import seed_of
from bulbar.core.files import read_json, write_json, write_table
from bulbar.scoring import intervals, metrics
from bulbar.training import als, fit_cache
from stages.parts.params import settings, study_settings
from stages.parts.places import metrics_file, stage_folder
from stages.parts.protocol_data import load_data
from stages.parts.run import run


def main(protocol: folds.Protocol, role: str = "main") -> None:
    """Write data/sweep/PROTOCOL/ (fits, curves, out-of-fold predictions) and metrics/sweep/PROTOCOL.json."""
    cells = settings("sweep", als.SweepSettings).cells
    computing = settings("compute", parallel.Settings)
    drawing = settings("bootstrap", intervals.Settings).model_dump()
    drawing["seed"] = seed_of(study_settings().seed, f"sweep/{protocol}/intervals")
    data = load_data(protocol, role)
    als.require_image_size(cells, data.image_shape)
    fits = [als.audio_fit(data, cell, fold) for cell in cells for fold in data.folds]
    kept = fit_cache.FitCache(computing.fit_cache_folder)
    print(f"sweep, {protocol}: {fit_cache.plan(fits, data.study, kept, computing.n_workers)}", flush=True)
    results = fit_cache.run(fits, data.study, kept, computing=computing, label=f"sweep, {protocol}")

    out = stage_folder("sweep", role) / protocol
    synthetic = read_json(stage_folder("cohort", role) / "cohort.json")["synthetic"]
    majority = metrics.majority_accuracy(data.table["label"])
    scores: dict[str, Any] = {
        "synthetic": synthetic,
        "biased": protocol == "record_wise",
        "majority_accuracy": majority,
    }
    summaries, curves = [], []
    in_order = iter(fits)
    for cell in cells:
        own = list(islice(in_order, len(data.folds)))
        fitted = list(islice(results, len(own)))
        predictions = als.predictions(data, own, fitted)
        summary = als.summary(cell, data, own, fitted)
        write_table(predictions, out / "predictions" / f"{cell}.csv")
        of_cell = als.cell_scores(predictions, summary, **drawing)
        scores.setdefault(cell.architecture, {})[str(cell.dropout_rate)] = of_cell
        summaries.append(summary)
        curves.append(als.curves(fitted, architecture=cell.architecture, dropout_rate=cell.dropout_rate))
    write_table(pd.concat(summaries), out / "fits.csv")
    write_table(pd.concat(curves), out / "histories.csv")
    write_json(scores, metrics_file(f"sweep/{protocol}", role))
    backend = data.study.settings.keras_backend
    print(f"{len(cells)} cells × {len(data.folds)} folds, {protocol}, Keras on {backend}")


if __name__ == "__main__":
    run(main)
