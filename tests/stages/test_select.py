import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from sklearn import metrics

from bulbar.core.errors import BadInput
from stages import select
from tests.sweeps import write_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"), architectures=["S1A", "S1B"], dropout_rates=[0.3, 0.0])


@pytest.fixture(autouse=True)
def in_the_study(study, monkeypatch):
    monkeypatch.chdir(study)


def picked(protocol: str) -> dict:
    select.main(protocol)
    return json.loads(Path(f"metrics/selection/{protocol}.json").read_text())


def test_split_by_recording_the_best_fold_of_all_is_reported():
    found = picked("record_wise")
    fits = pd.read_csv("data/sweep/record_wise/fits.csv")
    assert found["highest_fold_accuracy"]["accuracy"] == pytest.approx(fits["test_accuracy"].max(), abs=1e-4)
    assert found["lowest_validation_loss"]["validation_loss"] == pytest.approx(fits["validation_loss"].min(), abs=1e-4)
    assert found["reported_fold"] == found["highest_fold_accuracy"]["fold"]
    assert list(found["cells"]) == ["1", "2", "3", "4", "5"]
    assert found["synthetic"] is True
    assert found["biased"] is True


def test_the_best_fold_has_the_interval_of_its_own_subjects():
    pick = picked("record_wise")["highest_fold_accuracy"]
    low, high = pick["intervals"]["accuracy"]
    assert low < pick["accuracy"] < high
    table = pd.read_csv(f"data/sweep/record_wise/predictions/{pick['architecture']}_{pick['dropout_rate']}.csv")
    right = (table["probability"] >= 0.5) == (table["label"] == 1)
    assert right[table["fold"] == pick["fold"]].mean() == pytest.approx(pick["accuracy"], abs=1e-4)


def test_split_by_subject_every_fold_has_a_cell_of_its_own_and_none_is_reported():
    found = picked("subject_wise")
    fits = pd.read_csv("data/sweep/subject_wise/fits.csv")
    assert found["reported_fold"] is None
    scored = []
    for fold, cell in found["cells"].items():
        here = fits[fits["fold"] == int(fold)].set_index(["architecture", "dropout_rate"])["validation_log_loss"]
        assert here[(cell["architecture"], cell["dropout_rate"])] == here.min()
        table = pd.read_csv(f"data/sweep/subject_wise/predictions/{cell['architecture']}_{cell['dropout_rate']}.csv")
        scored.append(table[table["fold"] == int(fold)])
    rows = pd.concat(scored)
    accuracy = metrics.accuracy_score(rows["label"], rows["probability"] >= 0.5)
    assert found["nested"]["accuracy"] == pytest.approx(accuracy, abs=1e-4)
    low, high = found["nested"]["intervals"]["accuracy"]
    assert low < accuracy < high
    assert found["biased"] is False


def test_intervals_are_drawn_as_the_bootstrap_block_says(study, monkeypatch, tmp_path):
    shutil.copytree(study, tmp_path / "narrower")
    monkeypatch.chdir(tmp_path / "narrower")
    wide = picked("subject_wise")
    text = Path("params.yaml").read_text()
    assert "  level: 0.95" in text
    Path("params.yaml").write_text(text.replace("  level: 0.95", "  level: 0.5"))
    narrow = picked("subject_wise")
    for part in ("nested", "pooled_winner"):
        for score, (low, high) in wide[part]["intervals"].items():
            assert low < narrow[part]["intervals"][score][0] < narrow[part]["intervals"][score][1] < high


def test_a_misspelt_rule_is_named_before_anything_is_read(study, monkeypatch, tmp_path):
    text = (study / "params.yaml").read_text().replace("highest_fold_accuracy", "best_fold", 1)
    (tmp_path / "params.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="record_wise_rule"):
        select.main("record_wise")
