import hashlib
import subprocess
import wave

import numpy as np
import pytest
import soundfile

from bulbar.cohort import recording
from bulbar.features import audio
from tests.broken_inputs.recordings import chunk, riff, without_end
from tests.releases import write_voice


def problems_of(path, min_duration_s=0.5):
    return recording.inspect(path.name, path.parent, min_duration_s=min_duration_s).problems


def test_a_sound_recording_is_reported_as_it_is(tmp_path):
    write_voice(tmp_path / "a.wav", name="a", duration_s=1.5, sample_rate_hz=8000)
    found = recording.inspect("a.wav", tmp_path, min_duration_s=0.5)
    with wave.open(str(tmp_path / "a.wav")) as known:
        assert found.duration_s == known.getnframes() / known.getframerate() == 1.5
        assert (found.sample_rate_hz, found.channels) == (known.getframerate(), known.getnchannels())
    printed = subprocess.run(["sha256sum", tmp_path / "a.wav"], capture_output=True, text=True, check=True).stdout
    assert found.sha256 == printed.split()[0]
    assert found.problems == ()


@pytest.mark.parametrize("chunks", [1, 500])
def test_a_cut_wav_is_truncated_however_much_libsndfile_notes_before_its_samples(tmp_path, chunks):
    path = tmp_path / "a.wav"
    write_voice(path, name="a")
    whole = path.read_bytes()
    remarks = chunk(b"LIST", b"INFO" + chunks * chunk(b"ICMT", 200 * b"x"))
    path.write_bytes(riff(whole[12:36] + remarks + whole[36:]))
    assert problems_of(path) == ()
    path.write_bytes(path.read_bytes()[:-2])
    assert [problem.found.partition(":")[0] for problem in problems_of(path)] == ["truncated"]


@pytest.mark.parametrize(("largest", "shown"), [(1e30, "1e+30"), (-1e20, "1e+20"), (3.0, "3"), (1.9, None)])
def test_a_sample_whose_power_is_not_finite_is_reported_before_the_silence_is_looked_for(tmp_path, largest, shown):
    samples = 0.3 * np.sin(np.arange(16_000, dtype=np.float32))
    samples[[100, 9000]] = largest
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    found = [problem.found for problem in problems_of(tmp_path / "a.wav")]
    assert found == ([f"up to {shown} times full scale"] if shown else [])
    if not shown:
        assert len(audio.clean(tmp_path / "a.wav", audio.Settings(min_duration_s=0.5))) > 0


def test_the_same_samples_in_another_container_have_the_same_digest(tmp_path):
    write_voice(tmp_path / "a.wav", name="a")
    samples, rate = soundfile.read(tmp_path / "a.wav", dtype="int16")
    soundfile.write(tmp_path / "b.wav", samples, rate, format="FLAC", subtype="PCM_16")
    soundfile.write(tmp_path / "c.wav", samples, rate, subtype="PCM_24")
    soundfile.write(tmp_path / "d.wav", samples[::-1], rate, subtype="PCM_16")
    a, b, c, d = (recording.inspect(f"{name}.wav", tmp_path, min_duration_s=0.5) for name in "abcd")
    expected = hashlib.sha256((samples / np.float32(32768)).astype("<f4").tobytes()).hexdigest()
    assert a.samples_digest == b.samples_digest == c.samples_digest == expected
    assert d.samples_digest != expected
    assert len({a.sha256, b.sha256, c.sha256}) == 3


def test_a_recording_longer_than_a_block_is_read_to_its_end(tmp_path):
    samples = np.zeros(600_000, dtype=np.float32)
    samples[-1] = 0.5
    soundfile.write(tmp_path / "long.wav", samples, 44100, subtype="PCM_16")
    found = recording.inspect("long.wav", tmp_path, min_duration_s=0.5)
    assert found.problems == ()
    assert found.duration_s == pytest.approx(600_000 / 44100)


def test_an_mp3_that_is_read_past_a_gap_is_reported_for_its_later_part_would_be_lost(tmp_path):
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(16_000) / 8000)
    soundfile.write(tmp_path / "a.mp3", tone, 8000, format="MP3")
    whole = (tmp_path / "a.mp3").read_bytes()
    at = int(0.7 * len(whole))
    (tmp_path / "a.wav").write_bytes(whole[:at] + whole[at + 300 :])
    problem = recording.inspect("a.wav", tmp_path, min_duration_s=0.1).problems[0]
    assert problem.found.startswith("truncated: 1")
    assert len(soundfile.read(tmp_path / "a.wav")[0]) < 12_000, "all that is read at once"


@pytest.fixture(params=["VORBIS", "OPUS"])
def ogg(request, tmp_path):
    """A second of a tone, and where its last page begins."""
    path = tmp_path / "a.ogg"
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(48_000) / 48_000)
    soundfile.write(path, tone, 48_000, format="OGG", subtype=request.param)
    return path


def test_an_ogg_without_the_mark_of_its_end_is_read_as_with_it(ogg):
    marked, samples = recording.inspect(ogg.name, ogg.parent, min_duration_s=0.5), soundfile.read(ogg)[0]
    ogg.write_bytes(without_end(ogg.read_bytes()))
    unmarked = recording.inspect(ogg.name, ogg.parent, min_duration_s=0.5)
    assert marked.problems == unmarked.problems == ()
    assert marked.samples_digest == unmarked.samples_digest
    assert marked.sha256 != unmarked.sha256
    assert audio.read(ogg)[0][:, 0] == pytest.approx(samples, abs=1e-6)


SPOILT = {
    "cut by one": lambda content: content[:-1],
    "its last page without content": lambda content: content[: content.rindex(b"OggS") + 27],
    "one bit flipped": lambda content: content[:-500] + bytes([content[-500] ^ 1]) + content[-499:],
}


@pytest.mark.parametrize("end", [bytes, without_end])
@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_an_ogg_whose_pages_are_not_whole_is_refused_with_where_they_are(ogg, spoil, end):
    content = end(ogg.read_bytes())
    ogg.write_bytes(spoil(content))
    (problem,) = problems_of(ogg)
    last = content.rindex(b"OggS")
    assert problem.found == f"truncated or damaged: pages are complete only up to byte {last} of {len(spoil(content))}"


@pytest.mark.parametrize(("frames", "found"), [(3999, ["0.4999 s"]), (4000, [])])
def test_a_recording_as_long_as_the_shortest_is_long_enough(tmp_path, frames, found):
    soundfile.write(tmp_path / "a.wav", np.linspace(-0.1, 0.1, frames), 8000)
    assert [problem.found for problem in problems_of(tmp_path / "a.wav")] == found
