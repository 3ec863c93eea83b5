"""The paper's Tables 4 and 5 and Figures 10 to 14, beside ours; ROC and precision–recall curves."""

from collections.abc import Hashable, Mapping
from typing import Any

from bulbar.report import alternative_texts
from bulbar.report.elements import Cell, Figure, Number, Prose, Section, Table
from bulbar.report.results import Form, Results, percent, percentage, shown, two, with_interval
from bulbar.report.run import PROTOCOLS

TABLE_4, TABLE_5 = "plots/evaluate/table_4_{}.csv", "plots/evaluate/table_5.csv"
SWEEP, PAPER_4 = "metrics/sweep/{}.json", "reference/als_table4_accuracy.csv"
REPORTED = {
    "record_wise": ("highest_fold", "highest_fold_accuracy", "highest fold, as the paper reports"),
    "subject_wise": ("mean", "mean_accuracy", "mean of the folds"),
}
AVERAGE = "average"
BIASED = (
    "**Biased:** a speaker’s recordings are in training and in test alike, training was stopped by the test fold, and "
    "cell and fold were picked on it. The intervals hold none of that."
)
FIGURES = {
    "figure_10": "Figure 10: dropout rate and accuracy",
    "figure_11": "Figure 11: pooling and average accuracy",
    "figure_12": "Figure 12: confusion matrices, audio",
    "figure_13": "Figure 13: confusion matrices, audio and clinical",
}


def section(results: Results) -> Section:
    """Tables and figures of both protocols."""
    return Section("paper", "The paper’s tables and figures, beside ours", [of_protocol(results, p) for p in PROTOCOLS])


def of_protocol(results: Results, protocol: str) -> Section:
    """Tables 4 and 5 and Figures 10 to 13 of one protocol."""
    heat = Figure(
        f"plots/evaluate/table_4_{protocol}.png",
        f"Table 4 as heat maps, {protocol}",
        alternative_texts.of_table_4(results, protocol),
        TABLE_4.format(protocol),
    )
    drawn = [
        Figure(
            f"plots/evaluate/{name}_{protocol}.png",
            f"{title}, {protocol}",
            alternative_texts.OF_PAPER[name](results, protocol),
            data_of(name, protocol),
        )
        for name, title in FIGURES.items()
    ]
    majority = results.number("metrics/evaluate.json", protocol, "majority_accuracy", form=percent)
    start = f"{BIASED} " if protocol == "record_wise" else ""
    of = "reported fold’s recordings" if protocol == "record_wise" else "recordings"
    lead: Prose = [f"{start}Calling everyone the majority is right for ", majority, f" of the {of}."]
    return Section(
        f"paper-{protocol}",
        f"Split by {protocol.removesuffix('_wise').replace('record', 'recording')} (`{protocol}`)",
        [lead, table_4(results, protocol), table_5(results, protocol), heat, *drawn],
    )


def data_of(figure: str, protocol: str) -> str:
    """The CSV behind one of the figures."""
    suffix = "_selected_recording" if figure in ("figure_12", "figure_13") else ""
    return f"plots/evaluate/{figure}_{protocol}{suffix}.csv"


def table_4(results: Results, protocol: str) -> Table:
    """Accuracy by architecture and dropout rate, the paper's in brackets; averages at the edges."""
    file = TABLE_4.format(protocol)
    column, key, words = REPORTED[protocol]
    table = results.table(file).astype({"dropout_rate": str})
    values = table.set_index(["architecture", "dropout_rate"]).to_dict("index")
    rates = list(dict.fromkeys(table["dropout_rate"]))

    def cell(architecture: str, rate: str) -> Cell:
        if AVERAGE in (architecture, rate):
            ours = shown(values[(architecture, rate)][column], file, f"{architecture}, {rate}: {column}", digits)
            source, where = file, f"{architecture}, {rate}: paper"
        else:
            ours = results.number(SWEEP.format(protocol), architecture, rate, key, form=lambda x: digits(100 * x))
            source, where = PAPER_4, f"{architecture}: dropout_{rate}"
        paper = shown(values[(architecture, rate)]["paper"], source, where, bracketed)
        return [ours, " ", paper]

    architectures = list(dict.fromkeys(table["architecture"]))
    rows = {name: [name, *(cell(name, rate) for rate in rates)] for name in architectures}
    foot = [rows.pop(AVERAGE)] if AVERAGE in rows else []
    return Table(
        f"table-4-{protocol}",
        f"Table 4, {protocol}: accuracy in %, {words} (the paper’s in brackets)",
        ["Architecture", *(rate if rate == AVERAGE else f"Dropout {rate}" for rate in rates)],
        list(rows.values()),
        foot,
    )


