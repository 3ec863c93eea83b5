"""Figures of the explanations; every mean is over at least five people."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bulbar.core.markdown import with_interval
from bulbar.explain.audio_tables import Panel
from bulbar.explain.clinical_tables import VOICE
from bulbar.explain.sanity import LEVELS, SIMILAR_FROM
from bulbar.features.figures import frequency_axis
from bulbar.features.spectrogram import Settings
from bulbar.style.figure_style import BLUE, CLASS_COLOURS, GREEN, GREY, ORANGE, SKY, VERMILION, styled

NAMES = {"integrated_gradients": "Integrated gradients", "grad_cam": "Grad-CAM", "random": "random order"}
LOOKS = {"integrated_gradients": (VERMILION, "-"), "grad_cam": (BLUE, "--"), "random": (GREY, ":")}
SIGNED, UNSIGNED = mpl.colormaps["RdBu_r"].resampled(65), mpl.colormaps["cividis"].resampled(64)
"""With few colours, so that both fit into a PNG palette of 256."""


def height(settings: Settings) -> tuple[float, float]:
    """Vertical extent of an image, in mel bands or coefficients."""
    return (0.5, settings.mfcc_coefficients + 0.5) if settings.representation == "mfcc" else (0.0, settings.mel_bands)


def power_of_ten(power: int) -> str:
    """`10⁻³`."""
    return "10" + str(power).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))


def time_label(settings: Settings) -> str:
    """Label of the time axis of a mean map."""
    return {
        "resize": "Time (s of the mean recording)",
        "pad": "Time (s)",
        "segments": "Time (s from the segment's start)",
    }[settings.time_axis]


@styled
def maps(
    by_method: Mapping[str, Mapping[tuple[str, str], Panel]],
    classes: tuple[str, str],
    settings: Settings,
    verdicts: Mapping[Any, str],
    title: str,
) -> Figure:
    """Draw mean maps: one row per task, one column per method and class, one colour scale per method.

    `by_method` is method -> (task, class) -> panel. `classes` are the negative and the positive class; the positive one
    is drawn first. `verdicts` come from the sanity check of each method.
    """
    tasks = list(dict.fromkeys(task for panels in by_method.values() for task, _ in panels))
    columns = [(method, name) for method in by_method for name in reversed(classes)]
    figure = Figure(figsize=(4.3 * len(columns) + 0.8, 3.7 * len(tasks) + 1.7), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(len(tasks), len(columns), squeeze=False)
    for method, panels in by_method.items():
        mine = [place for place, (of, _) in enumerate(columns) if of == method]
        signed = method == "integrated_gradients"
        drawn = [np.abs(panel.map) for panel in panels.values() if panel.map is not None]
        largest = max((float(np.quantile(one, 0.995)) for one in drawn), default=0.0) or 1.0
        power = int(np.floor(np.log10(largest)))
        look = {"cmap": SIGNED if signed else UNSIGNED, "vmin": -largest if signed else 0, "vmax": largest}
        look = {name: value if name == "cmap" else value / 10**power for name, value in look.items()}
        shown = None
        for row, task in enumerate(tasks):
            for place in mine:
                axes, panel = grid[row, place], panels[task, columns[place][1]]
                shown = _panel(axes, panel, settings, power, look) or shown
                axes.set_title(f"{columns[place][1]}, {task}: {_people(panel)}", fontsize=13)
                if place:
                    axes.set_ylabel("")
                if row == len(tasks) - 1:
                    axes.set_xlabel(time_label(settings))
        if shown is not None:
            meaning = f"for {classes[1]} (red) or against (blue)" if signed else f"for {classes[1]}"
            unit = f"{power_of_ten(power)} log-odds per pixel" if signed else power_of_ten(power)
            label = f"{NAMES[method]} {meaning}, {unit}; sanity check: {verdicts[method]}"
            figure.colorbar(
                shown, ax=list(grid[:, mine].ravel()), location="bottom", label=label, pad=0.02, shrink=0.9, aspect=40
            ).ax.xaxis.label.set_fontsize(12)
    return figure


def _people(panel: Panel) -> str:
    return f"{panel.subjects} subjects, {panel.seconds:.1f} s" if panel.map is not None else "fewer than 5 subjects"


def _panel(axes: Axes, panel: Panel, settings: Settings, power: int, look: Mapping[str, Any]) -> AxesImage | None:
    """Draw one mean map, or the word `withheld` if there are too few subjects."""
    if panel.map is None:
        axes.text(0.5, 0.5, "withheld", ha="center", va="center", transform=axes.transAxes, color=GREY)
        axes.set(xticks=[], yticks=[])
        return None
    extent = (0, panel.seconds, *height(settings))
    drawn = axes.imshow(
        panel.map / 10**power, origin="lower", aspect="auto", extent=extent, interpolation="nearest", **look
    )
    frequency_axis(axes, settings)
    return drawn


@styled
def occluded(
    bands: pd.DataFrame, stretches: pd.DataFrame, classes: tuple[str, str], level: float, title: str
) -> Figure:
    """Draw the effect of hiding each frequency band and time segment: AUC above, log-odds of each class below.

    `bands` and `stretches` come from `audio_tables.occluded`; `level` is the level of their intervals.
    """
    figure = Figure(figsize=(14, 9), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(2, 2, sharex="col", sharey="row")
    if "from_hz" in bands:
        hidden, label = _ranges(bands, "hz", ",.0f"), "Band hidden (Hz)"
    else:
        hidden, label = _ranges(bands, "coefficient", ".1f"), "Coefficients hidden"
    times = _ranges(stretches, "s", ".1f")
    columns = ((bands, hidden, label), (stretches, times, "Segment hidden (s of the mean recording)"))
    for (upper, lower), (table, names, what) in zip(grid.T, columns, strict=True):
        place = np.arange(len(table))
        _whiskers(upper, place, table, "auc_drop", "black", "o", "AUC")
        for shift, name, marker in ((-0.12, classes[1], "s"), (0.12, classes[0], "D")):
            colour = CLASS_COLOURS.get(name, GREY)
            _whiskers(lower, place + shift, table, f"log_odds_drop_{name}", colour, marker, f"held-out {name}")
        for axes in (upper, lower):
            axes.axhline(0, color="black", linestyle=":", linewidth=1.5)
            axes.grid(axis="y")
        lower.set_xticks(place, names, rotation=40, ha="right", fontsize=12)
        lower.set_xlabel(what)
    grid[0, 0].set_ylabel("Drop of AUC per subject")
    grid[1, 0].set_ylabel(f"Drop of log-odds of {classes[1]}")
    note = f"{100 * level:g} % intervals over subjects; lower row: above 0, the hidden part supports {classes[1]}"
    figure.legend(*grid[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, title=note)
    return figure


def _ranges(table: pd.DataFrame, unit: str, form: str) -> list[str]:
    """Labels such as `0–304`, from the limits of each part."""
    return [f"{low:{form}}–{high:{form}}" for low, high in zip(table[f"from_{unit}"], table[f"to_{unit}"], strict=True)]


def _whiskers(axes: Axes, at: np.ndarray, table: pd.DataFrame, name: str, colour: str, marker: str, label: str) -> None:
    """A point with its interval for each row of a table."""
    axes.vlines(at, table[f"{name}_low"], table[f"{name}_high"], color=colour, linewidth=3)
    axes.plot(at, table[name], marker, color=colour, markersize=8, label=label)


MEASURED = {
    "spearman": ("|rank correlation|, used for the verdict", VERMILION, "o"),
    "spearman_absolute": ("rank correlation of absolute values", BLUE, "s"),
    "ssim": ("SSIM of absolute values", GREEN, "D"),
}


@styled
def sanity(table: pd.DataFrame, title: str) -> Figure:
    """Draw the similarity of maps while more layers get random weights. `table`: `audio_tables.sanity_check`."""
    figure = Figure(figsize=(13, 6.2), layout="constrained")
    figure.suptitle(title)
    methods = list(dict.fromkeys(table["method"]))
    for axes, method in zip(figure.subplots(1, len(methods), sharey=True, squeeze=False).ravel(), methods, strict=True):
        of_method = table[table["method"] == method]
        for place, (measure, (label, colour, marker)) in enumerate(MEASURED.items()):
            rows = of_method[of_method["measure"] == measure].set_index("level").loc[list(LEVELS)]
            at = np.arange(1, len(rows) + 1) + 0.08 * (place - 1)
            _whiskers(axes, at, rows, "likeness", colour, marker, label)
            axes.plot([0, *at], [1, *rows["likeness"]], color=colour, linewidth=1.2)
        axes.axhline(SIMILAR_FROM, color="black", linestyle="--", linewidth=1.5, label="threshold: similar above")
        axes.set_title(f"{NAMES[method]}: {''.join(of_method['verdict'])}")
        deeper = [level if level == LEVELS[0] else f"+ {level}" for level in LEVELS]
        axes.set_xticks(range(len(LEVELS) + 1), ["none", *deeper], fontsize=12)
        axes.set_xlim(-0.3, len(LEVELS) + 0.45)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("Layers with random weights")
        axes.grid(axis="y")
    figure.axes[0].set_ylabel("Similarity to the map of the trained network")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@styled
def deletion(curves: pd.DataFrame, areas: pd.DataFrame, title: str) -> Figure:
    """Draw the deletion curves. `curves` and `areas` come from `audio_tables.deleted` and `audio_tables.areas`."""
    figure = Figure(figsize=(10, 6.6), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots()
    less = areas.set_index("order").filter(like="less_than_random")
    for order, (colour, line) in LOOKS.items():
        text = NAMES[order]
        if order in less.index:
            value, low, high = map(float, less.loc[order].to_numpy())
            text += f" first: {with_interval(value, low, high, '{:.3f}'.format)} less area than in random order"
        axes.plot(curves["share_deleted"], curves[order], color=colour, linestyle=line, label=text)
        ends = curves[f"{order}_low"], curves[f"{order}_high"]
        axes.fill_between(curves["share_deleted"], *ends, color=colour, alpha=0.15, linewidth=0)
    axes.axhline(0, color="black", linewidth=1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlim(0, 1)
    axes.set_xlabel("Pixels replaced by the baseline")
    axes.set_ylabel("Remaining effect (log-odds relative to the baseline)")
    axes.grid(axis="y")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=1)
    return figure


@styled
def permutation(table: pd.DataFrame, models: Sequence[str], level: float, title: str) -> Figure:
    """Draw the drop of the AUC when a group is shuffled: due to its values, and due to which cells are recorded.

    `table` comes from `clinical_tables.permuted`, for all models; `level` is the level of its intervals.
    """
    tables = {model: table[table["model"] == model].iloc[::-1] for model in models}
    rows = [len(one) for one in tables.values()]
    figure = Figure(figsize=(13, 2.9 + 0.42 * sum(rows)), layout="constrained")
    figure.suptitle(title)
    for axes, (model, one) in zip(_rows_of(figure, rows), tables.items(), strict=True):
        at = np.arange(len(one))
        for shift, name, colour, marker, label in (
            (0.16, "by_values", ORANGE, "s", "values shuffled among the subjects with a recorded value"),
            (-0.16, "by_recording", BLUE, "D", "additional drop if it is also shuffled which cells are recorded"),
        ):
            axes.hlines(at + shift, one[f"{name}_low"], one[f"{name}_high"], color=colour, linewidth=3)
            axes.plot(one[name], at + shift, marker, color=colour, markersize=7, label=label)
        axes.axvline(0, color="black", linestyle=":", linewidth=1.5)
        axes.set_yticks(at, [f"{group} ({count})" for group, count in zip(one["group"], one["columns"], strict=True)])
        axes.set_title(f"{model}: AUC {one['auc'].iloc[0]:.2f} per subject, within folds", loc="left", fontsize=14)
        axes.grid(axis="x")
    label = f"Drop of AUC, {100 * level:g} % intervals over subjects; in brackets: number of columns"
    figure.axes[-1].set_xlabel(label)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=1)
    return figure


CELLS = {
    "recorded": (SKY, "", "recorded cells"),
    "not_recorded": (VERMILION, "//", "cells that are not recorded"),
    "unsplit": (ORANGE, "..", "not split: fewer than 5 subjects with one kind"),
    "voice": (GREY, "", "voice"),
}


@styled
def shap(table: pd.DataFrame, models: Sequence[str], title: str) -> Figure:
    """Draw the mean absolute SHAP values by group and class, for cells that are recorded and not recorded.

    `table` comes from `clinical_tables.shap_by_group`, for all models.
    """
    tables = {model: table[table["model"] == model] for model in models}
    rows = [one["group"].nunique() for one in tables.values()]
    classes = list(dict.fromkeys(table["class"]))[::-1]
    figure = Figure(figsize=(13, 3.1 + 0.42 * sum(rows)), layout="constrained")
    figure.suptitle(title)
    grid = _rows_of(figure, rows, columns=len(classes))
    for line, (model, of_model) in zip(grid, tables.items(), strict=True):
        for axes, name in zip(line, classes, strict=True):
            one = of_model[of_model["class"] == name].iloc[::-1].reset_index(drop=True)
            voice, split = one["group"] == VOICE, one["recorded"].notna()
            widths = {
                "recorded": one["recorded"].where(~voice),
                "not_recorded": one["not_recorded"],
                "unsplit": one["total"].where(~split),
                "voice": one["total"].where(voice & split),
            }
            start = np.zeros(len(one))
            for cells, width in widths.items():
                colour, hatch, _ = CELLS[cells]
                axes.barh(
                    one.index, width.fillna(0), left=start, color=colour, hatch=hatch, edgecolor="white", height=0.7
                )
                start += width.fillna(0)
            axes.set_yticks(one.index, one["group"])
            axes.xaxis.set_major_locator(MaxNLocator(4))
            axes.set_title(f"{model}, held-out {name}", loc="left", fontsize=14)
            axes.grid(axis="x")
            axes.set_axisbelow(True)
    for axes in grid[-1]:
        axes.set_xlabel("Mean |SHAP| (log-odds)")
    handles = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=label) for colour, hatch, label in CELLS.values()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _rows_of(figure: Figure, rows: Sequence[int], columns: int = 0) -> np.ndarray:
    """Panels in one column, with heights in proportion to their rows; `columns` makes it a grid."""
    sizes = {"height_ratios": [n + 1 for n in rows]}
    grid = figure.subplots(len(rows), columns or 1, squeeze=False, sharex=True, sharey="row", gridspec_kw=sizes)
    for axes in grid.ravel():
        axes.tick_params(labelbottom=True)
    return grid if columns else grid.ravel()


@styled
def recording(
    image: np.ndarray, attributions: np.ndarray, seconds: float, positive: str, settings: Settings, title: str
) -> Figure:
    """Draw one recording's mel image and its integrated gradients. This shows one person: do not share it.

    `image` and `attributions` have the shape (mel, frame).
    """
    figure = Figure(figsize=(12, 4.4))
    figure.subplots_adjust(left=0.085, right=0.985, bottom=0.14, top=0.82, wspace=0.16)
    figure.suptitle(title, fontsize=14)
    left, right = figure.subplots(1, 2)
    extent = (0, seconds, *height(settings))
    shown = left.imshow(
        image, origin="lower", aspect="auto", cmap=mpl.colormaps["magma"].resampled(64), vmin=0, vmax=1, extent=extent
    )
    figure.colorbar(shown, ax=left, pad=0.02)
    left.set_title("Mel image (0 floor, 1 loudest)" if settings.representation == "mel" else "MFCC image", fontsize=13)
    largest = float(np.quantile(np.abs(attributions), 0.995)) or 1.0
    power = int(np.floor(np.log10(largest)))
    signed = right.imshow(
        attributions / 10**power, origin="lower", aspect="auto", extent=extent, cmap=SIGNED,
        vmin=-largest / 10**power, vmax=largest / 10**power,
    )  # fmt: skip
    figure.colorbar(signed, ax=right, pad=0.02)
    right.set_title(f"For {positive} (red), against (blue), {power_of_ten(power)} log-odds per pixel", fontsize=13)
    for axes in (left, right):
        axes.set_xlabel("Time (s)")
        frequency_axis(axes, settings)
    right.set_ylabel("")
    return figure
