"""Figures of a search: best loss per sampler, all trials, importances, random search compared with the grid."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bulbar.style.figure_style import BLUE, GREEN, MARKERS, PURPLE, SKY, VERMILION, styled

LOOKS: dict[str, dict[str, Any]] = {
    "grid": {"color": BLUE, "linestyle": "-", "marker": MARKERS[0]},
    "random": {"color": VERMILION, "linestyle": "--", "marker": MARKERS[1]},
    "tpe": {"color": GREEN, "linestyle": "-.", "marker": MARKERS[2]},
    "genetic": {"color": PURPLE, "linestyle": ":", "marker": MARKERS[3]},
}


@styled
def best_so_far(trials: pd.DataFrame, title: str) -> Figure:
    """The lowest validation loss by each trial, one line per sampler.

    trials: of `trials.table_of`, samplers under each other.
    """
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    axes = figure.subplots()
    for sampler, rows in trials.groupby("sampler", sort=False):
        axes.plot(rows["trial"], rows["best_so_far"], drawstyle="steps-post", label=sampler, **LOOKS[str(sampler)])
    axes.set_xlabel("Trials")
    axes.set_ylabel("Lowest validation loss so far (nats)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    axes.legend(title="sampler")
    axes.set_title(title)
    return figure


@styled
def parallel_coordinates(trials: pd.DataFrame, settings: Sequence[str], title: str) -> Figure:
    """Draw one line per trial through its settings to its validation loss, with evenly spaced values on each axis.

    trials: from `trials.table_of`, at least one of them complete; only complete ones are drawn. settings: columns of
    the axes before the last one. Lines are shaded by rank of loss, the best ones dark.
    """
    figure = Figure(figsize=(2.2 * (len(settings) + 1) + 2, 6.2), layout="constrained")
    axes = figure.subplots()
    complete = trials[trials["state"] == "complete"]
    distinct = complete.drop_duplicates([*settings, "validation_loss"]).sort_values("validation_loss", ascending=False)
    losses = distinct["validation_loss"].to_numpy()
    spread = losses.max() - losses.min()
    heights = [(losses - losses.min()) / spread if spread else np.full(len(losses), 0.5)]
    for place, name in reversed(list(enumerate(settings))):
        values = sorted(trials[name].unique())
        at = {value: (rank + 0.5) / len(values) for rank, value in enumerate(values)}
        heights.insert(0, distinct[name].map(at).to_numpy())
        for value in values:
            behind = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
            axes.text(place, at[value], f"{value:g}", va="center", ha="center", fontsize=12, zorder=3, bbox=behind)
    wiggle = np.linspace(-0.03, 0.03, len(losses))  # trials with the same value are drawn side by side
    for row in range(len(losses)):
        y = [axis[row] + (wiggle[row] if place < len(settings) else 0) for place, axis in enumerate(heights)]
        rank = row / max(len(losses) - 1, 1)
        axes.plot(range(len(y)), y, color=BLUE if rank > 0.8 else SKY, alpha=0.25 + 0.7 * rank)
    last = len(settings)
    axes.text(last, 1, f" {losses.max():.3f}", va="center", fontsize=12)
    axes.text(last, 0, f" {losses.min():.3f}", va="center", fontsize=12)
    axes.set_xticks(range(last + 1), [*(name.replace("_", "\n") for name in settings), "validation\nloss (nats)"])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    left_out = len(trials) - len(complete)
    without = f"; without {left_out} pruned or failed trials" if left_out else ""
    axes.set_title(f"{title}\ndark: the best fifth of the trials{without}")
    return figure


@styled
def importances(by_sampler: Mapping[str, Mapping[str, float]], title: str) -> Figure:
    """Draw the share of variance of the validation loss that each setting explains, one bar per sampler."""
    names = list(dict.fromkeys(name for shares in by_sampler.values() for name in shares))
    figure = Figure(figsize=(9, 1.8 + 0.9 * max(len(names), 2)), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / max(len(by_sampler), 1)
    for place, (sampler, shares) in enumerate(by_sampler.items()):
        at = np.arange(len(names)) + (place - (len(by_sampler) - 1) / 2) * width
        values = [shares.get(name, 0.0) for name in names]
        axes.barh(at, values, height=width, color=LOOKS[sampler]["color"], label=sampler)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("Share of explained variance (fANOVA)")
    figure.legend(*axes.get_legend_handles_labels(), title="sampler", loc="outside right center")
    axes.set_title(title)
    return figure


@styled
def replay(table: pd.DataFrame, orders: int, title: str) -> Figure:
    """Draw the distance of a random search of n points from the grid's best, and the share of orders that found it.

    table: from `replay.replay`.
    """
    figure = Figure(figsize=(13, 5.8), layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    left.fill_between(
        table["n"], table["gap_low"], table["gap_high"], color=SKY, alpha=0.4, label=f"inner 95 % of {orders} orders"
    )
    left.plot(table["n"], table["gap_median"], color=BLUE, marker="o", label="median")
    left.set_ylabel("Validation loss above the grid's best (nats)")
    left.legend()
    right.plot(table["n"], table["found_best"], color=VERMILION, linestyle="--", marker="s", label="the best point")
    right.plot(table["n"], table["close"], color=BLUE, marker="o", label="90 % of the way to it")
    right.set_ylim(-0.02, 1.02)
    right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    right.set_ylabel("Share of orders that found …")
    right.legend()
    for axes in (left, right):
        axes.set_xlabel("Number of random trials")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
    return figure


@styled
def train_test_gap(gaps: Mapping[str, Mapping[str, float]], title: str) -> Figure:
    """Draw the accuracy on the training part and on the test part of each model. gaps: model -> result of `gap`."""
    figure = Figure(figsize=(9, 5.8), layout="constrained")
    axes = figure.subplots()
    at = np.arange(len(gaps))
    for place, (part, colour) in enumerate((("train", BLUE), ("test", VERMILION))):
        values = [found[f"{part}_accuracy"] for found in gaps.values()]
        bars = axes.bar(at + (place - 0.5) * 0.36, values, width=0.34, color=colour, label=part)
        axes.bar_label(bars, [f"{value:.1%}" for value in values], fontsize=12)
    axes.set_xticks(at, [f"{name}\ngap {100 * found['gap']:.1f} points" for name, found in gaps.items()])
    axes.set_ylim(0, 1.08)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylabel("Accuracy")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    axes.set_title(title)
    return figure
