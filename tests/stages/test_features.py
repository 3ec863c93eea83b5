import numpy as np
import pandas as pd
import pytest
import soundfile

from bulbar.core.errors import BadInput
from bulbar.features import sequences
from stages import features
from tests.projects import same_with_two_workers, write_csv, write_params

PARTS = {
    "record_wise": ["train", "test", "train", "validation", "train"],
    "subject_wise": ["test", "train", "train", "train", "validation"],
}
NAMES = [f"clip{n}" for n in range(5)]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Five clips of other lengths; clip 3 is trained on in one protocol and watched in the other, and so on."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/audio").mkdir(parents=True)
    for n, name in enumerate(NAMES):
        samples = 0.1 * np.random.default_rng(n).standard_normal(round(16000 * (0.8 + 0.4 * n)))
        soundfile.write(tmp_path / f"data/audio/{name}.wav", samples, 16000)
    for protocol, parts in PARTS.items():
        rows = {"recording_id": NAMES, "subject_id": list("abbcd"), "label": [0, 1, 1, 0, 1], "part": parts}
        write_csv(tmp_path / f"data/split/{protocol}.csv", pd.DataFrame(rows))
    write_params(tmp_path, "gender/params.yaml", augment={"copies": 2})
    return tmp_path


def written(project, protocol):
    folder = project / "data/features" / protocol
    return np.load(folder / "features.npy", mmap_mode="r"), pd.read_csv(folder / "index.csv")


@pytest.mark.parametrize("protocol", PARTS)
def test_only_what_a_protocol_trains_on_has_changed_copies(project, protocol, capsys):
    features.main()
    array, index = written(project, protocol)
    assert array.shape == (len(index), 40, 100) and array.dtype == np.float32
    part_of = dict(zip(NAMES, PARTS[protocol], strict=True))
    expected = [(name, copy) for name in NAMES for copy in range(3 if part_of[name] == "train" else 1)]
    assert list(zip(index["recording_id"], index["copy"], strict=True)) == expected
    assert (index["part"] == index["recording_id"].map(part_of)).all()
    assert set(index.loc[index["part"] != "train", "copy"]) == {0}
    originals = index["copy"] == 0
    assert (index.loc[originals, "semitones"] == 0).all() and (index.loc[originals, "speed"] == 1).all()
    assert capsys.readouterr().out.count("\n") == 1


def test_rows_are_the_features_of_their_recordings_and_frames_what_they_fill(project):
    features.main()
    array, index = written(project, "record_wise")
    for row, described in index[index["copy"] == 0].iterrows():
        samples, rate = soundfile.read(project / f"data/audio/{described['recording_id']}.wav")
        expected, filled = sequences.features_of(samples, rate, sequences.Settings())
        assert np.allclose(array[row], expected, atol=1e-4)
        assert described["frames"] == filled
        assert (array[row][:, filled:] == 0).all()
    changed = index.index[index["copy"] > 0]
    original = [
        index.index[(index["recording_id"] == index["recording_id"][row]) & (index["copy"] == 0)][0] for row in changed
    ]
    assert all(np.abs(array[one] - array[other]).mean() > 0.01 for one, other in zip(changed, original, strict=True))


def test_a_recording_has_the_same_copies_in_both_protocols(project):
    features.main()
    (one, of_one), (other, of_other) = (written(project, protocol) for protocol in PARTS)
    for copy in range(3):
        rows = [
            table.index[(table["recording_id"] == "clip2") & (table["copy"] == copy)][0] for table in (of_one, of_other)
        ]
        assert np.array_equal(one[rows[0]], other[rows[1]])


def test_by_the_training_part_its_frames_have_mean_0_and_deviation_1_and_no_other_s_count(project):
    write_params(project, "gender/params.yaml", augment={"copies": 2}, features={"normalise": "training"})
    features.main()
    array, index = written(project, "subject_wise")
    rows = np.flatnonzero(index["part"] == "train")
    joined = np.hstack([array[row][:, : index["frames"][row]] for row in rows])
    assert np.allclose(joined.mean(axis=1), 0, atol=1e-4) and np.allclose(joined.std(axis=1), 1, atol=1e-3)
    tested = np.array(array[0])
    before = pd.read_csv(project / "data/features/subject_wise/scaling.csv")
    assert list(before) == ["row", "mean", "sd"] and len(before) == 40
    soundfile.write(project / "data/audio/clip0.wav", np.random.default_rng(9).standard_normal(30000) / 4, 16000)
    features.main()
    assert pd.read_csv(project / "data/features/subject_wise/scaling.csv").equals(before)
    assert not np.array_equal(written(project, "subject_wise")[0][0], tested)


def test_two_runs_and_any_number_of_workers_agree_byte_by_byte(project):
    blocks = {"augment": {"copies": 2}, "features": {"normalise": "training"}}
    assert len(same_with_two_workers(features.main, "data/features", of="gender/params.yaml", **blocks)) == 6


def test_no_copies_are_no_copies(project):
    write_params(project, "gender/params.yaml", augment={"copies": 0})
    features.main()
    assert [len(written(project, protocol)[1]) for protocol in PARTS] == [5, 5]


def test_bands_beyond_the_sampling_rate_stop_it_before_it_writes(project):
    write_params(project, "gender/params.yaml", audio={"sample_rate_hz": 8000})
    with pytest.raises(BadInput, match="max_hz"):
        features.main()
    assert not (project / "data/features").exists()
