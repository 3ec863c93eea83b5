"""Truncated MP3: with its encoder's header by the frames it announces, without by its last frame."""

import numpy as np
import pytest
import soundfile

from bulbar.cohort import recording
from tests.releases import write_clip

RATES = [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000]


@pytest.fixture(params=RATES)
def clip(request, tmp_path):
    path = tmp_path / "a.mp3"
    write_clip(path, name="a", duration_s=2.0, sample_rate_hz=request.param)
    return path


def lacking(path):
    """Bytes that the last frame lacks."""
    return recording._mp3_length(path.read_bytes())[1]


def problems_of(path):
    return recording.inspect(path.name, path.parent, min_duration_s=0.1).problems


def test_a_whole_clip_lacks_nothing(clip):
    assert lacking(clip) == 0
    assert problems_of(clip) == ()


@pytest.mark.parametrize("cut", [1, 50, 2000])
def test_a_cut_clip_is_truncated_though_soundfile_reads_it(clip, cut):
    clip.write_bytes(clip.read_bytes()[:-cut])
    assert len(soundfile.read(clip)[0]) > 0
    (problem,) = problems_of(clip)
    assert problem.found.startswith("truncated: ")


def without_encoder_s_header(data):
    """The frames after the one that holds the encoder's header, as where an encoder wrote into a pipe."""
    length, _ = recording._mp3_frame(data[:4])
    assert b"Xing" in data[:length] or b"Info" in data[:length]
    return data[length:]


@pytest.mark.parametrize("cut", [1, 20])
def test_a_cut_clip_without_the_encoder_s_header_is_detected_by_its_last_frame(clip, cut):
    data = without_encoder_s_header(clip.read_bytes())
    clip.write_bytes(data)
    assert lacking(clip) == 0
    clip.write_bytes(data[:-cut])
    assert lacking(clip) == cut
    assert [problem.found for problem in problems_of(clip)] == [f"truncated: {cut} bytes are missing"]


def tag(content, *, footer=False):
    """An ID3v2.4 tag, written by its specification: its size is of 4 × 7 bits, without header and footer."""
    flags = 0x10 if footer else 0
    size = bytes(len(content) >> shift & 127 for shift in (21, 14, 7, 0))
    end = b"3DI" + bytes([4, 0, flags]) + size if footer else b""
    return b"ID3" + bytes([4, 0, flags]) + size + content + end


TAGS = {
    "small": tag(b"TIT2\0\0\0\5\0\0\3name"),
    "larger": tag(b"\0" * 200),
    "a picture": tag(b"APIC" + b"\1" * 20_000),
    "a large picture": tag(b"APIC" + b"\1" * 3_000_000),
    "what looks like frames": tag(b"\xff\xfb\x90\0" * 200),
    "with a footer": tag(b"\1" * 300, footer=True),
    "two": tag(b"\1" * 130) + tag(b"\1" * 17_000),
    "filled up with zeros": tag(b"\1" * 50) + bytes(100),
}


@pytest.mark.parametrize("before", TAGS)
def test_tags_before_the_frames_are_skipped(tmp_path, before):
    path = tmp_path / "a.mp3"
    write_clip(path, name="a", duration_s=2.0, sample_rate_hz=32000)
    data = without_encoder_s_header(path.read_bytes())
    path.write_bytes(data)
    frames = recording._mp3_length(path.read_bytes())
    assert (frames[0] - 64_000) in range(recording.MOST_PADDING)
    path.write_bytes(TAGS[before] + data)
    assert recording._mp3_length(path.read_bytes()) == frames
    path.write_bytes(TAGS[before] + data[:-20])
    assert lacking(path) == 20


@pytest.mark.parametrize("length", [3, 9, 10, 15])
def test_a_file_that_ends_in_a_tag_has_no_frame(length):
    assert recording._mp3_length(tag(b"\1" * 300)[:length]) == (0, 0)


def test_a_clip_of_one_bitrate_needs_no_encoder_s_header(tmp_path):
    path = tmp_path / "a.mp3"
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(64000) / 32000)
    soundfile.write(path, tone, 32000, format="MP3", bitrate_mode="CONSTANT", compression_level=0.8)
    path.write_bytes(without_encoder_s_header(path.read_bytes()))
    assert problems_of(path) == ()
    assert len(soundfile.read(path)[0]) == pytest.approx(64000, abs=recording.MOST_PADDING)


def test_a_clip_of_many_bitrates_without_it_is_read_short_and_reported(tmp_path):
    path = tmp_path / "a.mp3"
    sound = np.concatenate([0.3 * np.random.default_rng(0).standard_normal(32000), np.zeros(96000)])
    soundfile.write(path, sound, 32000, format="MP3", bitrate_mode="VARIABLE", compression_level=0.3)
    assert problems_of(path) == ()
    path.write_bytes(without_encoder_s_header(path.read_bytes()))
    assert len(soundfile.read(path)[0]) < 100_000
    assert recording._mp3_length(path.read_bytes())[0] == pytest.approx(128_000, abs=recording.MOST_PADDING)
    (problem,) = problems_of(path)
    assert problem.found.endswith("samples can be read")
