import json

import pandas as pd
import pytest

from bulbar.core.errors import BadInput
from bulbar.core.names import PROTOCOLS
from stages import split
from tests.projects import contents, write_cohort, write_csv, write_params


@pytest.fixture
def project(tmp_path, monkeypatch):
    """30 men and 20 women with two clips each; every fifth says nothing of their age."""
    monkeypatch.chdir(tmp_path)
    subjects = [
        {"subject_id": f"{n:03d}", "sex": "MF"[n >= 30], "age_years": "" if n % 5 == 0 else 20 + n} for n in range(50)
    ]
    write_cohort(tmp_path, subjects)
    clips = [{"recording_id": f"c{n:03d}{clip}", "subject_id": f"{n:03d}"} for n in range(50) for clip in "ba"]
    write_csv(tmp_path / "data/audio/recordings.csv", clips)
    write_params(tmp_path, "gender/params.yaml")
    return tmp_path


def table_of(project, protocol):
    return pd.read_csv(project / f"data/split/{protocol}.csv", dtype={"subject_id": str})


def test_both_protocols_are_written_over_the_recordings_that_came_through(project, capsys):
    split.main()
    for protocol in PROTOCOLS:
        table = table_of(project, protocol)
        assert list(table) == ["recording_id", "subject_id", "label", "part"]
        assert len(table) == 100 and table["recording_id"].is_monotonic_increasing
        assert (table["label"] == (table["subject_id"] < "030")).all()
    assert json.loads((project / "data/split/classes.json").read_text()) == {
        "target": "gender",
        "classes": ["female", "male"],
    }
    assert capsys.readouterr().out.startswith("100 recordings of 50 speakers: female and male; 0 without a label")


def test_the_metrics_count_parts_and_name_nobody(project):
    split.main()
    found = json.loads((project / "metrics/split.json").read_text())
    for protocol in PROTOCOLS:
        parts = found[protocol]
        assert sum(part["recordings"] for part in parts.values()) == 100
        assert parts["train"]["recordings"] == 70
    assert sum(part["speakers"] for part in found["subject_wise"].values()) == 50
    assert sum(part["speakers"] for part in found["record_wise"].values()) > 50


def test_age_bands_leave_out_who_says_nothing_of_their_age(project):
    write_params(project, "gender/params.yaml", split={"target": "age_band"})
    split.main()
    table = table_of(project, "subject_wise")
    assert len(table) == 80
    assert (table["label"] == (table["subject_id"].astype(int) >= 20)).all()
    assert json.loads((project / "metrics/split.json").read_text())["without_a_label"] == 20


@pytest.mark.parametrize(
    ("bands", "classes"), [([30], 2), ([30, 40], 3), ([20, 30, 40], 4)], ids=["two", "three", "four"]
)
def test_so_many_bands_as_there_are_begin_in_every_part(project, bands, classes):
    write_params(project, "gender/params.yaml", split={"target": "age_band", "age_bands": bands, "test_share": 0.3})
    split.main()
    for protocol in PROTOCOLS:
        table = table_of(project, protocol)
        ages = 20 + table["subject_id"].astype(int)
        assert (table["label"] == sum((ages >= band).astype(int) for band in bands)).all()
        assert (table.groupby("part")["label"].nunique() == len(set(table["label"]))).all()
    assert len(json.loads((project / "data/split/classes.json").read_text())["classes"]) == classes


def test_a_band_that_cuts_a_decade_is_refused_where_ages_are_decades(project):
    write_params(project, "gender/params.yaml", split={"target": "age_band", "age_bands": [30, 45]})
    split.main()
    contract = project / "data/cohort/cohort.json"
    contract.write_text(contract.read_text().replace("voc_als", "common_voice"))
    with pytest.raises(BadInput, match=r"split\.age_bands(.|\n)*decades(.|\n)*45"):
        split.main()
    write_params(project, "gender/params.yaml", split={"age_bands": [45]})
    split.main()


def test_two_runs_agree_byte_by_byte_and_another_seed_does_not(project):
    split.main()
    first = contents(project / "data/split")
    split.main()
    assert contents(project / "data/split") == first
    write_params(project, "gender/params.yaml", seed=1)
    split.main()
    assert contents(project / "data/split") != first


def test_one_gender_alone_stops_the_stage_before_it_writes(project):
    write_csv(
        project / "data/cohort/subjects.csv",
        [{"subject_id": f"{n:03d}", "sex": "M", "age_years": 1} for n in range(50)],
    )
    with pytest.raises(BadInput, match="0 female"):
        split.main()
    assert not (project / "data/split").exists()
