"""Figures of the audit."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bulbar.audit.finding import LEAK_FROM, Finding
from bulbar.audit.label_probe import LabelProbe
from bulbar.audit.page import MEANING
from bulbar.style.figure_style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, styled

COLOURS = {"leak": VERMILION, "suspect": ORANGE, "clear": GREEN, "sign": BLUE, "confounder": PURPLE}
MARKERS = {"leak": "X", "suspect": "D", "clear": "o", "sign": "s", "confounder": "^"}
"""Of each verdict that a drawn finding can have: one that is not testable has no value to draw."""


@styled
def label_probes(findings: Sequence[Finding], title: str) -> Figure:
    """Draw how well each input alone predicts the label: AUC with interval, coloured by verdict.

    Only findings whose value is an AUC with the observed labels are drawn.
    """
    findings = [finding for finding in findings if finding.figure.startswith("AUC per") and "," not in finding.figure]
    figure = Figure(figsize=(11, 2.2 + 0.46 * len(findings)), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots()
    names = [f"{finding.probe.replace('_', ' ')}: {finding.of}" for finding in findings]
    for row, finding in enumerate(findings):
        colour = COLOURS[finding.verdict]
        axes.plot([finding.low, finding.high], [row, row], color=colour, linewidth=3, solid_capstyle="butt")
        axes.plot(finding.value, row, MARKERS[finding.verdict], color=colour, markersize=9)
        if np.isfinite(finding.p):
            across = axes.get_yaxis_transform()
            axes.text(1.02, row, f"{finding.p:.3f}", transform=across, va="center", color=GREY, fontsize=12)
    axes.text(1.02, 1.0, "p", transform=axes.transAxes, va="bottom", color=GREY, fontsize=12)
    axes.axvline(0.5, color="black", linestyle=":", linewidth=1.5)
    axes.axvline(LEAK_FROM, color=VERMILION, linestyle="--", linewidth=1.5)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("AUC of a quick classifier that uses only this input, 95 % interval")
    shown = {finding.verdict for finding in findings}
    handles = [
        Line2D([], [], color=COLOURS[verdict], marker=MARKERS[verdict], linewidth=3, label=verdict)
        for verdict in MEANING
        if verdict in shown
    ]
    lines = [
        Line2D([], [], color="black", linestyle=":", label="chance"),
        Line2D([], [], color=VERMILION, linestyle="--", label="leak: the whole interval is above"),
    ]
    figure.legend(handles=[*handles, *lines], loc="outside lower center", ncols=3)
    return figure


@styled
def nothing_to_learn(probes: Mapping[str, LabelProbe], title: str) -> Figure:
    """Draw the AUC of each protocol with shuffled labels (histogram) and with the observed labels (line).

    `probes` is the result of `label_shuffle.learn`.
    """
    figure = Figure(figsize=(11, 2.2 + 2.1 * len(probes)), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(len(probes), 1, sharex=True, squeeze=False).ravel()
    everything = np.concatenate([[*one.null, one.value] for one in probes.values()])
    low, high = min(0.3, np.nanmin(everything)), max(0.7, np.nanmax(everything))
    bins = np.linspace(low - 0.02, high + 0.02, 50)
    for axes, (protocol, one) in zip(panels, probes.items(), strict=True):
        axes.hist(one.null, bins=bins, color=SKY, label="labels shuffled between subjects")
        axes.axvline(0.5, color="black", linestyle=":", label="chance")
        axes.axvline(float(one.null.mean()), color=BLUE, linewidth=2.5, label="mean of the shuffles")
        axes.axvline(one.value, color=VERMILION, linestyle="--", linewidth=2.5, label="observed labels")
        axes.set_title(protocol, loc="left")
        axes.set_ylabel("Shuffles")
    panels[-1].set_xlabel("AUC of the quick classifier, per recording")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
