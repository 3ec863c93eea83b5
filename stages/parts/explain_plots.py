"""Figures, tables and headline numbers of the stage `explain`, for each kind of network."""

from pathlib import Path
from typing import Any

import pandas as pd

from bulbar.core.files import save, write_table
from bulbar.explain import audio_tables, clinical_tables, figures
from bulbar.explain.audio_maps import METHODS


def write_audio(voices: audio_tables.Voices, plots: Path, words: str) -> dict[str, Any]:
    """Write figures and tables of the audio network; return its headline numbers."""
    sanity = audio_tables.sanity_check(voices)
    verdicts = sanity[sanity["verdict"] != ""].set_index("method")
    write_table(sanity.round(4), plots / "sanity.csv")
    title = f"Sanity check: maps of the audio network with random weights\n{words}"
    save(figures.sanity(sanity, title), plots / "sanity.png")

    by_task = {method: audio_tables.panels(voices, method) for method in METHODS}
    by_class = {
        method: {key: panel for key, panel in panels.items() if key[0] == audio_tables.ALL_TASKS}
        for method, panels in by_task.items()
    }
    for name, of in (("class", by_class), ("task", by_task)):
        grouped = "class" if of is by_class else "task and class"
        title = f"Mean maps of the audio network by {grouped}, held-out subjects\n{words}"
        drawn = figures.maps(of, voices.classes, voices.spectrogram, verdicts["verdict"].to_dict(), title)
        save(drawn, plots / f"maps_by_{name}.png")

    bands, stretches = (audio_tables.occluded(voices, axis) for axis in (0, 1))
    write_table(bands.round(4), plots / "occlusion_frequency.csv")
    write_table(stretches.round(4), plots / "occlusion_time.csv")
    title = f"Effect of hiding a part of the image on the audio network\n{words}"
    drawn = figures.occluded(bands, stretches, voices.classes, voices.drawing["level"], title)
    save(drawn, plots / "occlusion.png")

    curves, areas = audio_tables.deleted(voices), audio_tables.areas(voices)
    write_table(curves.round(4), plots / "deletion.csv")
    write_table(areas.round(4), plots / "deletion_areas.csv")
    save(figures.deletion(curves, areas, f"Deletion curves of the audio network\n{words}"), plots / "deletion.png")
    return audio_tables.headline(voices, checked=sanity, bands=bands, stretches=stretches, left=areas)


def write_clinical(records: dict[str, clinical_tables.Records], plots: Path, words: str) -> dict[str, Any]:
    """Write figures and tables of the models with clinical columns; return their headline numbers."""
    permuted = pd.concat([clinical_tables.permuted(of) for of in records.values()])
    by_column = pd.concat([clinical_tables.shap_by_column(of) for of in records.values()])
    by_group = pd.concat([clinical_tables.shap_by_group(of) for of in records.values()])
    write_table(permuted.round(4), plots / "permutation.csv")
    write_table(by_column.round(4), plots / "shap_columns.csv")
    write_table(by_group.round(4), plots / "shap_groups.csv")
    title = f"Clinical columns shuffled between held-out subjects\n{words}"
    level = next(iter(records.values())).drawing["level"]
    save(figures.permutation(permuted, list(permuted["model"].unique()), level, title), plots / "permutation.png")
    title = f"Contribution of each group of columns to a decision of the fused models\n{words}"
    save(figures.shap(by_group, list(by_group["model"].unique()), title), plots / "shap.png")
    return clinical_tables.headline(records, permuted)
