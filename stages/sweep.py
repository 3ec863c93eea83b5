"""Train every architecture of Table 1 at every dropout rate on every fold, for one protocol."""

from itertools import islice
from typing import Any

import pandas as pd

from bulbar.core.files import write_json, write_table
from bulbar.core.names import Protocol
from bulbar.scoring import metrics
from bulbar.training import als
from stages.parts.bootstrap import drawing
from stages.parts.fitting import train
from stages.parts.params import settings
from stages.parts.places import is_synthetic, metrics_file, stage_folder
from stages.parts.protocol_data import load_data
from stages.parts.run import run


def main(protocol: Protocol) -> None:
    """Read data/features/ and data/folds/; write data/sweep/P/ and metrics/sweep/P.json of protocol P.

    data/sweep/P/ holds the fits, learning curves and out-of-fold predictions of each cell.
    """
    cells, drawn = settings("sweep", als.SweepSettings).cells, drawing(f"sweep/{protocol}/intervals")
    data = load_data(protocol)
    als.require_image_size(cells, data.image_shape)
    fits = [als.audio_fit(data, cell, fold) for cell in cells for fold in data.folds]
    results = train(fits, data.study, f"sweep, {protocol}")

    out = stage_folder("sweep") / protocol
    scores: dict[str, Any] = {
        "synthetic": is_synthetic(),
        "biased": protocol == "record_wise",
        "majority_accuracy": metrics.majority_accuracy(data.table["label"]),
    }
    summaries, curves = [], []
    in_order = iter(fits)
    for cell in cells:
        own = list(islice(in_order, len(data.folds)))
        fitted = list(islice(results, len(own)))
        predictions = als.predictions(data, own, fitted)
        summary = als.summary(cell, data, own, fitted)
        write_table(predictions, out / "predictions" / f"{cell}.csv")
        of_architecture = scores.setdefault(cell.architecture, {})
        of_architecture[str(cell.dropout_rate)] = als.cell_scores(predictions, summary, **drawn)
        summaries.append(summary)
        curves.append(als.curves(fitted, architecture=cell.architecture, dropout_rate=cell.dropout_rate))
    write_table(pd.concat(summaries), out / "fits.csv")
    write_table(pd.concat(curves), out / "histories.csv")
    write_json(scores, metrics_file(f"sweep/{protocol}"))
    backend = data.study.settings.keras_backend
    print(f"{len(cells)} cells × {len(data.folds)} folds, {protocol}, Keras on {backend}")


if __name__ == "__main__":
    run(main)
