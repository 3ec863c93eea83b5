"""The study's tables and figures, ours beside the paper's, per protocol: as metrics, `dvc plots` data and PNG.

Split by recording, models are shown on the one fold that the selection reports, as the paper does, beside the mean over
the folds. Split by subject, they are shown on all rows, each out of fold, per recording and per subject.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from bulbar import selection, tables
from bulbar.aside import write_text
from bulbar.folds import PROTOCOLS
from bulbar.seeds import seed_of
from stages.io import metrics_file, read_json, read_table, room, run, write_json, write_table
from stages.plots import plot_models, plot_sweep
from stages.study import CELLS, MODELS, Study, read_study

BIASED = (
    "**These scores are biased.** A speaker's recordings are in training and in test alike, training was stopped by "
    "the test fold, and the cell and the fold shown were picked on it. The intervals hold none of that: they say how "
    "the scores would vary with the subjects, around a value that is too high.\n\n"
)


def main(role: str = "main") -> None:
    """Write metrics/evaluate.json, data/evaluate/ and plots/evaluate/."""
    studies = [read_study(protocol, role) for protocol in PROTOCOLS]
    long = room("evaluate", role)
    paper_4 = read_table("reference/als_table4_accuracy.csv")
    headlines: dict[str, Any] = {"synthetic": studies[0].synthetic}
    pages, fives = [], []
    for study in studies:
        four, five = tables.table_4(study.fits, paper_4), table_5(study)
        plot_sweep(study, four)
        plot_models(study)
        write_table(four.round(4), long / f"table_4_{study.protocol}.csv")
        out_of_fold = selection.nested_out_of_fold(study.picked_cells, study.predictions)
        write_table(out_of_fold, long / f"out_of_fold_{study.protocol}.csv")
        headlines[study.protocol] = headline(study, five)
        pages.append(page(study, four, five))
        fives.append(five)
    write_table(pd.concat(fives).round(2), studies[0].plots / "table_5.csv")
    write_json(clinical_features(room("clinical", role)), long / "clinical_features.json")
    write_text("\n".join(pages), long / "tables.md")
    write_json(headlines, metrics_file("evaluate", role))
    print(f"Tables 4 and 5, Figures 10 to 14, ROC and precision–recall: {', '.join(PROTOCOLS)}")


def table_5(study: Study) -> pd.DataFrame:
    """Table 5 of both cells: `tables.table_5` with the columns protocol, cohort and cell before it."""
    paper = read_table("reference/als_table5_modalities.csv")
    seed = seed_of(study.seed, f"evaluate/{study.protocol}")
    drawing = study.bootstrap.model_dump()
    cells = {
        cell: tables.table_5(study.models[cell], study.fold_of[cell], study.classes, paper, **drawing, seed=seed)
        for cell in CELLS
    }
    both = pd.concat(cells, names=["cell"]).reset_index("cell")
    both.insert(0, "protocol", study.protocol)
    both.insert(1, "cohort", study.cohort)
    return both


def headline(study: Study, five: pd.DataFrame) -> dict[str, Any]:
    """The few numbers that `dvc metrics diff` shows, as shares: twelve at most for a protocol."""
    percent = five.set_index(["cell", "model", "unit", "scope"])

    def share(cell: str, model: str, score: str, unit: str = "recording", scope: str | None = None) -> float:
        return percent[score].to_dict()[(cell, model, unit, scope or study.scope(cell))] / 100

    if study.by_recording:
        return {
            "biased": True,
            "majority_accuracy": share("selected", "majority", "accuracy"),
            "reported_fold": study.fold_of["selected"],
            **{
                cell: {
                    "audio_accuracy": share(cell, "audio", "accuracy"),
                    "audio_mean_accuracy": share(cell, "audio", "accuracy", scope="mean of folds"),
                    "clinical_all_accuracy": share(cell, "clinical_all", "accuracy"),
                    "fused_all_accuracy": share(cell, "fused_all", "accuracy"),
                }
                for cell in CELLS
            },
        }
    return {
        "majority_accuracy": share("selected", "majority", "accuracy"),
        "selected": {
            "audio_accuracy": share("selected", "audio", "accuracy"),
            "audio_auc": share("selected", "audio", "roc_auc"),
            "audio_subject_auc": share("selected", "audio", "roc_auc", "subject"),
            "audio_subject_auc_low": share("selected", "audio", "roc_auc_low", "subject"),
            "audio_subject_auc_high": share("selected", "audio", "roc_auc_high", "subject"),
            "clinical_common_subject_auc": share("selected", "clinical_common", "roc_auc", "subject"),
            "fused_common_accuracy": share("selected", "fused_common", "accuracy"),
            "fused_common_subject_auc": share("selected", "fused_common", "roc_auc", "subject"),
            "fused_all_leaking_accuracy": share("selected", "fused_all", "accuracy"),
        },
        "published": {
            "audio_accuracy": share("published", "audio", "accuracy"),
            "audio_subject_auc": share("published", "audio", "roc_auc", "subject"),
            "fused_common_subject_auc": share("published", "fused_common", "roc_auc", "subject"),
        },
    }


def page(study: Study, four: pd.DataFrame, five: pd.DataFrame) -> str:
    """Tables 4 and 5 of one protocol in Markdown."""
    return (
        f"## {study.protocol}, {study.cohort}\n\n{BIASED if study.by_recording else ''}"
        f"### Table 4\n\nThe sweep ran {study.epochs()}.\n\n{tables.table_4_markdown(four, study.majority)}\n"
        f"### Table 5\n\nThe models ran {study.epochs(*MODELS)}. In percent but for the Brier score, the paper's in "
        "brackets; precision, recall and F1 weighted by class as there, then of each class. Intervals: subjects drawn "
        f"again and again, {study.bootstrap.draws} times; one of no width is that of a model which calls everyone the "
        "same, the classes' shares being taken as given. AUC: pairs within a fold. – is not defined, such as the "
        "precision of a class that is never called. Models on `all` clinical features see columns that a release may "
        "fill for patients alone: then they read the label.\n\n"
        f"{tables.table_5_markdown(five, level=study.bootstrap.level)}"
    )


def clinical_features(clinical: Path) -> dict[str, Any]:
    """What the paper says of the clinical features, what the release holds, and what this cohort has."""
    columns, subjects = read_json(clinical / "columns.json"), read_table(clinical / "subjects.csv")
    genes = subjects["genetic_test"].dropna().astype(str) if "genetic_test" in subjects else pd.Series(dtype=str)
    return {
        "paper": {"features": 35, "genes": ["SOD1", "TARDBP", "C9ORF72", "FUS"], "source": "section 4.A"},
        "voc_als_release": {
            "columns_beside_the_acoustic_ones": 34,
            "of_them_id_and_category": 2,
            "genetic_test_values": ["negative", "C9ORF72 expansion", "SOD1", "TARDBP"],
        },
        "this_cohort": {
            "clinical_columns": len(columns["all"]),
            "with_id_and_category": len(columns["all"]) + 2,
            "common_to_both_groups": columns["common"],
            "any_fus_case": bool(genes.str.contains("FUS").any()),
        },
    }


if __name__ == "__main__":
    run(main)
