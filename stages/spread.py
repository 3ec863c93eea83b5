"""Spread of the selected cell's score over splits and starts: the cell is fitted on several of each."""

from itertools import islice, product
from typing import Any

import pandas as pd

from bulbar.cohort import folds
from bulbar.core.files import read_json, write_json, write_table
from bulbar.core.names import Cell, Protocol
from bulbar.training import als, spread
from stages.parts.fitting import train
from stages.parts.params import settings
from stages.parts.places import is_synthetic, metrics_file, stage_folder
from stages.parts.protocol_data import load_data
from stages.parts.run import run


def main(protocol: Protocol) -> None:
    """Read data/ and metrics/selection/; write predictions.csv of data/spread/P/ and metrics/spread/P.json.

    There are `spread.repeats` splits and `spread.seeds` starts; the first of each are those of the sweep, so with one
    of each nothing new is fitted.
    """
    wanted, splitting, data = (
        settings("spread", spread.Settings),
        settings("folds", folds.Settings),
        load_data(protocol),
    )
    chosen, cell = chosen_cell(protocol)
    starts = range(1, wanted.seeds + 1)
    splits = {repeat: spread.on_split(data, repeat, splitting) for repeat in range(1, wanted.repeats + 1)}
    fits = {(repeat, start): spread.fits_from(splits[repeat], cell, start) for repeat, start in product(splits, starts)}
    order = [fit for by_fold in fits.values() for fit in by_fold]
    results = train(order, data.study, f"spread, {protocol}")

    tables = []
    for (repeat, start), by_fold in fits.items():
        table = als.predictions(splits[repeat], by_fold, list(islice(results, len(by_fold))))
        table.insert(0, "repeat", repeat)
        table.insert(1, "seed", start)
        tables.append(table)
    predictions = pd.concat(tables)
    write_table(predictions, stage_folder("spread") / protocol / "predictions.csv")
    rows = spread.scores(predictions)
    found: dict[str, Any] = {
        "synthetic": is_synthetic(),
        "protocol": protocol,
        "biased": protocol == "record_wise",
        "cell": cell._asdict(),
        "chosen": chosen,
        "repeats": len(splits),
        "seeds": len(starts),
        "sentence": spread.sentence(protocol, cell, rows),
        "spread": spread.summary(rows),
        "fits": rows,
    }
    write_json(found, metrics_file(f"spread/{protocol}"))
    print(f"{protocol}: {cell}, splits: {len(splits)}, starts of each: {len(starts)}")


def chosen_cell(protocol: Protocol) -> tuple[str, Cell]:
    """The cell to fit again, and how it was chosen."""
    selected = read_json(metrics_file(f"selection/{protocol}"))
    if protocol == "record_wise":
        taken, chosen = next(iter(selected["cells"].values())), "the selected cell"
    else:
        taken = selected["pooled_winner"]
        chosen = "the pooled winner: each fold selects its own cell, and there is no selection inside the new folds"
    return chosen, Cell(taken["architecture"], taken["dropout_rate"])


if __name__ == "__main__":
    run(main)
