"""How much of the selected cell's score is its split and its start: fitted on several splits, from several starts."""

from itertools import islice, product
from typing import Any

import pandas as pd

from bulbar import compute, experiment, folds, kept_fits, spread
from bulbar.cells import Cell
from stages.io import metrics_file, read_json, room, run, settings, write_json, write_table
from stages.material import load_material


def main(protocol: folds.Protocol, role: str = "main") -> None:
    """Write data/spread/PROTOCOL/predictions.csv and metrics/spread/PROTOCOL.json.

    `folds.repeats` splits and `train.seeds` starts, the run's own first: with one of each nothing new is fitted.
    """
    splitting, computing = settings("folds", folds.Settings), settings("compute", compute.Settings)
    material = load_material(protocol, role)
    chosen, cell = chosen_cell(protocol, role)
    starts = range(1, material.study.settings.seeds + 1)
    splits = {repeat: spread.on_split(material, repeat, splitting) for repeat in range(1, splitting.repeats + 1)}
    fits = {(repeat, start): spread.fits_from(splits[repeat], cell, start) for repeat, start in product(splits, starts)}
    order = [fit for by_fold in fits.values() for fit in by_fold]
    kept = kept_fits.KeptFits(computing.kept_fits_dir)
    print(f"spread, {protocol}: {kept_fits.plan(order, material.study, kept, computing.n_workers)}", flush=True)
    results = kept_fits.run(order, material.study, kept, computing=computing, label=f"spread, {protocol}")

    tables = []
    for (repeat, start), by_fold in fits.items():
        table = experiment.predictions(splits[repeat], by_fold, list(islice(results, len(by_fold))))
        table.insert(0, "repeat", repeat)
        table.insert(1, "seed", start)
        tables.append(table)
    predictions = pd.concat(tables)
    write_table(predictions, room("spread", role) / protocol / "predictions.csv")
    rows = spread.scores(predictions)
    found: dict[str, Any] = {
        "synthetic": read_json(room("cohort", role) / "cohort.json")["synthetic"],
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
    write_json(found, metrics_file(f"spread/{protocol}", role))
    print(f"{protocol}: {cell}, splits: {len(splits)}, starts of each: {len(starts)}")


def chosen_cell(protocol: folds.Protocol, role: str) -> tuple[str, Cell]:
    """The cell that is fitted again, and how it was chosen."""
    selected = read_json(metrics_file(f"selection/{protocol}", role))
    if protocol == "record_wise":
        taken, chosen = next(iter(selected["cells"].values())), "the selected cell"
    else:
        taken = selected["pooled_winner"]
        chosen = "the pooled winner: each fold selects a cell of its own, and none was selected inside the new folds"
    return chosen, Cell(taken["architecture"], taken["dropout_rate"])


if __name__ == "__main__":
    run(main)
