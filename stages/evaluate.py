"""Tables and figures of the study, ours compared with the paper's, per protocol: metrics, `dvc plots` data and PNG.

Split by recording, models are shown on the fold that the selection reports, as in the paper, and as the mean over
folds. Split by subject, they are shown on all rows, each out of fold, per recording and per subject.
"""

from typing import Any

import pandas as pd

from bulbar.core.atomic_write import write_text
from bulbar.core.files import read_json, read_table, write_json, write_table
from bulbar.core.names import MODELS, PROTOCOLS
from bulbar.paper import als_page, tables
from bulbar.scoring import selection
from stages.parts.places import metrics_file, stage_folder
from stages.parts.plots import PLOTS, plot_models, plot_sweep
from stages.parts.run import run
from stages.parts.study import CELLS, TABLE_4, TABLE_5, StudyResults, read_study


def main() -> None:
    """Read the results of both protocols and reference/; write metrics/evaluate.json, data/ and plots/evaluate/."""
    studies = [read_study(protocol, beside=("voice", "conditions")) for protocol in PROTOCOLS]
    long = stage_folder("evaluate")
    paper_4 = read_table(TABLE_4)
    headlines: dict[str, Any] = {"synthetic": studies[0].synthetic}
    pages, fives = [], []
    for study in studies:
        four, five = tables.table_4(study.fits, paper_4), table_5(study)
        plot_sweep(study, four)
        plot_models(study)
        write_table(four.round(4), long / f"table_4_{study.protocol}.csv")
        out_of_fold = selection.nested_out_of_fold(study.picked_cells, study.predictions)
        write_table(out_of_fold, long / f"out_of_fold_{study.protocol}.csv")
        headlines[study.protocol] = als_page.headline(five, study.fold_of, biased=study.by_recording)
        pages.append(page(study, four, five))
        fives.append(five)
    write_table(pd.concat(fives).round(2), PLOTS / "table_5.csv")
    clinical = stage_folder("clinical")
    features = als_page.clinical_features(read_json(clinical / "columns.json"), read_table(clinical / "subjects.csv"))
    write_json(features, long / "clinical_features.json")
    write_text("\n".join(pages), long / "tables.md")
    write_json(headlines, metrics_file("evaluate"))
    print(f"Tables 4 and 5, Figures 10 to 14, ROC and precision–recall: {', '.join(PROTOCOLS)}")


def table_5(study: StudyResults) -> pd.DataFrame:
    """Table 5 of both cells: `tables.table_5` with the leading columns protocol, cohort and cell."""
    paper = read_table(TABLE_5)
    cells = {
        cell: tables.table_5(study.models[cell], study.fold_of[cell], study.classes, paper, **study.drawing)
        for cell in CELLS
    }
    both = pd.concat(cells, names=["cell"]).reset_index("cell")
    both.insert(0, "protocol", study.protocol)
    both.insert(1, "cohort", study.cohort)
    return both


def page(study: StudyResults, four: pd.DataFrame, five: pd.DataFrame) -> str:
    """Tables 4 and 5 of one protocol in Markdown."""
    return als_page.page(
        four,
        five,
        title=f"{study.protocol}, {study.cohort}",
        biased=study.by_recording,
        majority=study.majority,
        epochs_of_sweep=study.epochs(),
        epochs_of_models=study.epochs(*MODELS),
        draws=study.drawing["draws"],
        level=study.drawing["level"],
    )


if __name__ == "__main__":
    run(main)
