"""What the subject-wise networks go by, asked about the subjects that each had not heard."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bulbar.explain import figures, record_tables, voice_tables
from bulbar.explain.records import EVERYTHING
from bulbar.explain.settings import Settings
from bulbar.explain.voices import METHODS
from stages.explain_material import ask_records, ask_voices, read_asking
from stages.io import cohort_in_words, metrics_file, read_json, room, run, save, settings, write_json, write_table
from stages.listen import listen
from stages.material import load_material


def main(role: str = "main") -> None:
    """Write metrics/explain.json, plots/explain/ (aggregates) and data/explain/ (errors, one by one)."""
    asking = read_asking(load_material("subject_wise", role), settings("explain", Settings), role)
    voices = ask_voices(asking, role)
    records = {columns: ask_records(asking, columns, role) for columns in ("common", "all")}

    plots = (Path("plots") if role == "main" else Path("plots") / role) / "explain"
    words = f"subject_wise · {cohort_in_words(role)}"
    heard = write_voices(voices, plots, words)
    read = write_records(records, plots, words)
    n_errors = listen(voices, asking.material, room("explain", role), role)
    synthetic = read_json(room("cohort", role) / "cohort.json")["synthetic"]
    write_json({"synthetic": synthetic, "protocol": "subject_wise", **heard, **read}, metrics_file("explain", role))
    verdicts = ", ".join(f"{method} {heard['sanity'][method]['verdict']}" for method in METHODS)
    print(f"sanity check: {verdicts}; {n_errors} errors to listen to")


def write_voices(voices: voice_tables.Voices, plots: Path, words: str) -> dict[str, Any]:
    """Figures and tables of the audio network; its headline numbers."""
    sanity = voice_tables.sanity_check(voices)
    verdicts = sanity[sanity["verdict"] != ""].set_index("method")
    write_table(sanity.round(4), plots / "sanity.csv")
    save(figures.sanity(sanity, f"Maps of audio as layers forget what they learned\n{words}"), plots / "sanity.png")

    by_task = {method: voice_tables.panels(voices, method) for method in METHODS}
    by_class = {
        method: {key: panel for key, panel in panels.items() if key[0] == voice_tables.ALL_TASKS}
        for method, panels in by_task.items()
    }
    for name, of in (("class", by_class), ("task", by_task)):
        title = f"Mean maps of audio by {'class' if of is by_class else 'task and class'}, held-out subjects\n{words}"
        drawn = figures.maps(of, voices.classes, voices.spectrogram, verdicts["verdict"].to_dict(), title)
        save(drawn, plots / f"maps_by_{name}.png")

    bands, stretches = (voice_tables.occluded(voices, axis) for axis in (0, 1))
    write_table(bands.round(4), plots / "occlusion_frequency.csv")
    write_table(stretches.round(4), plots / "occlusion_time.csv")
    title = f"What hiding a part of the image costs audio\n{words}"
    drawn = figures.occluded(bands, stretches, voices.classes, voices.drawing["level"], title)
    save(drawn, plots / "occlusion.png")

    curves, areas = voice_tables.deleted(voices), voice_tables.areas(voices)
    write_table(curves.round(4), plots / "deletion.csv")
    write_table(areas.round(4), plots / "deletion_areas.csv")
    save(figures.deletion(curves, areas, f"Deletion curves of audio\n{words}"), plots / "deletion.png")
    less = areas.set_index("order").filter(like="less_than_random").set_axis(["area", "low", "high"], axis="columns")
    return {
        "completeness_missed": np.abs(voices.found.missed).max(),
        "costliest_band": costliest(bands),
        "costliest_stretch": costliest(stretches),
        "sanity": verdicts.loc[list(METHODS), ["likeness", "verdict"]].to_dict("index"),
        "deletion_less_than_random": less.loc["integrated_gradients"].to_dict(),
    }


def costliest(occluded: pd.DataFrame) -> dict[str, float]:
    """The part whose hiding costs most: where it begins and ends, the AUC lost."""
    worst = occluded.iloc[int(occluded["auc_drop"].argmax())]
    return {str(name): float(worst[name]) for name in (*occluded.columns[1:3], "auc_drop")}


def write_records(records: dict[str, record_tables.Records], plots: Path, words: str) -> dict[str, Any]:
    """Figures and tables of the models with clinical columns; their headline numbers."""
    permuted = pd.concat([record_tables.permuted(of) for of in records.values()])
    by_column = pd.concat([record_tables.shap_by_column(of) for of in records.values()])
    by_group = pd.concat([record_tables.shap_by_group(of) for of in records.values()])
    write_table(permuted.round(4), plots / "permutation.csv")
    write_table(by_column.round(4), plots / "shap_columns.csv")
    write_table(by_group.round(4), plots / "shap_groups.csv")
    title = f"Clinical columns shuffled between held-out subjects\n{words}"
    level = next(iter(records.values())).drawing["level"]
    save(figures.permutation(permuted, list(permuted["model"].unique()), level, title), plots / "permutation.png")
    title = f"What a decision of the fused model rests on\n{words}"
    save(figures.shap(by_group, list(by_group["model"].unique()), title), plots / "shap.png")

    everything = permuted[permuted["group"] == EVERYTHING].set_index("model")
    told: dict[str, Any] = {}
    for columns, of in records.items():
        model = f"fused_{columns}"
        told[model] = {
            "auc_lost_by_values": everything.loc[model, "by_values"],
            "auc_lost_by_recording": everything.loc[model, "by_recording"],
            "shap_share_not_recorded": record_tables.share_of_decision(of, model, "not recorded").value,
            "shap_share_voice": record_tables.share_of_decision(of, model, "voice").value,
        }
    return told


if __name__ == "__main__":
    run(main)
