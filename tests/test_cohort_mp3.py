"""Truncated MP3: with its encoder's header by the frames it announces, without by its last frame."""

import numpy as np
import pytest
import soundfile

from bulbar.cohort import mp3, wav
from tests.releases import write_clip

RATES = [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000]


@pytest.fixture(params=RATES)
def clip(request, tmp_path):
    path = tmp_path / "a.mp3"
    write_clip(path, name="a", duration_s=2.0, sample_rate_hz=request.param)
    return path


def problems_of(path):
    return wav.inspect(path.name, path.parent, min_duration_s=0.1).problems


def test_a_whole_clip_lacks_nothing(clip):
    assert mp3.bytes_lacking(clip) == 0
    assert problems_of(clip) == ()


@pytest.mark.parametrize("cut", [1, 50, 2000])
def test_a_cut_clip_is_truncated_though_soundfile_reads_it(clip, cut):
    clip.write_bytes(clip.read_bytes()[:-cut])
    assert len(soundfile.read(clip)[0]) > 0
    (problem,) = problems_of(clip)
    assert problem.found.startswith("truncated: ")


@pytest.mark.parametrize("cut", [1, 20])
def test_a_cut_clip_without_the_encoder_s_header_is_told_by_its_last_frame(clip, cut):
    data = clip.read_bytes()
    first = data.index(b"Info") if b"Info" in data else data.index(b"Xing")
    start = data.index(data[:2], first)  # the next frame begins with the same sync word
    while mp3._frame_length(data[start : start + 4]) == 0:
        start = data.index(data[:2], start + 1)
    clip.write_bytes(data[start:])
    assert mp3.bytes_lacking(clip) == 0
    clip.write_bytes(data[start:-cut])
    assert mp3.bytes_lacking(clip) == cut
    assert [problem.found for problem in problems_of(clip)] == [f"truncated: it lacks {cut} bytes"]


def test_tags_before_and_after_the_frames_are_no_truncation(clip):
    tag = b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128)
    clip.write_bytes(tag + clip.read_bytes() + b"TAG" + bytes(125))
    assert mp3.bytes_lacking(clip) == 0
    assert problems_of(clip) == ()


@pytest.mark.parametrize("content", [b"", b"ID3", b"\xff\xfb", b"not a clip", bytes(range(256))])
def test_what_is_no_mp3_is_told_by_another(tmp_path, content):
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    assert mp3.bytes_lacking(path) == 0
    assert len(problems_of(path)) == 1


def test_noise_in_the_middle_is_an_error_of_the_decoder(tmp_path):
    path = tmp_path / "a.mp3"
    write_clip(path, name="a", duration_s=3.0)
    data = bytearray(path.read_bytes())
    data[2000:6000] = np.random.default_rng(0).integers(0, 256, 4000, dtype=np.uint8).tobytes()
    path.write_bytes(data)
    assert problems_of(path)
