import numpy as np
import pandas as pd
import pytest
import soundfile

from bulbar.core.errors import BadInput
from stages import conditions
from tests.features.test_near_duplicates import RATE, resampled, voice
from tests.projects import same_with_two_workers, write_cohort, write_csv, write_params

COLUMNS = [
    "recording_id", "subject_id", "task", "sample_rate_hz", "format", "channels", "bandwidth_hz", "clipped_share",
    "dc_offset", "noise_dbfs", "noise_centroid_hz", "digital_silence_share", "duration_s", "level_dbfs", "pause_share",
]  # fmt: skip


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Five recordings of three voices: the first also as FLAC, and resampled without its start."""
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, cohort={"root": str(tmp_path / "release")})
    first = np.round(voice(0, 2.0) * 32767) / 32768
    files = {
        "CT1_A": (first, RATE, "wav"),
        "CT1_E": (voice(1, 2.0), RATE, "wav"),
        "PZ1_A": (first, RATE, "flac"),
        "PZ1_E": (resampled(first[5000:], 44100), 44100, "wav"),
        "PZ2_A": (voice(2, 3.0), RATE, "wav"),
    }
    (tmp_path / "release").mkdir()
    rows = []
    for name, (samples, rate, container) in files.items():
        soundfile.write(tmp_path / f"release/{name}.{container}", samples, rate, subtype="PCM_16")
        subject, task = name.split("_")
        named = {"recording_id": name, "subject_id": subject, "task": task, "path": f"{name}.{container}"}
        rows.append(named | {"sample_rate_hz": rate, "channels": 1, "duration_s": len(samples) / rate, "sha256": "-"})
    write_csv(tmp_path / "data/cohort/recordings.csv", rows)
    write_cohort(tmp_path, [{"subject_id": name, "label": "HC"} for name in ("CT1", "PZ1", "PZ2")])
    return tmp_path


def test_every_released_recording_is_measured_and_copies_are_named(project, capsys):
    conditions.main()
    table = pd.read_csv("data/conditions/recordings.csv").set_index("recording_id")
    assert [table.index.name, *table.columns] == COLUMNS
    assert table["format"].tolist() == ["WAV/PCM_16", "WAV/PCM_16", "FLAC/PCM_16", "WAV/PCM_16", "WAV/PCM_16"]
    assert table["sample_rate_hz"].tolist() == [RATE, RATE, RATE, 44100, RATE]
    assert table.loc["PZ1_E", "bandwidth_hz"] == pytest.approx(RATE / 2, rel=0.1)
    assert table["duration_s"].round(3).tolist() == [2, 2, 2, round(2 - 5000 / RATE, 3), 3]
    pairs = pd.read_csv("data/conditions/duplicates.csv")
    assert list(pairs) == ["first", "second", "kind", "correlation", "lag_s"]
    assert list(zip(pairs["first"], pairs["second"], pairs["kind"], strict=True)) == [
        ("CT1_A", "PZ1_A", "exact"),
        ("CT1_A", "PZ1_E", "near"),
        ("PZ1_A", "PZ1_E", "near"),
    ]
    assert pairs["lag_s"].tolist() == pytest.approx([0, 5000 / RATE, 5000 / RATE], abs=1e-3)
    printed = capsys.readouterr().out
    assert printed == "5 released recordings measured; pairs of duplicates: 1 exact, 2 near\n"


def test_what_could_not_be_measured_is_empty(project):
    conditions.main()
    text = pd.read_csv("data/conditions/recordings.csv", dtype=str, keep_default_na=False)
    assert (text["noise_dbfs"] == "").any()
    assert not text.isin(["nan", "NaN", "-inf"]).any(axis=None)


def test_two_runs_and_any_number_of_workers_agree_byte_by_byte(project):
    release = {"root": str(project / "release")}
    files = same_with_two_workers(conditions.main, "data/conditions", cohort=release)
    assert files == ["duplicates.csv", "recordings.csv"]


def test_all_silent_recordings_are_named_and_nothing_is_written(project):
    for name in ("CT1_A", "PZ2_A"):
        soundfile.write(project / f"release/{name}.wav", np.zeros(RATE), RATE)
    with pytest.raises(BadInput) as error:
        conditions.main()
    expected = [str(project / f"release/{name}.wav") for name in ("CT1_A", "PZ2_A")]
    assert [problem.where for problem in error.value.problems] == expected
    assert not (project / "data/conditions").exists()
