import numpy as np
import pandas as pd
import pytest
import soundfile

from bulbar.features import voice_measures
from bulbar.phantom import voice
from stages import timbre
from tests.projects import same_with_two_workers, write_csv, write_params

RATE_HZ = 8000


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A vowel of a man and of a woman, and a silent recording."""
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, "gender/params.yaml", cohort={"root": "release"})
    (tmp_path / "release").mkdir()
    rows = []
    for number, sex in enumerate(("M", "F", None)):
        uttered = voice.vowel(
            voice.Phonation(170.0),
            "A",
            np.array(voice.FORMANTS_HZ[sex or "M"]["A"]),
            1.5,
            np.random.default_rng(number),
        )
        soundfile.write(f"release/{number}.wav", uttered.samples * (0.5 if sex else 0), RATE_HZ)
        rows.append({"recording_id": f"r{number}", "subject_id": f"S{number}", "task": "A", "path": f"{number}.wav"})
    write_csv(tmp_path / "data/cohort/recordings.csv", rows)


def test_each_recording_has_formants_and_mfccs_and_silence_has_none(project, capsys):
    timbre.main()
    assert capsys.readouterr().out == "formants and mean MFCCs of 3 recordings\n"
    table = pd.read_csv("data/timbre/features.csv").set_index("recording_id")
    assert list(table) == ["subject_id", "task", *voice_measures.TRACT_MEASURES, *voice_measures.MFCC_MEANS]
    assert table.loc["r0", "f2_median_hz"] < table.loc["r1", "f2_median_hz"]  # the longer tract is the man's
    assert table.loc["r2"].drop(["subject_id", "task"]).isna().all()


def test_the_table_does_not_depend_on_the_number_of_workers(project):
    blocks = {"cohort": {"root": "release"}}
    assert same_with_two_workers(timbre.main, "data/timbre", of="gender/params.yaml", **blocks) == ["features.csv"]
