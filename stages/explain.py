"""What the subject-wise networks go by, asked about the subjects that each had not heard."""

from pathlib import Path

from bulbar.core.files import read_json, write_json
from bulbar.explain.audio_maps import METHODS
from bulbar.explain.audio_tables import costliest_is_dead
from bulbar.explain.settings import Settings
from stages.parts.explain_data import ask_records, ask_voices, read_asking
from stages.parts.explain_plots import write_records, write_voices
from stages.parts.listen import listen
from stages.parts.params import settings
from stages.parts.places import cohort_in_words, metrics_file, stage_folder
from stages.parts.protocol_data import load_data
from stages.parts.run import run


def main(role: str = "main") -> None:
    """Write metrics/explain.json, plots/explain/ (aggregates) and data/explain/ (errors, one by one)."""
    asking = read_asking(load_data("subject_wise", role), settings("explain", Settings), role)
    voices = ask_voices(asking, role)
    records = {columns: ask_records(asking, columns, role) for columns in ("common", "all")}

    plots = (Path("plots") if role == "main" else Path("plots") / role) / "explain"
    words = f"subject_wise · {cohort_in_words(role)}"
    heard = write_voices(voices, plots, words)
    read = write_records(records, plots, words)
    n_errors = listen(voices, asking.data, stage_folder("explain", role), role)
    synthetic = read_json(stage_folder("cohort", role) / "cohort.json")["synthetic"]
    write_json({"synthetic": synthetic, "protocol": "subject_wise", **heard, **read}, metrics_file("explain", role))
    verdicts = ", ".join(f"{method} {heard['sanity'][method]['verdict']}" for method in METHODS)
    dead = costliest_is_dead(heard)
    print(f"sanity check: {verdicts}; {n_errors} errors to listen to" + (f"; {dead}" if dead else ""))


if __name__ == "__main__":
    run(main)
