"""Figures of the appraisal: reliability curves and forest plots."""

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bulbar.style.figure_style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, styled

LONGEST_LINE = 30
"""Longest line of a row's name, in characters. Two lines are drawn, because a release's words may be very long."""

LOOKS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (VERMILION, "D"))
CURVES = (*LOOKS, (PURPLE, "v"))


@styled
def reliability(panels: Mapping[str, Mapping[str, pd.DataFrame]], title: str) -> Figure:
    """Draw reliability curves: share of patients against mean probability, one panel per model, one curve per scaler.

    panels: panel title -> legend entry -> table of `calibration.reliability`.
    """
    figure = Figure(figsize=(6.2 * len(panels), 7.4), layout="constrained")
    figure.suptitle(title)
    places = figure.subplots(1, len(panels), squeeze=False).ravel()
    for axes, (name, curves) in zip(places, panels.items(), strict=True):
        axes.plot([0, 1], [0, 1], color="black", linewidth=1, linestyle=(0, (1, 3)), label="true probabilities")
        for (colour, marker), (text, curve) in zip(LOOKS, curves.items(), strict=False):
            share, look = curve["share_positive"].to_numpy(), {"color": colour, "marker": marker, "markersize": 8}
            ends = np.abs(curve[["low", "high"]].to_numpy().T - share)
            look |= {"linewidth": 1, "elinewidth": 1.5, "capsize": 3, "label": text}
            axes.errorbar(curve["mean_probability"], share, yerr=ends, **look)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_aspect("equal")
        axes.set_xlabel("Mean probability of ALS in the bin")
        axes.set_ylabel("Share of patients in the bin")
        axes.set_title(name)
    legend = places[0].get_legend_handles_labels()
    figure.legend(*legend, loc="outside lower center", ncols=len(legend[1]))
    return figure


@styled
def forest(
    table: pd.DataFrame,
    title: str,
    *,
    x_label: str,
    reference: float,
    limits: tuple[float, float] | None = None,
    note_title: str = "",
) -> Figure:
    """Draw a forest plot: values with intervals, one line each, under headings.

    Parameters
    ----------
    table : DataFrame
        section, row, series, value, low, high, note. Each (section, row) is one line; each series has its own colour;
        a missing value leaves its line empty; `note` is printed to the right of the line.
    title, x_label, note_title : str
        Texts of the figure, the axis and the column of notes.
    reference : float
        Value of no effect, drawn as a dotted line.
    limits : tuple of float or None
        Ends of the axis; None fits them to the intervals.

    Returns
    -------
    Figure
        One row of text per line.
    """
    series = list(dict.fromkeys(table["series"]))
    lines = _lines(table)
    figure = Figure(figsize=(11, 2.6 + (0.42 if len(series) < 3 else 0.55) * len(lines)), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots()
    axes.axvline(reference, color="black", linestyle=":", linewidth=1.5, zorder=0)
    place = {line: height for height, line in enumerate(lines)}
    reach = 0.17 if len(series) < 3 else 0.28
    shifts = dict(zip(series, np.linspace(-reach, reach, len(series)) if len(series) > 1 else [0.0], strict=True))
    for (colour, marker), name in zip(LOOKS, series, strict=False):
        here = table[(table["series"] == name) & table["value"].notna()]
        axes.errorbar(
            here["value"],
            [place[line] + shifts[name] for line in zip(here["section"], here["row"], strict=True)],
            xerr=np.abs(here[["low", "high"]].to_numpy(dtype=float).T - here["value"].to_numpy(dtype=float)),
            color=colour,
            marker=marker,
            markersize=7,
            linestyle="none",
            elinewidth=2,
            label=name,
        )
    axes.set_yticks(range(len(lines)), [_drawn(row or section) for section, row in lines])
    for tick, (_, row) in zip(axes.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("normal" if row else "bold")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    notes = {(section, row): str(note) for section, row, note in table[["section", "row", "note"]].to_numpy()}
    across = axes.get_yaxis_transform()
    for line, note in notes.items():
        axes.text(1.02, place[line], note, transform=across, va="center", color=GREY, fontsize=12)
    if note_title:
        axes.text(1.02, -1, note_title, transform=across, va="center", color=GREY, fontsize=12)
    axes.set_ylim(len(lines) - 0.4, -1.4)
    if limits is not None:
        margin = 0.02 * (limits[1] - limits[0])
        axes.set_xlim(limits[0] - margin, limits[1] + margin)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.set_xlabel(x_label)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=len(series))
    return figure


@styled
def learning_curve(table: pd.DataFrame, title: str) -> Figure:
    """AUC by number of training subjects, a line for each model; a shade from the lowest to the highest subset.

    table: model, subjects, mean, lowest, highest.
    """
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
    axes.axhline(0.5, color="black", linestyle=":", linewidth=1.5)
    for (colour, marker), (name, rows) in zip(CURVES, table.groupby("model", sort=False), strict=False):
        label = str(name).replace("_", " ")
        axes.plot(rows["subjects"], rows["mean"], color=colour, marker=marker, markersize=8, label=label)
        axes.fill_between(rows["subjects"], rows["lowest"], rows["highest"], color=colour, alpha=0.15, linewidth=0)
    axes.set_xlabel("Training subjects (mean of the folds)")
    axes.set_ylabel("AUC per subject, pairs within a fold")
    axes.set_title(title)
    axes.grid(axis="y")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=table["model"].nunique())
    return figure


def _drawn(name: str) -> str:
    return textwrap.fill(name, LONGEST_LINE, max_lines=2, placeholder="…", break_on_hyphens=False)


def _lines(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The lines from top to bottom: each section's heading (with an empty row), if it has a name, then its rows."""
    lines: list[tuple[str, str]] = []
    for section, rows in table.groupby("section", sort=False):
        lines += [(str(section), "")] if section else []
        lines += [(str(section), str(row)) for row in dict.fromkeys(rows["row"])]
    return lines
