import json

import numpy as np
import pandas as pd
import pytest
import soundfile

from bulbar.core.errors import BadInput
from bulbar.features import praat, voice_measures
from bulbar.phantom import voice
from stages import acoustic
from tests.projects import same_with_two_workers, write_cohort, write_csv, write_params

SUBJECTS = 6
RATE_HZ = 8000


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A vowel and a train of six people whose pitch rises from one to the next; one train is silent."""
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, cohort={"root": "release"})
    (tmp_path / "release").mkdir()
    formants = np.array(voice.FORMANTS_HZ["M"]["A"])
    rows, truth = [], []
    for number in range(SUBJECTS):
        larynx, draw = voice.Phonation(100.0 + 10 * number), np.random.default_rng(number)
        train = voice.Train("PA", rate_hz=4.0)
        uttered = {
            "A": voice.vowel(larynx, "A", formants, 1.5, draw),
            "PA": voice.syllables(larynx, train, formants, 3.0, draw),
        }
        for task, utterance in uttered.items():
            samples = 0.0 * utterance.samples if (number, task) == (0, "PA") else 0.5 * utterance.samples
            soundfile.write(tmp_path / f"release/{number}_{task}.wav", samples, RATE_HZ)
            named = {"recording_id": f"S{number}_{task}", "subject_id": f"S{number}", "task": task}
            rows.append(named | {"path": f"{number}_{task}.wav", "sample_rate_hz": RATE_HZ})
        known = {f"meanF0Hz_{task}": voice.measure(utterance).mean_f0_hz for task, utterance in uttered.items()}
        truth.append({"subject_id": f"S{number}", **known, "HNR_A": np.nan, "meanF0Hz_reading": 100})
    write_csv(tmp_path / "data/cohort/recordings.csv", rows)
    write_csv(tmp_path / "data/cohort/acoustic.csv", truth)
    write_cohort(tmp_path, [{"subject_id": "S0", "label": "HC"}])
    return tmp_path


def test_every_recording_has_its_features_and_only_trains_have_syllables(project, capsys):
    acoustic.main()
    table = pd.read_csv("data/acoustic/features.csv")
    assert list(table) == ["recording_id", "subject_id", "task", *voice_measures.MEASURES]
    assert list(table)[3:10] == list(praat.MEASURES)
    assert table["recording_id"].tolist() == [f"S{n}_{task}" for n in range(SUBJECTS) for task in ("A", "PA")]
    vowels, trains = table[table["task"] == "A"], table[table["task"] == "PA"]
    assert vowels["mean_f0_hz"].to_numpy() == pytest.approx(100 + 10 * np.arange(SUBJECTS), rel=0.05)
    assert vowels["syllable_rate_hz"].isna().all()
    assert trains.iloc[0].drop(["recording_id", "subject_id", "task"]).isna().all()
    assert trains["syllable_rate_hz"].iloc[1:].to_numpy() == pytest.approx(4.0, rel=0.1)
    assert (
        capsys.readouterr().out
        == f"{len(voice_measures.MEASURES)} voice features of 12 recordings, 3 columns compared\n"
    )


def test_the_release_s_own_columns_are_compared_where_there_is_audio(project):
    acoustic.main()
    metrics = json.loads((project / "metrics/acoustic.json").read_text())
    assert metrics["synthetic"] is True
    assert "generated truth" in metrics["compared_with"]
    assert set(metrics["columns"]) == {"meanF0Hz_A", "meanF0Hz_PA", "HNR_A"}
    assert metrics["columns"]["meanF0Hz_A"]["n"] == 6
    assert metrics["columns"]["meanF0Hz_A"]["pearson"] > 0.99
    assert abs(metrics["columns"]["meanF0Hz_A"]["median_relative_difference"]) < 0.01
    assert metrics["columns"]["meanF0Hz_PA"]["n"] == "all but <5"  # of six
    assert metrics["columns"]["HNR_A"]["n"] == "none"
    assert metrics["columns"]["HNR_A"]["pearson"] is None
    assert metrics["median_over_columns"]["mean_f0_hz"]["trains"]["columns"] == 1
    assert metrics["undefined_in"]["mean_f0_hz"] == "<5"
    assert metrics["undefined_in"]["syllable_rate_hz"] == "<5"
    assert (metrics["recordings"], metrics["syllable_trains"]) == (12, 6)


def test_a_release_without_such_columns_is_said_to_have_none(project, capsys):
    (project / "data/cohort/acoustic.csv").unlink()
    write_cohort(project, [{"subject_id": "S0", "label": "HC"}], synthetic=False)
    acoustic.main()
    metrics = json.loads((project / "metrics/acoustic.json").read_text())
    assert metrics["synthetic"] is False
    assert metrics["compared_with"].startswith("nothing")
    assert "columns" not in metrics
    assert "nothing of the release's" in capsys.readouterr().out


def test_mean_f0_alone_is_the_same_column_and_no_other(project, capsys):
    acoustic.main()
    everything = pd.read_csv("data/acoustic/features.csv")
    compared = json.loads((project / "metrics/acoustic.json").read_text())["columns"]
    write_params(project, cohort={"root": "release"}, acoustic={"measures": ["mean_f0_hz"]})
    capsys.readouterr()
    acoustic.main()
    pd.testing.assert_frame_equal(pd.read_csv("data/acoustic/features.csv"), everything.iloc[:, :4])
    metrics = json.loads((project / "metrics/acoustic.json").read_text())
    assert list(metrics["undefined_in"]) == list(metrics["median_over_columns"]) == ["mean_f0_hz"]
    assert metrics["columns"] == {name: compared[name] for name in ("meanF0Hz_A", "meanF0Hz_PA")}
    assert capsys.readouterr().out == "mean_f0_hz of 12 recordings, 2 columns compared\n"


def test_two_runs_and_any_number_of_workers_agree_byte_by_byte(project):
    files = same_with_two_workers(acoustic.main, "data/acoustic", "metrics", cohort={"root": "release"})
    assert files == ["features.csv", "acoustic.json"]


def test_an_impossible_pitch_range_stops_the_stage_before_it_measures(project):
    write_params(project, cohort={"root": "release"}, acoustic={"max_pitch_hz": 50.0})
    with pytest.raises(BadInput, match=r"params\.yaml: acoustic(.|\n)*above min_pitch_hz"):
        acoustic.main()
    assert not (project / "data/acoustic").exists()
