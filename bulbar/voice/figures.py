"""Figures of the voice model: weights over the folds, and what each family of measures is worth to it."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from bulbar.core.files import save, write_table
from bulbar.style.figure_style import BLUE, GREY, VERMILION, styled
from bulbar.voice import people

SHOWN = 15
"""Columns of the model that the figure of weights shows, the largest mean first."""


def summary(weights: pd.DataFrame, most: int = 40) -> dict[str, dict[str, float]]:
    """Mean, lowest and highest weight over the folds of the columns with the largest means.

    weights: shape (columns, folds), the largest mean first.
    """
    return {
        str(name): {"mean": float(row.mean()), "lowest": float(row.min()), "highest": float(row.max())}
        for name, row in weights.head(most).iterrows()
    }


def draw(weights: pd.DataFrame, importance: Mapping[str, float], folder: Path, title: str) -> None:
    """Write weights.png and importance.png with their data as CSV into a folder.

    weights: shape (columns, folds). importance: family of measures -> AUC lost without it.
    """
    shown = pd.DataFrame(summary(weights, SHOWN)).T.rename_axis("column").reset_index()
    write_table(shown.round(5), folder / "weights.csv")
    save(draw_weights(shown, title), folder / "weights.png")
    lost = pd.DataFrame({"family": list(importance), "auc_lost": list(importance.values())})
    write_table(lost.round(4), folder / "importance.csv")
    save(draw_importance(lost, title), folder / "importance.png")


@styled
def draw_weights(shown: pd.DataFrame, title: str) -> Figure:
    """Mean weight of each column and its range over the folds; to the right, towards ALS."""
    figure = Figure(figsize=(10, 0.42 * len(shown) + 1.9), layout="constrained")
    axes = figure.subplots()
    places = range(len(shown))[::-1]
    axes.axvline(0, color=GREY, linewidth=1)
    for place, row in zip(places, shown.to_dict("records"), strict=True):
        colour = VERMILION if row["mean"] > 0 else BLUE
        axes.plot([row["lowest"], row["highest"]], [place, place], color=colour, linewidth=3, alpha=0.5)
        axes.plot(row["mean"], place, "o", color=colour)
    axes.set_yticks(list(places), [in_words(str(name)) for name in shown["column"]])
    label = "Log-odds of ALS for one standard deviation more (dot: mean of the folds, line: their range)"
    axes.set_xlabel(label, fontsize=12)
    axes.set_title(f"Largest weights of the voice model\n{title}")
    return figure


@styled
def draw_importance(lost: pd.DataFrame, title: str) -> Figure:
    """AUC lost when a family of measures is exchanged between held-out people."""
    figure = Figure(figsize=(9, 0.45 * len(lost) + 1.9), layout="constrained")
    axes = figure.subplots()
    places = list(range(len(lost)))[::-1]
    axes.barh(places, lost["auc_lost"], color=BLUE)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_yticks(places, [str(name) for name in lost["family"]])
    axes.set_xlabel("AUC lost when its values are exchanged between held-out people")
    axes.set_title(f"What each family of measures adds to the voice model\n{title}")
    return figure


def in_words(column: str) -> str:
    """`A:f0_mad_semitones` as `f0 mad semitones, A`."""
    return f"{people.measure_of(column).replace('_', ' ')}, {people.task_of(column)}"
