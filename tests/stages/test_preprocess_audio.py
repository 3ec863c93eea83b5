import json

import numpy as np
import pandas as pd
import pytest
import soundfile

from bulbar.core.errors import BadInput
from stages import preprocess_audio
from stages.parts.run import run
from tests.projects import same_with_two_workers, write_cohort, write_csv, write_params

RATES = {"PZ1_A": 8000, "PZ1_PA": 44100, "CT1_A": 48000}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Three recordings of 2 s, the middle of each silent for half a second."""
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, cohort={"root": str(tmp_path / "release")})
    rows = []
    for name, rate in RATES.items():
        voice = 0.3 * np.sin(2 * np.pi * 200 * np.arange(2 * rate) / rate)
        voice[3 * rate // 4 : 5 * rate // 4] = 0
        (tmp_path / "release/voices").mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / f"release/voices/{name}.wav", voice, rate)
        subject, task = name.split("_")
        named = {"recording_id": name, "subject_id": subject, "task": task, "path": f"voices/{name}.wav"}
        rows.append(named | {"sample_rate_hz": rate, "channels": 1, "duration_s": 2.0, "sha256": "-"})
    write_csv(tmp_path / "data/cohort/recordings.csv", rows)
    write_cohort(tmp_path, [{"subject_id": "CT1", "label": "HC"}, {"subject_id": "PZ1", "label": "ALS"}])
    return tmp_path


def test_every_recording_becomes_16_bit_mono_without_its_silence(project, capsys):
    preprocess_audio.main()
    table = pd.read_csv("data/audio/recordings.csv")
    assert list(table) == ["recording_id", "subject_id", "task", "duration_s", "source_duration_s", "highest_hz"]
    assert table["highest_hz"].tolist() == [4000, 22050, 24000]
    assert table["recording_id"].tolist() == list(RATES)
    for row in table.itertuples():
        info = soundfile.info(f"data/audio/{row.recording_id}.wav")
        assert (info.samplerate, info.channels, info.subtype) == (22050, 1, "PCM_16")
        assert row.duration_s == pytest.approx(info.frames / 22050, abs=1e-4)
        assert row.duration_s == pytest.approx(1.5, abs=0.2)
        assert row.source_duration_s == 2
    metrics = json.loads((project / "metrics/audio.json").read_text())
    assert metrics["recordings"] == 3
    assert metrics["mean_source_duration_s"] == 2
    assert metrics["mean_duration_s"] == pytest.approx(table["duration_s"].mean(), abs=1e-4)
    assert (project / "data/audio/figure_7.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert printed.startswith("3 recordings cleaned")
    assert printed.count("\n") == 1


def test_two_runs_and_any_number_of_workers_agree_byte_by_byte(project):
    release = {"root": str(project / "release")}
    assert len(same_with_two_workers(preprocess_audio.main, "data/audio", "metrics", cohort=release)) == 6


def test_all_silent_recordings_are_named_and_nothing_half_written_is_left(project, capsys):
    for name in ("PZ1_A", "CT1_A"):
        soundfile.write(project / f"release/voices/{name}.wav", np.zeros(RATES[name]), RATES[name])
    with pytest.raises(BadInput) as error:
        preprocess_audio.main()
    assert [problem.where for problem in error.value.problems] == ["voices/PZ1_A.wav", "voices/CT1_A.wav"]
    assert "equal" in error.value.problems[0].found
    assert not (project / "data/audio").exists()
    assert not (project / "metrics").exists()
    with pytest.raises(SystemExit):
        run(preprocess_audio.main, "main")
    assert "PZ1_A.wav" in capsys.readouterr().err


def test_no_recording_carries_more_than_the_end_of_the_low_pass_s_slope(project):
    write_params(project, cohort={"root": str(project / "release")}, audio={"bandwidth_hz": 3700.0})
    preprocess_audio.main()
    assert pd.read_csv("data/audio/recordings.csv")["highest_hz"].tolist() == [4000, 4070, 4070]


def test_another_rate_is_another_params_line_away(project):
    write_params(project, cohort={"root": str(project / "release")}, audio={"sample_rate_hz": 16000})
    preprocess_audio.main()
    assert soundfile.info("data/audio/PZ1_PA.wav").samplerate == 16000
