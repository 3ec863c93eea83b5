import os
import subprocess
import sys

import librosa
import numpy as np
import pandas as pd
import pytest
import scipy.fft
import soundfile

from bulbar.core.errors import BadInput
from bulbar.features import spectrogram
from stages import mel_spectrogram
from tests.projects import ROOT, contents, same_with_two_workers, write_cohort, write_csv, write_params

MEASURED = """
import os, resource
from stages import mel_spectrogram, preprocess_audio
for folder in ("few", "many"):
    os.chdir(folder)
    preprocess_audio.main()
    mel_spectrogram.main()
    os.chdir("..")
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


HIGHEST_HZ = {"CT1_A": 4000.0, "PZ1_A": 24000.0, "PZ1_PA": 2500.0}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Cleaned voices of 0.7, 1.4 and 6 s."""
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path)
    seconds = {"CT1_A": 0.7, "PZ1_A": 1.4, "PZ1_PA": 6.0}
    (tmp_path / "data/audio").mkdir(parents=True)
    for place, (name, duration) in enumerate(seconds.items()):
        noise = np.random.default_rng(place).standard_normal(round(22050 * duration))
        soundfile.write(tmp_path / f"data/audio/{name}.wav", 0.1 * noise, 22050)
    rows = [
        {"recording_id": name, "subject_id": name[:3], "task": name[4:], "highest_hz": HIGHEST_HZ[name]}
        for name in seconds
    ]
    write_csv(tmp_path / "data/audio/recordings.csv", rows)
    write_cohort(tmp_path, [{"subject_id": "CT1", "label": "HC"}, {"subject_id": "PZ1", "label": "ALS"}])
    return tmp_path


def test_every_recording_has_one_image_in_the_order_of_the_index(project, capsys):
    mel_spectrogram.main()
    images = np.load("data/features/images.npy", mmap_mode="r")
    index = pd.read_csv("data/features/index.csv")
    assert images.shape == (3, 128, 128)
    assert images.dtype == np.float32
    assert index["recording_id"].tolist() == ["CT1_A", "PZ1_A", "PZ1_PA"]
    assert index["segment"].tolist() == [0, 0, 0]
    for row, name in enumerate(index["recording_id"]):
        samples, rate = soundfile.read(f"data/audio/{name}.wav", dtype="float32")
        expected = spectrogram.image_of(samples, rate, spectrogram.Settings())[0]
        np.testing.assert_allclose(images[row], expected, atol=1e-5)
    assert capsys.readouterr().out == "3 mel images of 128×128\n"
    for figure in ("figure_6.png", "figure_8.png"):
        assert (project / "data/features" / figure).read_bytes().startswith(b"\x89PNG")


def test_what_is_in_another_recording_changes_no_image(project):
    mel_spectrogram.main()
    before = np.load("data/features/images.npy")
    soundfile.write("data/audio/PZ1_PA.wav", np.sin(np.arange(22050) / 5), 22050)
    mel_spectrogram.main()
    after = np.load("data/features/images.npy")
    assert np.array_equal(before[:2], after[:2])
    assert not np.array_equal(before[2], after[2])


def test_two_runs_and_any_number_of_workers_agree_byte_by_byte(project):
    files = same_with_two_workers(mel_spectrogram.main, "data/features")
    assert files == ["figure_6.png", "figure_8.png", "images.npy", "index.csv"]


def test_segments_are_rows_of_the_same_recording(project):
    write_params(project, spectrogram={"time_axis": "segments", "mel_bands": 64, "frames": 50})
    mel_spectrogram.main()
    index = pd.read_csv("data/features/index.csv")
    # 1 + 0.7 × 22050 / 512 = 31 frames, 61, 259: the rest of 11 and of 9 is less than half a row
    assert index["recording_id"].value_counts().to_dict() == {"CT1_A": 1, "PZ1_A": 1, "PZ1_PA": 5}
    assert index.loc[index["recording_id"] == "PZ1_PA", "segment"].tolist() == [0, 1, 2, 3, 4]
    assert np.load("data/features/images.npy", mmap_mode="r").shape == (7, 64, 50)