def digits(value: float) -> str:
    """As the paper prints accuracies."""
    return f"{value:.2f}"


def bracketed(value: float) -> str:
    """As it stands behind ours."""
    return f"({digits(value)})"


def table_5(results: Results, protocol: str) -> Table:
    """Scores of every model per recording and per subject, the paper's in brackets."""
    table = results.table(TABLE_5)
    mine = table[(table["protocol"] == protocol) & ~table["scope"].str.endswith("of folds")]
    rows = [row_of_table_5(row) for row in mine.to_dict("records")]
    return Table(
        f"table-5-{protocol}",
        f"Table 5, {protocol}: scores in % (the paper’s), intervals after them; "
        "precision, recall and F1 weighted by class",
        ["Model", "Accuracy", "Precision", "Recall", "F1", "Balanced accuracy", "AUC", "Brier score", "Of"],
        rows,
    )


def row_of_table_5(row: Mapping[Hashable, Any]) -> list[Cell]:
    """A model's scores. row: of plots/evaluate/table_5.csv."""
    where = f"{row['protocol']}, {row['cell']}, {row['model']}, {row['unit']}, {row['scope']}"

    def score(name: str, form: Form = percentage) -> Number:
        return with_interval(
            row[name], row.get(f"{name}_low"), row.get(f"{name}_high"), TABLE_5, f"{where}: {name}", form
        )

    def beside(name: str, paper: str) -> Cell:
        ours = score(name) if name == "accuracy" else shown(row[name], TABLE_5, f"{where}: {name}", percentage)
        theirs = shown(
            row[f"paper_{paper}"], TABLE_5, f"{where}: paper_{paper}", lambda value: f"({percentage(value)})"
        )
        return ours if theirs.value is None else [ours, " ", theirs]

    return [
        f"{row['model']}, per {row['unit']}".replace("_", " "),
        beside("accuracy", "accuracy"),
        beside("precision_weighted", "precision"),
        beside("recall_weighted", "recall"),
        beside("f1_weighted", "f1"),
        score("balanced_accuracy"),
        score("roc_auc", lambda value: two(value / 100)),
        score("brier", two),
        f"{row['cell']} cell, {row['scope']}",
    ]


def curves(results: Results) -> Section:
    """The curves of both protocols."""
    return Section(
        "curves", "Curves", [figure for protocol in PROTOCOLS for figure in curves_of_protocol(results, protocol)]
    )


def curves_of_protocol(results: Results, protocol: str) -> list[Figure]:
    """Figure 14, ROC and precision–recall of the selected cell."""
    evaluate = f"plots/evaluate/{{}}_{protocol}"
    return [
        Figure(
            f"{evaluate.format('figure_14')}.png",
            f"Figure 14: learning curves, {protocol}",
            alternative_texts.of_learning(results, protocol),
            f"{evaluate.format('figure_14')}.csv",
        ),
        Figure(
            f"{evaluate.format('roc')}_selected.png",
            f"ROC curves, selected cell, {protocol}",
            alternative_texts.of_roc(results, protocol),
            f"{evaluate.format('roc')}_selected_subject.csv",
        ),
        Figure(
            f"{evaluate.format('precision_recall')}_selected.png",
            f"Precision–recall curves, selected cell, {protocol}",
            alternative_texts.of_precision_recall(results, protocol),
            f"{evaluate.format('precision_recall')}_selected_subject.csv",
        ),
    ]
