"""What the frames of an MP3 file say of its length: decoders pass over a cut frame, and guess where no header tells.

An encoder's own header (Xing's, Info) announces how many frames there are. Without it, as where an encoder wrote into
a pipe, libsndfile takes the first frames' bitrate for all of them, and stops where that guess ends.
"""

import re
from dataclasses import dataclass
from pathlib import Path

_KBITS = {  # of layer III by version, ISO 11172-3 and 13818-3; index 0 is "free", 15 is forbidden
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version bits
_ZEROS = re.compile(rb"\0*")
MOST_PADDING = 4 * 1152  # samples: an encoder's header, its delay and its filling are no sound


@dataclass(frozen=True, slots=True)
class Frames:
    """samples: of a channel, in all whole frames. bytes_lacking: of the last frame; 0 where it is whole."""

    samples: int
    bytes_lacking: int


def walk(path: Path) -> Frames:
    """Go from frame to frame, ID3 tags before them skipped, to the end or to what is no frame, such as a tag."""
    data = path.read_bytes()
    at = _after_tags(data)
    samples = 0
    while (frame := _frame(data[at : at + 4])) is not None:
        length, of_frame = frame
        if at + length > len(data):
            return Frames(samples, at + length - len(data) if samples else 0)
        at += length
        samples += of_frame
    return Frames(samples, 0)


def _after_tags(data: bytes) -> int:
    """Where the first frame begins: after ID3v2 tags, one behind the other, and zeros that fill up.

    A tag's size is of 4 × 7 bits, without its header and the footer that a flag announces (id3.org, ID3v2.4.0, 3.1).
    """
    at = 0
    while data[at : at + 3] == b"ID3" and at + 10 <= len(data):
        footer = 10 if data[at + 5] & 0x10 else 0
        size = data[at + 6 : at + 10]
        at += 10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]) + footer
        at = _ZEROS.match(data, at).end()  # type: ignore[union-attr]  # it matches none, too
    return at


def _frame(header: bytes) -> tuple[int, int] | None:
    """Bytes and samples of the frame that a header of four bytes begins; None where it begins none of layer III."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return None
    samples = 1152 if version == 3 else 576
    bits = 1000 * _KBITS[1 if version == 3 else 2][bitrate]
    return samples // 8 * bits // _RATES_HZ[version][rate] + (header[2] >> 1 & 1), samples
