"""Table 1 of the gender paper compared with ours, per protocol; its digits; baselines; groups; the train–test gap."""

from pathlib import Path
from typing import Any

import pandas as pd

from bulbar.core.atomic_write import write_text
from bulbar.core.files import read_json, save, write_json, write_table
from bulbar.core.names import PROTOCOLS, Protocol
from bulbar.paper import figures, gender_digits, gender_page, gender_table, tables
from bulbar.scoring import metrics
from bulbar.training import gender
from bulbar.tuning import figures as tuning_figures
from stages.parts.bootstrap import drawing
from stages.parts.places import cohort_in_words, is_synthetic, metrics_file, stage_folder, stage_table
from stages.parts.run import run

PAPER, PLOTS = Path("../reference/gender_table1.csv"), Path("plots/evaluate")


def main() -> None:
    """Read data/ and reference/; write metrics/evaluate.json, metrics/f0_overlap.json, data/ and plots/evaluate/."""
    split = read_json(stage_folder("split") / "classes.json")
    is_gender, classes = split["target"] == "gender", (split["classes"][0], split["classes"][1])
    paper = pd.read_csv(PAPER, dtype=str) if is_gender else pd.DataFrame({"model": []})  # the paper has gender only
    found = {protocol: read_results(protocol, paper) for protocol in PROTOCOLS}
    pages = []
    for protocol, of in found.items():
        title = f"{protocol} · {cohort_in_words()}"
        draw(of, protocol, title, classes)
        pages.append(gender_page.page(of, title, classes))
    for name, digits in {"table_1": 2, "groups": 4, "above_baselines": 2, "f0_overlap": 2}.items():
        both = pd.concat({protocol: getattr(of, name) for protocol, of in found.items()}, names=["protocol"])
        if is_gender or name != "f0_overlap":
            write_table(both.reset_index("protocol").round(digits), PLOTS / f"{name}.csv")
    if is_gender:
        behind = gender_digits.search_sizes(paper)
        write_table(behind, PLOTS / "printed_scores.csv")
        pages.append(gender_page.digits(behind))
    write_text("\n".join(pages), stage_folder("evaluate") / "tables.md")
    headlines: dict[str, Any] = {name: of.headline() for name, of in found.items()}
    named = {"synthetic": is_synthetic(), "target": split["target"]}
    write_json(named | headlines, metrics_file("evaluate"))
    of_overlap = {name: of.overlap_headline() for name, of in found.items()} if is_gender else {}
    write_json(named | of_overlap, metrics_file("f0_overlap"))
    print(f"Table 1, confusion matrices, scores by group: {', '.join(PROTOCOLS)}")


def read_results(protocol: Protocol, paper: pd.DataFrame) -> gender_table.ProtocolResults:
    """Scores of the models and of the baselines, for one protocol."""
    f0 = stage_table("acoustic", "features.csv")[["recording_id", "mean_f0_hz"]]
    measured = f0.merge(stage_table("timbre", "features.csv").drop(columns="subject_id"), on="recording_id")
    return gender_table.results(
        {model: stage_table("networks", f"{protocol}/{model}.csv") for model in (*gender.NETWORKS, gender.TUNED)},
        stage_table("split", f"{protocol}.csv").merge(measured, on="recording_id", validate="1:1"),
        stage_table("cohort", "subjects.csv"),
        paper,
        protocol=protocol,
        **drawing(f"evaluate/{protocol}"),
    )


def draw(found: gender_table.ProtocolResults, protocol: str, title: str, classes: tuple[str, str]) -> None:
    """Draw confusion matrices, as PNG and as data for `dvc plots`, and the train–test gap."""
    counts = {
        gender_table.IN_WORDS[name]: metrics.confusion(table["label"], table["probability"])
        for name, table in found.tested.items()
    }
    heading = f"Confusion matrices of the test part\n{title}"
    drawn = figures.confusion_matrices(counts, classes, heading, columns=4)
    save(drawn, PLOTS / f"confusion_{protocol}.png")
    write_table(tables.calls(found.tested[gender.TUNED], classes), PLOTS / f"confusion_{protocol}.csv")
    gaps = tuning_figures.train_test_gap(found.gaps, f"Before and after tuning\n{title}")
    save(gaps, PLOTS / f"gap_{protocol}.png")


if __name__ == "__main__":
    run(main)
