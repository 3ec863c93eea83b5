"""Figures of appraise: each as PNG, and as data for `dvc plots`, in which no row belongs to a single person."""

from pathlib import Path

import numpy as np
import pandas as pd

from bulbar.appraisal import calibration, figures
from bulbar.appraisal.appraiser import Appraisal
from bulbar.appraisal.comparisons import Pair
from bulbar.core.files import save, write_table


def plot(found: Appraisal, plots: Path, words: str) -> None:
    """Draw all figures into the folder `plots`. words: the protocol and the cohort, for the titles."""
    if not found.appraiser.cross_fits:
        words += " · biased: test speakers are in the training set"
    plot_reliability(found, plots, words)
    plot_groups(found, plots, words)
    plot_comparisons(found, plots, words)


def plot_reliability(found: Appraisal, plots: Path, words: str) -> None:
    """Reliability curves of each model, before and after scaling."""
    bins, level = found.appraiser.settings.bins, found.appraiser.bootstrap.level
    panels = {}
    for model, people in found.people.items():
        panels[model] = {
            scaling: calibration.reliability(table["label"], table["probability"], bins=bins, level=level)
            for scaling, table in found.appraiser.scaled(people).items()
        }
        for scaling, curve in panels[model].items():
            write_table(curve.round(4), plots / f"reliability_{model}_{scaling}.csv")
    title = f"Reliability: share of patients at each predicted probability, per subject, out of fold\n{words}"
    save(figures.reliability(panels, title), plots / "reliability.png")


def plot_groups(found: Appraisal, plots: Path, words: str) -> None:
    """AUC by group, one series per model."""
    rows = [
        {
            "section": group.grouping,
            "row": group.group,
            "series": model,
            **dict(zip(("value", "low", "high"), group.scores["roc_auc"], strict=True)),
            "note": f"{group.patients} / {'all ' if group.of == 'patients' else ''}{group.controls}",
        }
        for model, of_model in found.groups.items()
        for group in of_model
    ]
    table = pd.DataFrame(rows)
    figure = figures.forest(
        table,
        f"AUC by group, per subject, out of fold\n{words}",
        x_label=f"AUC ({found.appraiser.bootstrap.level:.0%} interval)",
        reference=0.5,
        limits=(0.0, 1.0),
        note_title="patients / controls",
    )
    save(figure, plots / "groups.png")
    for model, of_model in table.groupby("series"):
        # `dvc plots` puts the text into a script
        groups = of_model["section"] + ": " + of_model["row"].str.replace("<", "‹")
        named = of_model.assign(group=groups).rename(columns={"value": "auc"})
        write_table(named[["group", "auc", "low", "high"]].round(4), plots / f"groups_{model}.csv")


def plot_comparisons(found: Appraisal, plots: Path, words: str) -> None:
    """AUC differences of all pairs, one series per unit."""
    auc = found.compared[found.compared["score"] == found.appraiser.auc]
    pairs = [str(Pair(first, second)) for first, second in zip(auc["first"], auc["second"], strict=True)]
    table = auc.assign(section="", row=pairs, series="per " + auc["unit"], note="").rename(
        columns={"difference": "value"}
    )
    p_of = table[table["unit"] == "subject"].set_index("row")["p_holm"]
    table["note"] = [f"{p:.3f}" if np.isfinite(p) else "–" for p in p_of.reindex(table["row"])]
    figure = figures.forest(
        table,
        f"Difference of AUC between two models (first minus second), out of fold\n{words}",
        x_label=f"Difference of AUC ({found.appraiser.bootstrap.level:.0%} interval)",
        reference=0.0,
        note_title="Holm's p, per subject",
    )
    save(figure, plots / "comparisons.png")
    of_subjects = table[table["unit"] == "subject"].rename(columns={"row": "comparison", "value": "difference"})
    columns = ["comparison", "difference", "low", "high", "p", "p_holm"]
    write_table(of_subjects[columns].round(4), plots / "comparisons.csv")
