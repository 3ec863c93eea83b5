"""The stage that writes the synthetic release of Common Voice: its shape, and the same bytes whoever writes."""

import csv
from pathlib import Path

import pytest
import soundfile

from bulbar.cohort import common_voice, subset
from bulbar.core.errors import BadInput
from stages import phantom_voices
from tests.projects import contents, write_params

TINY = {"speakers": 12, "clips": [1, 3], "median_duration_s": 1.5}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, "gender/params.yaml", phantom=TINY)
    phantom_voices.main()
    return tmp_path / "data/raw/phantom"


def test_the_release_has_the_table_and_the_clips_of_common_voice(root):
    with (root / "validated.tsv").open(newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    clips = {path.name for path in (root / "clips").iterdir()}
    assert clips <= {row["path"] for row in rows}
    assert 12 <= len(rows) <= 36 and len(rows) - len(clips) <= 3
    for path in (root / "clips").iterdir():
        found = soundfile.info(path)
        assert (found.subtype, found.channels, found.samplerate) == ("MPEG_LAYER_III", 1, 32000)
        assert found.duration >= 1.5
    assert "synthetic" in (root / "SYNTHETIC.txt").read_text()


def test_the_reader_of_common_voice_finds_nothing_wrong_with_it(root):
    release = common_voice.read(root, subset.Settings(per_gender=None, max_clips_per_speaker=9), 1)
    assert release.synthetic
    assert not release.faults and not release.structural
    assert set(release.subjects["sex"]) == {"M", "F"}


def test_two_runs_with_one_and_two_workers_write_the_same_bytes(root, tmp_path):
    first = contents(root)
    write_params(tmp_path, "gender/params.yaml", phantom=TINY, compute={"workers": 2})
    phantom_voices.main()
    assert contents(root) == first


def test_impossible_settings_stop_it_before_it_deletes_anything(root, tmp_path):
    first = contents(root)
    write_params(tmp_path, "gender/params.yaml", phantom={"speakers": 1})
    with pytest.raises(BadInput, match="speakers"):
        phantom_voices.main()
    assert contents(Path(root)) == first
