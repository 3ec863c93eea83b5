"""The overview of a run: AUC per subject of every model, under both protocols, in one picture."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bulbar.core.names import PROTOCOLS
from bulbar.style.figure_style import BLUE, GREY, ORANGE, styled

MODELS: Mapping[str, str] = {
    "majority": "majority class for everyone",
    "age_sex": "age and sex",
    "conditions": "recording conditions",
    "voice": "voice model",
    "published audio": "network, published cell",
    "audio": "network, selected cell",
    "clinical_common": "clinical, common columns",
    "fused_common": "network and clinical, common",
    "clinical_all": "clinical, all columns",
    "fused_all": "network and clinical, all",
}
"""Models of the overview, from top to bottom, in words."""

LEAKING = ("clinical_all", "fused_all")
"""Models that see clinical columns which a release may fill for patients only."""

LOOKS: Mapping[str, tuple[str, str]] = {"record_wise": (ORANGE, "s"), "subject_wise": (BLUE, "o")}
"""Protocol -> colour and marker."""

LABELS = {"record_wise": "split by recording (as the paper)", "subject_wise": "split by subject"}
SHIFTS: Mapping[str, float] = dict(zip(PROTOCOLS, (-0.16, 0.16), strict=True))


def table_of(scores: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The rows of the picture.

    Parameters
    ----------
    scores : mapping
        Protocol -> model -> `auc` with value, low and high, as metrics/appraise/P.json holds them.

    Returns
    -------
    DataFrame
        model, protocol, leaks, auc, low, high: a row for each model of `MODELS` that was scored, and protocol.
    """
    rows = [
        {"model": name, "protocol": protocol, "leaks": name in LEAKING}
        | {"auc": auc["value"], "low": auc["low"], "high": auc["high"]}
        for name in MODELS
        for protocol in PROTOCOLS
        if (auc := scores[protocol].get(name, {}).get("auc"))
    ]
    return pd.DataFrame(rows, columns=["model", "protocol", "leaks", "auc", "low", "high"])


@styled
def figure(table: pd.DataFrame, cohort: str) -> Figure:
    """Draw the rows of `table_of`; leaking models on grey ground, chance as a dotted line."""
    drawn, axes = forest(table, MODELS, "auc", LABELS)
    drawn.suptitle(f"What each model scores, and what the split adds\n{cohort}, AUC per subject with 95 % intervals")
    axes.axvline(0.5, color="black", linestyle=":", linewidth=1.5, zorder=1)
    axes.text(0.5, -0.75, "chance", ha="center", va="bottom", fontsize=12)
    for place, name in enumerate(dict.fromkeys(table["model"])):
        if name in LEAKING:
            axes.axhspan(place - 0.5, place + 0.5, color="#EEEEEE", zorder=0)
            axes.text(0.01, place, "leak", va="center", color=GREY, fontsize=12, transform=axes.get_yaxis_transform())
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("AUC per subject")
    return drawn


def forest(table: pd.DataFrame, words: Mapping[str, str], value: str, labels: Mapping[str, str]) -> tuple[Figure, Axes]:
    """Draw a point with its interval for each model and protocol, one model below the other.

    Parameters
    ----------
    table : DataFrame
        model, protocol, `value`, low, high.
    words : mapping
        Model -> its name in words.
    value : str
        Column of the points.
    labels : mapping
        Protocol -> what the legend says.

    Returns
    -------
    figure, axes
    """
    names = list(dict.fromkeys(table["model"]))
    place = {name: height for height, name in enumerate(names)}
    drawn = Figure(figsize=(11, 0.55 * len(names) + 2.6), layout="constrained")
    axes = drawn.subplots()
    for protocol, (colour, marker) in LOOKS.items():
        rows = table[(table["protocol"] == protocol) & table[value].notna()]
        ends = (rows[value] - rows["low"], rows["high"] - rows[value])
        axes.errorbar(
            rows[value],
            [place[name] + SHIFTS[protocol] for name in rows["model"]],
            xerr=[end.clip(lower=0).to_numpy(dtype=float) for end in ends],
            color=colour,
            marker=marker,
            markersize=8,
            linestyle="none",
            elinewidth=2,
            label=labels[protocol],
        )
    axes.set_yticks(range(len(names)), [words[name] for name in names])
    axes.set_ylim(len(names) - 0.5, -0.8)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    drawn.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return drawn, axes
