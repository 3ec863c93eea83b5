import json
from pathlib import Path

import pandas as pd
import pytest

from stages import ingest, preprocess_clinical
from tests.projects import write_params
from tests.releases import MAXIMA, PUBLISHED, voc_als_control, voc_als_patient, write_voc_als


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder whose cohort holds the paper's published rows and their maxima, read in."""
    rows = [*PUBLISHED, *MAXIMA, *(voc_als_patient(f"PZ8{n:02d}") for n in range(4))]
    rows += [voc_als_control("CT801")]
    write_voc_als(tmp_path / "release", rows, tasks=("A",))
    write_params(tmp_path, cohort={"root": str(tmp_path / "release")})
    monkeypatch.chdir(tmp_path)
    ingest.main()
    preprocess_clinical.main()


@pytest.mark.usefixtures("project")
def test_the_typed_table_keeps_not_recorded_apart():
    table = pd.read_csv("data/clinical/subjects.csv", keep_default_na=False, na_values=[""])
    columns = json.loads(Path("data/clinical/columns.json").read_text())
    assert list(table) == ["subject_id", "label", *columns["all"]]
    assert columns["common"] == ["age_years", "sex", "cantagallo_questionnaire"]
    assert table.loc[table["label"] == "HC", "alsfrs_r_total"].isna().all()
    assert "None" in set(table["therapy"].dropna())


@pytest.mark.usefixtures("project")
def test_the_record_wise_matrices_are_named_and_scaled():
    everything = pd.read_csv("data/clinical/record_wise_all.csv").set_index("subject_id")
    shared = pd.read_csv("data/clinical/record_wise_common.csv").set_index("subject_id")
    assert list(shared) == ["age_years", "cantagallo_questionnaire", "sex_F", "sex_M"]
    assert everything.loc["PZ111", "fvc_percent"] == pytest.approx(104 / 126, abs=1e-6)
    assert everything.loc["PZ112", "cantagallo_questionnaire"] == pytest.approx(89 / 130, abs=1e-6)
    assert everything.min(axis=None) == 0
    assert everything.max(axis=None) == 1


@pytest.mark.usefixtures("project")
def test_the_metrics_say_what_is_recorded_for_whom_and_how_the_paper_counts():
    text = Path("metrics/clinical.json").read_text()
    metrics = json.loads(text)
    assert metrics["columns_beside_the_acoustic_ones"] == 34
    assert metrics["features_counted_by_the_paper"] == 35
    assert metrics["fus_cases"] == "none"
    recorded = metrics["recorded"]
    assert recorded["fvc_percent"] == {"ALS": "all but <5", "HC": "none"}
    assert recorded["cantagallo_questionnaire"] == {"ALS": 10, "HC": 5}
    assert "PZ" not in text
    assert "CT0" not in text
