"""Learning, ROC and precision–recall curves."""

from bulbar.report import alternatives
from bulbar.report.elements import Figure, Section
from bulbar.report.results import Results
from bulbar.report.run import PROTOCOLS


def section(results: Results) -> Section:
    """The curves of both protocols."""
    return Section("curves", "Curves", [figure for protocol in PROTOCOLS for figure in of_protocol(results, protocol)])


def of_protocol(results: Results, protocol: str) -> list[Figure]:
    """Figure 14, ROC and precision–recall of the selected cell."""
    evaluate = f"plots/evaluate/{{}}_{protocol}"
    return [
        Figure(
            f"{evaluate.format('figure_14')}.png",
            f"Figure 14: learning curves, {protocol}",
            alternatives.of_learning(results, protocol),
            f"{evaluate.format('figure_14')}.csv",
        ),
        Figure(
            f"{evaluate.format('roc')}_selected.png",
            f"ROC curves, selected cell, {protocol}",
            alternatives.of_roc(results, protocol),
            f"{evaluate.format('roc')}_selected_subject.csv",
        ),
        Figure(
            f"{evaluate.format('precision_recall')}_selected.png",
            f"Precision–recall curves, selected cell, {protocol}",
            alternatives.of_precision_recall(results, protocol),
            f"{evaluate.format('precision_recall')}_selected_subject.csv",
        ),
    ]
