"""The paper's Tables 4 and 5 compared with ours, cell by cell."""

from collections.abc import Mapping
from typing import Any

from bulbar.report.results import Form, Results, Value, percentage, shown, two, with_interval

TABLE_5 = "plots/evaluate/table_5.csv"
AVERAGE = "average"
REPORTED = {
    "record_wise": ("highest_fold", "highest_fold_accuracy"),
    "subject_wise": ("mean", "mean_accuracy"),
}
"""Protocol -> name of the accuracy that it reports, in plots/evaluate and in metrics/sweep."""


def accuracy(results: Results, modality: str) -> Value:
    """The accuracy that the paper states for a modality."""
    file = "reference/als_table5_modalities.csv"
    stated = results.read(file).set_index("modality")["accuracy"].get(modality)
    return shown(stated, file, f"{modality}: accuracy", "{:g} %".format)


def table_4(results: Results, protocol: str) -> dict[str, Any]:
    """Accuracy by architecture and dropout rate, the paper's in brackets: rates, rows and foot (averages)."""
    file = f"plots/evaluate/table_4_{protocol}.csv"
    column, key = REPORTED[protocol]
    table = results.read(file).astype({"dropout_rate": str})
    values = table.set_index(["architecture", "dropout_rate"]).to_dict("index")
    rates = list(dict.fromkeys(table["dropout_rate"]))

    def cell(architecture: str, rate: str) -> list[Any]:
        found, where = values[architecture, rate], f"{architecture}, {rate}"
        if AVERAGE in (architecture, rate):
            ours = shown(found[column], file, f"{where}: {column}", two)
            return [ours, " ", shown(found["paper"], file, f"{where}: paper", "({:.2f})".format)]
        sweep = f"metrics/sweep/{protocol}.json"
        ours = results.value(sweep, architecture, rate, key, form=lambda share: two(100 * share))
        printed = ("reference/als_table4_accuracy.csv", f"{architecture}: dropout_{rate}")
        return [ours, " ", shown(found["paper"], *printed, "({:.2f})".format)]

    rows = {name: [name, *(cell(name, rate) for rate in rates)] for name in dict.fromkeys(table["architecture"])}
    foot = [rows.pop(AVERAGE)] if AVERAGE in rows else []
    return {"rates": rates, "rows": list(rows.values()), "foot": foot}


def table_5(results: Results, protocol: str) -> list[dict[str, Any]]:
    """Scores of every model per recording and per subject, the paper's in brackets."""
    table = results.read(TABLE_5)
    table = table[(table["protocol"] == protocol) & ~table["scope"].str.endswith("of folds")]
    return [_scores({str(name): value for name, value in row.items()}) for row in table.to_dict("records")]


def _scores(row: Mapping[str, Any]) -> dict[str, Any]:
    """A model's scores as cells. row: from plots/evaluate/table_5.csv."""
    where = f"{row['protocol']}, {row['cell']}, {row['model']}, {row['unit']}, {row['scope']}"

    def score(name: str, form: Form = percentage) -> Value:
        low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
        return with_interval(row[name], low, high, TABLE_5, f"{where}: {name}", form)

    def beside(ours: Value, printed: str) -> list[Any]:
        paper = shown(row[f"paper_{printed}"], TABLE_5, f"{where}: paper_{printed}", "({:.1f} %)".format)
        return [ours] if paper.number is None else [ours, " ", paper]

    def weighted(name: str) -> Value:
        return shown(row[f"{name}_weighted"], TABLE_5, f"{where}: {name}_weighted", percentage)

    return {
        **row,
        "accuracy": beside(score("accuracy"), "accuracy"),
        **{name: beside(weighted(name), name) for name in ("precision", "recall", "f1")},
        "balanced_accuracy": score("balanced_accuracy"),
        "roc_auc": score("roc_auc", lambda value: two(value / 100)),
        "brier": score("brier", two),
    }
