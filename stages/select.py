"""Select cells of the sweep by the rule of the protocol."""

from bulbar.core.files import read_table, write_json
from bulbar.scoring import selection
from stages.parts.bootstrap import drawing
from stages.parts.params import settings
from stages.parts.places import is_synthetic, metrics_file, stage_folder, stage_table
from stages.parts.run import run


def main(protocol: str) -> None:
    """Read data/sweep/PROTOCOL, write metrics/selection/PROTOCOL.json; protocol: record_wise | subject_wise."""
    rules = settings("select", selection.Settings)
    fits = read_table(stage_folder("sweep") / protocol / "fits.csv")
    cells = selection.cells_of(fits)
    predictions = {cell: stage_table("sweep", f"{protocol}/predictions/{cell}.csv") for cell in cells}
    drawn = drawing(f"select/{protocol}")
    if protocol == "record_wise":
        picked = selection.record_wise(fits, rules.record_wise_rule)
        picked = selection.with_intervals(picked, predictions, **drawn)
    else:
        picked = selection.subject_wise(fits, predictions, **drawn)
    write_json({"synthetic": is_synthetic(), "protocol": protocol, **picked}, metrics_file(f"selection/{protocol}"))
    names = [f"{cell['architecture']} at {cell['dropout_rate']}" for cell in picked["cells"].values()]
    note = f", fold {picked['reported_fold']}" if picked["reported_fold"] else f" in folds {', '.join(picked['cells'])}"
    print(f"{protocol}: {', '.join(names[:1] if picked['reported_fold'] else names)}{note}, by {picked['rule']}")


if __name__ == "__main__":
    run(main)
