"""Explain what the subject-wise networks use, on the subjects that each was not trained on."""

from pathlib import Path

from bulbar.core.files import write_json
from bulbar.explain.audio_maps import METHODS
from bulbar.explain.audio_tables import costliest_is_dead
from bulbar.explain.settings import Settings
from stages.parts.error_page import write_errors
from stages.parts.explain_data import explain_audio, explain_clinical, read_inputs
from stages.parts.explain_plots import write_audio, write_clinical
from stages.parts.params import settings
from stages.parts.places import cohort_in_words, is_synthetic, metrics_file, stage_folder
from stages.parts.protocol_data import load_data
from stages.parts.run import run

PLOTS = Path("plots/explain")


def main() -> None:
    """Read data/ and models/; write metrics/explain.json, plots/explain/ (aggregates) and data/explain/ (errors)."""
    inputs = read_inputs(load_data("subject_wise"), settings("explain", Settings))
    voices = explain_audio(inputs)
    records = {columns: explain_clinical(inputs, columns) for columns in ("common", "all")}

    words = f"subject_wise · {cohort_in_words()}"
    found = write_audio(voices, PLOTS, words)
    of_columns = write_clinical(records, PLOTS, words)
    n_errors = write_errors(voices, inputs.data, stage_folder("explain"))
    described = {"synthetic": is_synthetic(), "protocol": "subject_wise"}
    write_json({**described, **found, **of_columns}, metrics_file("explain"))
    verdicts = ", ".join(f"{method} {found['sanity'][method]['verdict']}" for method in METHODS)
    dead = costliest_is_dead(found)
    print(f"sanity check: {verdicts}; {n_errors} errors in errors.html" + (f"; {dead}" if dead else ""))


if __name__ == "__main__":
    run(main)
