"""Pick cells of the sweep by the protocol's own rule."""

from bulbar.core.digests import seed_of
from bulbar.core.files import read_json, read_table, write_json
from bulbar.scoring import intervals, selection
from stages.parts.params import settings, study_settings
from stages.parts.places import metrics_file, stage_folder
from stages.parts.run import run


def main(protocol: str, role: str = "main") -> None:
    """Read data/sweep/PROTOCOL, write metrics/selection/PROTOCOL.json; protocol: record_wise | subject_wise."""
    sweep = stage_folder("sweep", role) / protocol
    rules = settings("select", selection.Settings)
    fits = read_table(sweep / "fits.csv")
    synthetic = read_json(stage_folder("cohort", role) / "cohort.json")["synthetic"]
    predictions = {
        cell: read_table(sweep / "predictions" / f"{cell}.csv", subject_id=str) for cell in selection.cells_of(fits)
    }
    drawing = settings("bootstrap", intervals.Settings).model_dump()
    drawing["seed"] = seed_of(study_settings().seed, f"select/{protocol}")
    if protocol == "record_wise":
        picked = selection.record_wise(fits, rules.record_wise_rule)
        picked = selection.with_intervals(picked, predictions, **drawing)
    else:
        picked = selection.subject_wise(fits, predictions, **drawing)
    write_json({"synthetic": synthetic, "protocol": protocol, **picked}, metrics_file(f"selection/{protocol}", role))
    names = [f"{cell['architecture']} at {cell['dropout_rate']}" for cell in picked["cells"].values()]
    note = f", fold {picked['reported_fold']}" if picked["reported_fold"] else f" in folds {', '.join(picked['cells'])}"
    print(f"{protocol}: {', '.join(names[:1] if picked['reported_fold'] else names)}{note}, by {picked['rule']}")


if __name__ == "__main__":
    run(main)
