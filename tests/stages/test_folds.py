import shutil

import pandas as pd
import pytest

from bulbar.core.errors import BadInput
from bulbar.core.names import PROTOCOLS
from stages import folds
from tests.projects import contents, write_csv, write_params


@pytest.fixture
def project(tmp_path, monkeypatch):
    """12 controls and 18 patients in the cohort, of whom one has no recording left."""
    subjects = [(f"CT{n:02d}", "HC") for n in range(12)] + [(f"PZ{n:02d}", "ALS") for n in range(18)]
    write_csv(tmp_path / "data/cohort/subjects.csv", pd.DataFrame(subjects, columns=["subject_id", "label"]))
    recordings = [
        {"recording_id": f"{name}_{task}", "subject_id": name} for name, _ in subjects[:-1] for task in ("PA", "A")
    ]
    write_csv(tmp_path / "data/audio/recordings.csv", recordings)
    write_params(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_both_protocols_are_written_over_the_recordings_that_came_through(project, capsys):
    folds.main()
    for protocol in PROTOCOLS:
        table = pd.read_csv(f"data/folds/{protocol}.csv")
        assert len(table) == 58
        assert table["recording_id"].is_monotonic_increasing
        assert (table["label"] == table["subject_id"].str.startswith("PZ")).all()
        assert list(table)[3:] == ["fold", *(f"validation_{fold}" for fold in range(1, 6))]
    assert capsys.readouterr().out == "5 folds of 58 recordings, 29 subjects: record_wise and subject_wise\n"


def test_the_positive_class_is_the_one_in_the_params(project):
    write_params(project, positive_class="HC")
    folds.main()
    table = pd.read_csv("data/folds/record_wise.csv")
    assert (table["label"] == table["subject_id"].str.startswith("CT")).all()


def test_two_runs_agree_byte_by_byte_and_another_seed_does_not(project):
    folds.main()
    first = contents(project / "data/folds")
    folds.main()
    assert contents(project / "data/folds") == first
    write_params(project, seed=1)
    folds.main()
    assert contents(project / "data/folds") != first


def test_too_few_subjects_stop_the_stage_before_it_writes(project):
    write_params(project, folds={"n_splits": 13})
    with pytest.raises(BadInput, match=r"folds\.n_splits(.|\n)*12 of HC"):
        folds.main()
    assert not (project / "data/folds").exists()


def test_a_second_cohort_that_is_too_small_is_left_out_and_said_so_while_a_main_one_is_refused(project, capsys):
    for part in ("cohort", "audio"):
        shutil.copytree(f"data/{part}", f"data/external/{part}")
    write_params(project, folds={"n_splits": 15})
    folds.main("external")
    printed = capsys.readouterr().out
    assert "The external cohort is left out." in printed and "12 of HC" in printed
    assert pd.read_csv("data/external/folds/subject_wise.csv").empty
    with pytest.raises(BadInput, match="12 of HC"):
        folds.main()
