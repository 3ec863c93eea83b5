"""The paper's figures: functions from tables and arrays to a matplotlib Figure, with equal bytes for equal inputs."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bulbar.core.names import Cell
from bulbar.paper import als_digits
from bulbar.style.figure_style import BLUE, GREEN, GREY, MARKERS, ORANGE, PURPLE, SKY, VERMILION, styled


def _panels(columns: int, width: float, height: float, title: str, **shared: Any) -> tuple[Figure, np.ndarray]:
    """A figure with its panels in one row; `width` is the width of a panel in inches."""
    figure = Figure(figsize=(width * columns, height), layout="constrained")
    figure.suptitle(title)
    return figure, figure.subplots(1, columns, squeeze=False, **shared).ravel()


def _name_rows_and_columns(axes: Axes, rows: Sequence[str], columns: Sequence[str], labels: tuple[str, str]) -> None:
    """Label the rows and columns of a grid, without ticks and frame; `labels` are those of the x and y axis."""
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])


@styled
def folds_of_table_4(printed: Mapping[Cell, float]) -> Figure:
    """Draw the paper's Table 4 as fractions of recordings, which show the fold that each accuracy can come from.

    `printed` maps each cell to its accuracy in percent (`tables.paper_by_cell`).
    """
    codes = list(dict.fromkeys(cell.architecture for cell in printed))
    rates = list(dict.fromkeys(cell.dropout_rate for cell in printed))
    figure = Figure(figsize=(10, 1.9 + 0.5 * len(codes)), layout="constrained")
    figure.suptitle("The paper's Table 4: each accuracy is that of one fold")
    axes = figure.subplots()
    shares = als_digits.patient_shares()
    small, large = als_digits.SIZES
    by_size = {
        f"{small}": (f"the one fold of {small}", ORANGE),
        f"{large}": (f"one of the four folds of {large}", SKY),
    }
    looks: dict[str, tuple[str, str]] = {}
    for cell, percent in printed.items():
        fractions = als_digits.fractions(percent)
        if als_digits.hundredths(percent) in shares:
            look = ("the share of patients in a fold, as if the network predicts patient for everyone", "#D0D0D0")
        else:
            look = by_size.get(" ".join(fraction.split("/")[1] for fraction in fractions), ("neither", "white"))
        row, column = codes.index(cell.architecture), rates.index(cell.dropout_rate)
        looks[look[0]] = look
        axes.add_patch(Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, color=look[1]))
        axes.text(column, row, f"{percent:.2f} = {' or '.join(fractions)}", ha="center", va="center", fontsize=11)
    _name_rows_and_columns(axes, codes, [f"{rate:g}" for rate in rates], ("Dropout rate", "Architecture"))
    axes.set_xlim(-0.5, len(rates) - 0.5)
    axes.set_ylim(len(codes) - 0.5, -0.5)
    handles = [Patch(color=colour, label=text) for text, colour in looks.values()]
    figure.legend(handles=handles, loc="outside lower center", ncols=1)
    return figure


DEPTH_COLOURS = (BLUE, SKY, GREEN, ORANGE, VERMILION)


def _look(architecture: str) -> dict[str, Any]:
    """Colour and marker by depth, line style by pooling, for S1A … S5B of Table 1; others look like depth 5."""
    digit = architecture[1:2]
    depth = min(max(int(digit) if digit.isdigit() else len(DEPTH_COLOURS), 1), len(DEPTH_COLOURS)) - 1
    average = architecture.endswith("B")
    return {
        "color": DEPTH_COLOURS[depth],
        "marker": MARKERS[depth],
        "linestyle": "--" if average else "-",
        "markerfacecolor": "white" if average else DEPTH_COLOURS[depth],
    }


@styled
def heat_maps(
    grids: Mapping[str, pd.DataFrame], title: str, spreads: Mapping[str, pd.DataFrame] | None = None
) -> Figure:
    """Draw the accuracy (%) of each architecture (rows) and dropout rate (columns) as heat maps (Table 4).

    `grids` maps panel titles to `tables.grid`, with averages in the last row and column; all panels share the colour
    scale. `spreads` has, for some panels, the values printed after ±. NaN stays white.
    """
    panels = 2 if len(grids) > 1 else 1
    rows = -(-len(grids) // panels)
    first = next(iter(grids.values()))
    figure = Figure(figsize=(8.2 * panels, (0.52 * len(first) + 2.0) * rows + 0.8), layout="constrained")
    figure.suptitle(title)
    values = np.concatenate([table.to_numpy(dtype=float).ravel() for table in grids.values()])
    low, high = (np.nanmin(values), np.nanmax(values)) if np.isfinite(values).any() else (0.0, 100.0)
    places = figure.subplots(rows, panels, squeeze=False).ravel()
    for axes in places[len(grids) :]:
        axes.set_visible(False)
    for axes, (name, table) in zip(places, grids.items(), strict=False):
        shown = table.to_numpy(dtype=float)
        around = spreads[name].to_numpy(dtype=float) if spreads and name in spreads else None
        drawn = axes.imshow(shown, cmap="cividis", vmin=low, vmax=high, aspect="auto")
        for (row, column), value in np.ndenumerate(shown):
            if not np.isfinite(value):
                continue
            edge = row == len(table) - 1 or column == table.shape[1] - 1
            spread = "" if around is None or edge else f"\n±{around[row, column]:.1f}"
            dark = high > low and (value - low) / (high - low) < 0.55
            look = {"color": "white" if dark else "black", "fontweight": "bold" if edge else "normal"}
            size = 10.5 if spread else 12.5
            axes.text(column, row, f"{value:.1f}{spread}", ha="center", va="center", fontsize=size, **look)
        axes.axhline(len(table) - 1.5, color="white", linewidth=3)
        axes.axvline(table.shape[1] - 1.5, color="white", linewidth=3)
        rows_and_columns = list(map(str, table.index)), list(map(str, table.columns))
        _name_rows_and_columns(axes, *rows_and_columns, ("Dropout rate", "Architecture"))
        axes.set_title(name)
    figure.colorbar(drawn, ax=list(places), label="Accuracy (%)", pad=0.01, aspect=40)
    return figure


@styled
def dropout_effect(grids: Mapping[str, pd.DataFrame], majority: Mapping[str, float], title: str) -> Figure:
    """Draw accuracy by dropout rate, one line per architecture (the paper's Figure 10).

    `grids` maps panel titles to accuracies in percent, architecture × dropout rate (`tables.grid` without averages).
    `majority` maps panel titles to the majority baseline in percent, a dotted line.
    """
    figure, panels = _panels(len(grids), 7, 6.8, title, sharey=True)
    for axes, (name, table) in zip(panels, grids.items(), strict=True):
        rates = [float(rate) for rate in table.columns]
        for architecture in map(str, table.index):
            values = table.loc[architecture]
            axes.plot(rates, values.to_numpy(dtype=float), label=architecture, markersize=7, **_look(architecture))
        axes.axhline(majority[name], color="black", linestyle=":", label="majority")
        axes.set_xticks(sorted(rates))
        axes.set_title(name)
        axes.set_xlabel("Dropout rate")
        axes.grid(axis="y")
    panels[0].set_ylabel("Accuracy (%)")
    lines = panels[0].get_legend_handles_labels()
    figure.legend(*lines, loc="outside lower center", ncols=6, title="solid: max pooling, dashed: average pooling")
    return figure


@styled
def pooling_effect(averages: Mapping[str, pd.Series], majority: Mapping[str, float], title: str) -> Figure:
    """Draw the accuracy averaged over dropout rates, max and average pooling at each depth (the paper's Figure 11).

    `averages` maps panel titles to accuracies in percent, index S1A … S5B; `majority` maps them to the majority
    baseline in percent.
    """
    figure, panels = _panels(len(averages), 6.5, 6, title, sharey=True)
    looks = (("A", "max pooling", BLUE, -0.2), ("B", "average pooling", ORANGE, 0.2))
    for axes, (name, values) in zip(panels, averages.items(), strict=True):
        depths = list(dict.fromkeys(str(code)[:-1] for code in values.index))
        for suffix, label, colour, shift in looks:
            at = {place + shift: values[code + suffix] for place, code in enumerate(depths) if code + suffix in values}
            axes.bar(list(at), list(at.values()), width=0.38, color=colour, label=label)
            look = {"rotation": 90, "ha": "center", "va": "bottom", "color": "white" if suffix == "A" else "black"}
            for place, value in at.items():
                text = f"{value:.1f}" if np.isfinite(value) else ""
                axes.text(place, 0.02, text, transform=axes.get_xaxis_transform(), **look)
        axes.axhline(majority[name], color="black", linestyle=":", label="majority")
        axes.set_xticks(range(len(depths)), depths)
        axes.set_xlabel("Depth (S1: one convolution, S5: five)")
        axes.set_title(name)
    shown = [*(value for series in averages.values() for value in series.dropna()), *majority.values()]
    panels[0].set_ylim(max(0.0, 5 * np.floor(min(shown) / 5) - 5), min(104.0, max(shown) + 5))
    panels[0].set_ylabel("Average accuracy (%)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


@styled
def confusion_matrices(
    counts: Mapping[str, tuple[int, int, int, int] | None], classes: tuple[str, str], title: str, columns: int = 3
) -> Figure:
    """Draw confusion matrices, shaded by the share of each actual class (the paper's Figures 12 and 13).

    `counts` maps panel titles to TP, FN, FP, TN (`metrics.confusion`); None leaves a panel empty. `classes` are the
    names of the negative and the positive class; the positive class comes first, as in the paper.
    """
    rows = -(-len(counts) // columns)
    figure = Figure(figsize=(4.8 * columns, 5.2 * rows + 0.6), layout="constrained")
    figure.suptitle(title)
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in places[len(counts) :]:
        axes.set_visible(False)
    for axes, (name, four) in zip(places, counts.items(), strict=False):
        if four is None:
            axes.set_visible(False)
            continue
        table = np.array(four, dtype=float).reshape(2, 2)
        share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (row, column), n in np.ndenumerate(table):
            colour = "white" if share[row, column] > 0.5 else "black"
            axes.text(
                column, row, f"{n:.0f}\n{share[row, column]:.0%}", ha="center", va="center", color=colour, fontsize=17
            )
        _name_rows_and_columns(axes, classes[::-1], classes[::-1], ("Predicted", "Actual"))
        right = np.trace(table) / table.sum() if table.sum() else np.nan
        axes.set_title(f"{name}\n{right:.1%} of {table.sum():.0f}", fontsize=14)
    return figure


@styled
def learning_curves(histories: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Draw loss and accuracy by epoch, training and validation, one line per fold (the paper's Figure 14).

    `histories` maps the name of a fold to its table: epoch, loss, accuracy, validation_loss, validation_accuracy.
    """
    figure, (left, right) = _panels(2, 6.5, 5.8, title)
    only = len(histories) == 1
    series = (("", "training", BLUE, "-", "o"), ("validation_", "validation", VERMILION, "--", "s"))
    for axes, quantity, label in ((left, "loss", "Loss (cross-entropy, nats)"), (right, "accuracy", "Accuracy")):
        for place, curves in enumerate(histories.values()):
            for prefix, name, colour, line, marker in series:
                look = {"color": colour, "linestyle": line, "markersize": 5, "alpha": 1 if only else 0.6}
                look |= {"marker": marker if len(curves) <= 20 else None, "label": None if place else name}
                axes.plot(curves["epoch"], curves[prefix + quantity], **look)
        axes.set_xlabel("Epoch")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
    left.set_ylim(bottom=0)
    right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    legend = "one line per fold: " + ", ".join(histories) if not only else next(iter(histories))
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, title=legend)
    return figure


MODEL_LOOKS: dict[str, dict[str, Any]] = {
    "voice": {"color": PURPLE, "linestyle": "-"},
    "conditions": {"color": "black", "linestyle": (0, (1, 1))},
    "audio": {"color": BLUE, "linestyle": "-"},
    "clinical_common": {"color": GREEN, "linestyle": "--"},
    "fused_common": {"color": ORANGE, "linestyle": "-"},
    "clinical_all": {"color": GREY, "linestyle": ":"},
    "fused_all": {"color": VERMILION, "linestyle": "-."},
}


@styled
def score_curves(
    panels: Mapping[str, Mapping[str, tuple[str, np.ndarray, np.ndarray]]],
    title: str,
    *,
    x_label: str,
    y_label: str,
    drawstyle: Literal["default", "steps-pre"],
    chance: Mapping[str, tuple[tuple[float, float], tuple[float, float]]],
) -> Figure:
    """Draw ROC or precision–recall curves, one line per model, one panel per unit.

    Parameters
    ----------
    panels : mapping
        Panel title -> model -> (text of the legend, x, y); x and y are rates in [0, 1], shape (n,).
    title, x_label, y_label : str
        Texts of the figure.
    drawstyle : {"default", "steps-pre"}
        "default" for ROC: tied rows give a slope, as in the AUC. "steps-pre" for precision by recall: values between
        its points cannot be reached.
    chance : mapping
        Panel title -> start and end of the line of a random classifier.
    """
    figure, places = _panels(len(panels), 6.8, 9.5, title)
    for axes, (name, models) in zip(places, panels.items(), strict=True):
        axes.plot(*zip(*chance[name], strict=True), color="black", linewidth=1, linestyle=(0, (1, 3)), label="chance")
        for model, (text, x, y) in models.items():
            axes.plot(x, y, drawstyle=drawstyle, label=text, **MODEL_LOOKS.get(model, {}))
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-0.01, 1.02)
        axes.set_box_aspect(1)
        axes.set_anchor("N")  # the legend needs the space below
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.set_title(name)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=1)
    return figure
