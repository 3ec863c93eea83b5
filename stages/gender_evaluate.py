"""The gender paper's Table 1, ours beside its own, per protocol; what its digits can be; groups; the train–test gap."""

from pathlib import Path
from typing import Any

import pandas as pd

from bulbar.cohort import folds
from bulbar.core.atomic_write import write_text
from bulbar.core.digests import seed_of
from bulbar.core.files import read_json, read_table, save, write_json, write_table
from bulbar.core.names import PROTOCOLS
from bulbar.paper import figures, gender_digits, gender_page, gender_table, tables
from bulbar.scoring import intervals, metrics
from bulbar.training import gender
from bulbar.tuning import figures as tuning_figures
from stages.parts.params import settings, study_seed
from stages.parts.places import cohort_in_words, metrics_file, stage_folder
from stages.parts.run import run

PAPER, PLOTS = Path("../reference/gender_table1.csv"), Path("plots/evaluate")
IDS = {"recording_id": str, "subject_id": str}


def main(role: str = "main") -> None:
    """Write metrics/evaluate.json, data/evaluate/ and plots/evaluate/."""
    split = read_json(stage_folder("split", role) / "classes.json")
    is_gender, classes = split["target"] == "gender", (split["classes"][0], split["classes"][1])
    paper = pd.read_csv(PAPER, dtype=str) if is_gender else pd.DataFrame({"model": []})  # it scores nothing but gender
    found = {protocol: read_results(protocol, role, paper) for protocol in PROTOCOLS}
    pages = []
    for protocol, of in found.items():
        title = f"{protocol} · {cohort_in_words(role)}"
        draw(of, protocol, title, classes)
        pages.append(gender_page.page(of, title, classes))
    write_table(by_protocol({name: of.table_1 for name, of in found.items()}).round(2), PLOTS / "table_1.csv")
    write_table(by_protocol({name: of.groups for name, of in found.items()}).round(4), PLOTS / "groups.csv")
    write_table(by_protocol({name: of.above for name, of in found.items()}).round(2), PLOTS / "above_f0_threshold.csv")
    if is_gender:
        behind = gender_digits.search_sizes(paper)
        write_table(behind, PLOTS / "printed_scores.csv")
        pages.append(gender_page.digits(behind))
    write_text("\n".join(pages), stage_folder("evaluate", role) / "tables.md")
    headlines: dict[str, Any] = {name: of.headline() for name, of in found.items()}
    synthetic = read_json(stage_folder("cohort", role) / "cohort.json")["synthetic"]
    write_json({"synthetic": synthetic, "target": split["target"], **headlines}, metrics_file("evaluate", role))
    print(f"Table 1, confusion matrices, scores by group: {', '.join(PROTOCOLS)}")


def read_results(protocol: folds.Protocol, role: str, paper: pd.DataFrame) -> gender_table.ProtocolResults:
    """What the models and the threshold on mean F0 say of one protocol's recordings, scored."""
    f0 = read_table(stage_folder("acoustic", role) / "features.csv", **IDS)[["recording_id", "mean_f0_hz"]]
    parts = read_table(stage_folder("split", role) / f"{protocol}.csv", **IDS)
    networks = stage_folder("networks", role) / protocol
    return gender_table.results(
        {model: read_table(networks / f"{model}.csv", **IDS) for model in (*gender.NETWORKS, gender.TUNED)},
        parts.merge(f0, on="recording_id", validate="1:1"),
        read_table(stage_folder("cohort", role) / "subjects.csv", subject_id=str),
        paper,
        biased=protocol == "record_wise",
        **settings("bootstrap", intervals.Settings).model_dump(),
        seed=seed_of(study_seed(), f"evaluate/{protocol}"),
    )


def draw(found: gender_table.ProtocolResults, protocol: str, title: str, classes: tuple[str, str]) -> None:
    """Confusion matrices, as picture and as data for `dvc plots`, and the train–test gap."""
    counts = {
        gender_table.IN_WORDS[name]: metrics.confusion(table["label"], table["probability"])
        for name, table in found.tested.items()
    }
    drawn = figures.confusion_matrices(counts, classes, f"Confusion matrices of the test part\n{title}")
    save(drawn, PLOTS / f"confusion_{protocol}.png")
    write_table(tables.calls(found.tested[gender.TUNED], classes), PLOTS / f"confusion_{protocol}.csv")
    gaps = tuning_figures.train_test_gap(found.gaps, f"Before and after tuning\n{title}")
    save(gaps, PLOTS / f"gap_{protocol}.png")


def by_protocol(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The protocols' tables under each other, `protocol` the first column."""
    return pd.concat(tables, names=["protocol"]).reset_index("protocol")


if __name__ == "__main__":
    run(main)
