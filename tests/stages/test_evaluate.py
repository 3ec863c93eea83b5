import json
import math

import pandas as pd
import pytest

from bulbar.core.names import PROTOCOLS
from stages import evaluate, select
from tests.projects import write_params
from tests.sweeps import write_study

ARCHITECTURES, DROPOUT_RATES = ["S1A", "S1B", "S2A", "S2B", "S3A", "S3B"], [0.3, 0.0]
"""A fifth of the sweep; the last at dropout 0.3 calls everyone a patient."""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = write_study(tmp_path_factory.mktemp("study"), architectures=ARCHITECTURES, dropout_rates=DROPOUT_RATES)
    write_params(root, bootstrap={"draws": 100})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for protocol in PROTOCOLS:
            select.main(protocol)
        evaluate.main()
    return root


def test_the_headlines_are_few_and_say_that_the_cohort_is_synthetic(study):
    def leaves(tree: object) -> list[object]:
        return [leaf for inner in tree.values() for leaf in leaves(inner)] if isinstance(tree, dict) else [tree]

    found = json.loads((study / "metrics/evaluate.json").read_text())
    assert found["synthetic"] is True
    assert len(leaves(found)) <= 25
    assert all(isinstance(leaf, int | float) and math.isfinite(leaf) for leaf in leaves(found))


def test_the_headline_of_a_protocol_is_the_score_of_its_own_rows(study):
    found = json.loads((study / "metrics/evaluate.json").read_text())
    fold = found["record_wise"]["reported_fold"]
    one = pd.read_csv(study / "data/fusion/record_wise/selected/audio.csv")
    one = one[one["fold"] == fold]
    accuracy = ((one["probability"] >= 0.5) == (one["label"] == 1)).mean()
    assert found["record_wise"]["selected"]["audio_accuracy"] == pytest.approx(accuracy, abs=1e-4)
    rows = pd.read_csv(study / "data/fusion/subject_wise/selected/audio.csv")
    accuracy = ((rows["probability"] >= 0.5) == (rows["label"] == 1)).mean()
    assert found["subject_wise"]["selected"]["audio_accuracy"] == pytest.approx(accuracy, abs=1e-4)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_table_4_holds_every_cell_with_its_averages_the_paper_and_the_majority(study, protocol):
    table = pd.read_csv(study / f"plots/evaluate/table_4_{protocol}.csv", dtype={"dropout_rate": str})
    assert len(table) == (len(ARCHITECTURES) + 1) * (len(DROPOUT_RATES) + 1)
    cell = table.set_index(["architecture", "dropout_rate"]).loc[("S1B", "0.3")]
    fits = pd.read_csv(study / f"data/sweep/{protocol}/fits.csv").query("architecture == 'S1B' and dropout_rate == 0.3")
    assert cell["paper"] == 80.33
    assert cell["highest_fold"] == pytest.approx(100 * fits["test_accuracy"].max(), abs=1e-3)
    assert cell["mean"] == pytest.approx(100 * fits["test_accuracy"].mean(), abs=1e-3)
    assert cell["majority"] == pytest.approx(100 * 60 / 90, abs=1e-3)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_figure_is_there_as_data_and_as_picture(study, protocol):
    plots = study / "plots/evaluate"
    for name in ("table_4", "figure_10", "figure_11", "figure_14"):
        assert (plots / f"{name}_{protocol}.csv").exists()
        assert (plots / f"{name}_{protocol}.png").exists()
    for name in ("figure_12", "figure_13"):
        assert (plots / f"{name}_{protocol}.png").exists()
    for cell in ("selected", "published"):
        for name in ("figure_12", "figure_13", "roc", "precision_recall"):
            assert {path.stem.split("_")[-1] for path in plots.glob(f"{name}_{protocol}_{cell}_*.csv")} == {
                "recording", "subject"}  # fmt: skip


def test_nothing_in_git_names_a_subject_or_a_recording(study):
    for path in [*(study / "plots").rglob("*.csv"), *(study / "metrics").rglob("*.json")]:
        assert not {"subject_id", "recording_id", "probability"} & set(path.read_text().splitlines()[0].split(","))
        assert "S001" not in path.read_text()


def test_the_tables_in_words_name_protocol_cohort_epochs_and_baseline(study):
    text = (study / "data/evaluate/tables.md").read_text()
    for expected in ("## record_wise, synthetic cohort", "## subject_wise, synthetic cohort", "4 to 6 epochs per fit",
                     "majority baseline 66.67", "| selected | majority | recording |", "(80.33)"):  # fmt: skip
        assert expected in text


def test_the_tables_in_words_say_which_scores_are_biased(study):
    record_wise, subject_wise = (study / "data/evaluate/tables.md").read_text().split("## subject_wise")
    assert "These scores are biased" in record_wise
    assert "biased" not in subject_wise
    found = json.loads((study / "metrics/evaluate.json").read_text())
    assert found["record_wise"]["biased"] is True
    assert "biased" not in found["subject_wise"]


def test_every_score_of_table_5_lies_in_its_interval(study):
    table = pd.read_csv(study / "plots/evaluate/table_5.csv")
    scored = table[~table["scope"].str.endswith("of folds")]
    scores = [column.removesuffix("_low") for column in table if column.endswith("_low")]
    assert {"accuracy", "f1_weighted", "precision_HC", "sensitivity", "roc_auc", "brier", "log_loss"} <= set(scores)
    for score in scores:
        low, value, high = (scored[f"{score}{side}"] for side in ("_low", "", "_high"))
        defined = value.notna() & low.notna()
        assert (low[defined] <= value[defined]).all() and (value[defined] <= high[defined]).all()


def test_the_out_of_fold_table_of_the_nested_selection_has_every_recording_once(study):
    rows = pd.read_csv(study / "data/evaluate/out_of_fold_subject_wise.csv")
    folds = pd.read_csv(study / "data/folds/subject_wise.csv")
    assert list(rows["recording_id"]) == sorted(folds["recording_id"])
    assert rows.set_index("recording_id")["fold"].equals(
        folds.set_index("recording_id")["fold"].loc[rows["recording_id"]]
    )


def test_the_papers_count_of_clinical_features_stands_beside_the_releases_and_ours(study):
    found = json.loads((study / "data/evaluate/clinical_features.json").read_text())
    assert found["paper"]["features"] == 35
    assert found["voc_als_release"]["columns_beside_the_acoustic_ones"] == 34
    assert found["this_cohort"]["with_id_and_category"] == 5
    assert found["this_cohort"]["any_fus_case"] is False


def test_a_real_cohort_is_not_called_synthetic(tmp_path, monkeypatch):
    monkeypatch.chdir(write_study(tmp_path, synthetic=False, architectures=["S1B"], dropout_rates=[0.3]))
    for protocol in PROTOCOLS:
        select.main(protocol)
    assert "synthetic" not in evaluate.read_study("record_wise").title("Figure 12")
    assert "voc_als cohort" in evaluate.read_study("record_wise").title("Figure 12")