def test_mfcc_images_have_the_same_shape(project, capsys):
    write_params(project, spectrogram={"representation": "mfcc"})
    mel_spectrogram.main()
    assert np.load("data/features/images.npy", mmap_mode="r").shape == (3, 128, 128)
    assert capsys.readouterr().out.startswith("3 mfcc images")


@pytest.mark.parametrize("time_axis", ["resize", "pad", "segments"])
def test_what_lies_above_what_a_recording_carries_is_masked_and_nothing_else(project, time_axis):
    write_params(project, spectrogram={"time_axis": time_axis})
    mel_spectrogram.main()
    plain = np.load("data/features/images.npy")
    write_params(project, spectrogram={"time_axis": time_axis, "mask_dead_bands": True})
    mel_spectrogram.main()
    masked, index = np.load("data/features/images.npy"), pd.read_csv("data/features/index.csv")
    begins_hz = librosa.mel_frequencies(130, fmin=0, fmax=11025, htk=True)[:-2]
    for name, before, after in zip(index["recording_id"], plain, masked, strict=True):
        dead = begins_hz >= HIGHEST_HZ[name]
        assert bool(before[dead].any()) == (name != "PZ1_A") and not after[dead].any()
        louder = (after - before)[~dead][before[~dead] > 0]  # of noise that rises with frequency the loudest is masked
        assert np.ptp(louder) < 1e-5 and (louder.min() > 0.02) == (name != "PZ1_A")
        if name == "PZ1_A":
            np.testing.assert_array_equal(after, before)


def test_masked_mfccs_are_those_of_a_log_mel_spectrum_that_is_at_the_floor_there(project):
    write_params(project, spectrogram={"representation": "mfcc", "mask_dead_bands": True, "time_axis": "pad"})
    mel_spectrogram.main()
    found = np.load("data/features/images.npy")[0]
    write_params(project, spectrogram={"mask_dead_bands": True, "time_axis": "pad"})
    mel_spectrogram.main()
    frames = 1 + round(22050 * 0.7) // 512
    log_mel = np.load("data/features/images.npy")[0][:, :frames]
    coefficients = scipy.fft.dct(log_mel, type=2, axis=0)[1:13] / 2
    scaled = spectrogram.mfcc_to_unit_range(coefficients, 128)
    np.testing.assert_allclose(found[:, :frames], spectrogram.resize(scaled, (128, frames)), atol=1e-5)


def test_all_recordings_of_which_the_mask_leaves_no_band_are_named_and_nothing_half_written_is_left(project):
    write_params(project, spectrogram={"min_hz": 5000.0, "mask_dead_bands": True})
    with pytest.raises(BadInput, match="every mel band begins above 4000 Hz") as error:
        mel_spectrogram.main()
    assert [problem.where for problem in error.value.problems] == ["CT1_A", "PZ1_PA"]
    assert not contents(project / "data/features")


def write_recordings(folder, recordings: int) -> None:
    """A cohort of `recordings` recordings, all of them the same half second."""
    (folder / "release").mkdir(parents=True)
    write_params(folder, cohort={"root": "release"}, spectrogram={"frames": 512})
    soundfile.write(folder / "release/a.wav", 0.3 * np.sin(np.arange(4000) / 5), 8000)
    names = [f"S{n:04d}" for n in range(recordings)]
    rows = [{"recording_id": f"{name}_A", "subject_id": name, "task": "A", "path": "a.wav"} for name in names]
    write_csv(folder / "data/cohort/recordings.csv", pd.DataFrame(rows).assign(duration_s=0.5, sample_rate_hz=8000))
    write_cohort(folder, pd.DataFrame({"subject_id": names}).assign(label="ALS"))


@pytest.mark.slow
def test_ten_times_the_recordings_need_no_more_memory(tmp_path):
    write_recordings(tmp_path / "few", 10)
    write_recordings(tmp_path / "many", 100)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", MEASURED]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True, text=True)
    few, many = (int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("peak"))
    # 90 more images are 24 MB: a stage that held them would show it
    assert many - few < 10_000
