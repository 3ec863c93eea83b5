"""Whether the last frame of an MP3 file is all there: a decoder passes over a cut one, and over what should follow."""

from pathlib import Path

_KBITS = {  # of layer III by version, ISO 11172-3 and 13818-3; index 0 is "free", 15 is forbidden
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version bits


def bytes_lacking(path: Path) -> int:
    """How many bytes the last frame of an MP3 file lacks; 0 where it is whole, or no frame follows another.

    Frames are walked from header to header, an ID3 tag before them skipped. What is no frame ends the walk: a tag after
    the frames is none.
    """
    data = path.read_bytes()
    at = 0
    if data[:3] == b"ID3" and len(data) >= 10:
        size = data[6:10]
        at = 10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3])
    frames = 0
    while length := _frame_length(data[at : at + 4]):
        if at + length > len(data):
            return at + length - len(data) if frames else 0
        at += length
        frames += 1
    return 0


def _frame_length(header: bytes) -> int:
    """Bytes of the frame that a header of four bytes begins; 0 where it begins none of layer III."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return 0
    bits = 1000 * _KBITS[1 if version == 3 else 2][bitrate]
    return (144 if version == 3 else 72) * bits // _RATES_HZ[version][rate] + (header[2] >> 1 & 1)
