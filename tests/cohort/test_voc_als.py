import numpy as np
import pandas as pd
import pytest

from bulbar.cohort import voc_als
from tests.releases import (
    ACOUSTIC,
    VOC_ALS_COLUMNS,
    VOC_ALS_FOLDERS,
    voc_als_control,
    voc_als_patient,
    voc_als_rows,
    write_voc_als,
)


def subject(release, subject_id):
    return release.subjects.set_index("subject_id").loc[subject_id]


@pytest.mark.parametrize("audio_below", ["", "Audio", "Data/Audio"])
def test_the_task_folders_may_lie_at_any_depth(tmp_path, audio_below):
    release = voc_als.read(write_voc_als(tmp_path, tasks=("A", "KA"), audio_below=audio_below))
    found = {(file.subject_id, file.task) for file in release.files}
    assert found == {(row["ID"], task) for row in voc_als_rows() for task in ("A", "KA")}
    assert release.tasks == ["A", "KA"]
    assert release.structural == []
    assert release.faults == []


def test_all_eight_folders_are_known(tmp_path):
    release = voc_als.read(write_voc_als(tmp_path, voc_als_rows(1, 1), tasks=VOC_ALS_FOLDERS.values()))
    assert release.tasks == ["A", "E", "I", "O", "U", "KA", "PA", "TA"]
    assert len(release.files) == 16


def test_a_dash_is_not_recorded_and_the_therapy_none_is_a_value(tmp_path):
    rows = [voc_als_control("CT001"), voc_als_patient("PZ001", Therapy="None", **{"FVC% ": "-"})]
    release = voc_als.read(write_voc_als(tmp_path, rows))
    assert subject(release, "PZ001")["therapy"] == "None"
    assert np.isnan(subject(release, "PZ001")["fvc_percent"])
    assert release.subjects["therapy"].isna().tolist() == [True, False]
    control = subject(release, "CT001")
    recorded = {name for name in release.clinical if not pd.isna(control[name])}
    assert recorded == {"age_years", "sex", "cantagallo_questionnaire"}


def test_king_stages_are_strings_whatever_the_cell_holds(tmp_path):
    stages = [1, 2.0, "3", "4A/B", "4B "]
    rows = [voc_als_control("CT001")]
    rows += [voc_als_patient(f"PZ00{n}", KingClinicalStage=stage) for n, stage in enumerate(stages)]
    release = voc_als.read(write_voc_als(tmp_path, rows))
    assert release.subjects["king_stage"].dropna().tolist() == ["1", "2", "3", "4A/B", "4B"]


def test_the_category_is_the_label_and_not_the_prefix_of_the_id(tmp_path):
    rows = [voc_als_control("CT001", Category="ALS"), voc_als_patient("PZ001", Category="HC")]
    release = voc_als.read(write_voc_als(tmp_path, rows))
    assert subject(release, "CT001")["label"] == "ALS"
    assert subject(release, "PZ001")["label"] == "HC"


def test_the_acoustic_columns_stand_apart_under_their_own_names_beside_thirty_four_others(tmp_path):
    release = voc_als.read(write_voc_als(tmp_path))
    assert list(release.acoustic.columns[1:]) == ACOUSTIC
    assert (len(ACOUSTIC), len(VOC_ALS_COLUMNS) - len(ACOUSTIC)) == (55, 34)
    assert not set(ACOUSTIC) & set(release.clinical)
    assert len(release.clinical) + len(["ID", "Category"]) == 34


def test_a_workbook_without_acoustic_columns_is_read(tmp_path):
    columns = [name for name in VOC_ALS_COLUMNS if name not in ACOUSTIC]
    release = voc_als.read(write_voc_als(tmp_path, columns=columns))
    assert release.acoustic is None
    assert release.structural == []


def test_missing_columns_are_one_problem_that_names_them_all(tmp_path):
    columns = [name for name in VOC_ALS_COLUMNS if name not in ("Sex", "FVC% ", "HNR_weekdays")]
    (problem,) = voc_als.read(write_voc_als(tmp_path, columns=columns)).structural
    assert "Sex" in problem.expected
    assert "FVC%" in problem.expected
    assert "HNR_weekdays" in problem.expected
    assert "VOC-ALS_Data" in problem.where


def test_a_release_is_synthetic_where_it_has_the_mark(tmp_path):
    write_voc_als(tmp_path)
    assert not voc_als.read(tmp_path).synthetic
    (tmp_path / "SYNTHETIC.txt").touch()
    assert voc_als.read(tmp_path).synthetic
