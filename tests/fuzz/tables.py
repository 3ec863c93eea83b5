"""Tables of Common Voice: any rows, columns and bytes."""

import re
from pathlib import Path

from hypothesis import strategies as st

from bulbar.cohort import common_voice, subset
from bulbar.cohort.release import SEXES
from tests import releases
from tests.fuzz import Target
from tests.fuzz.damage import reworded, spoilt

ROWS = releases.common_voice_rows(speakers=6, clips=2)
COLUMNS = releases.COMMON_VOICE_COLUMNS
LINES = [COLUMNS, *([row.get(name, "") for name in COLUMNS] for row in ROWS)]
SOUND = "\n".join(map("\t".join, LINES)).encode()
CHOOSING = subset.Settings(per_gender=subset.PerGender(male=3, female=3), max_clips_per_speaker=2)
ALL = subset.Settings(per_gender=None, max_clips_per_speaker=1000)

_TEXTS = ["", "0", "1", "-1", "0.0", "1e999", "nan", "００", "male", "Male ", "female_feminine", "other", "speaker0"]
_TEXTS += ["m0_0.mp3", "m0_0", ".mp3", "..", "../x.mp3", "/etc/passwd", "a/b.mp3", "a\\b.mp3", "x\0.mp3", "x" * 300]
_TEXTS += ['"', '""', "'", "\r", "\x1c", "\x85", "\u2028", "\ufeff", "e\u0301", "é", "-rf", "twenties", "\ud800"]
TEXTS = st.sampled_from(_TEXTS) | st.text(max_size=12)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """A sound table with one to eight fields, rows or columns changed, in some encoding."""
    lines = [list(fields) for fields in LINES]
    for _ in range(draw(st.integers(1, 8))):
        row = draw(st.integers(0, len(lines) - 1) | st.integers(1, len(lines) - 1))
        column = draw(st.integers(0, len(COLUMNS) - 1) | st.sampled_from([0, 1, 6, 7, 8]))
        match draw(st.sampled_from(["field", "field", "field", "row", "drop", "twice", "column"])):
            case "field" if column < len(lines[row]):
                lines[row][column] = draw(TEXTS)
            case "row":
                lines.insert(row, draw(st.lists(TEXTS, max_size=15)))
            case "drop" if len(lines) > 1:
                del lines[row]
            case "twice":
                lines.append(list(lines[row]))
            case "column":
                for fields in lines:
                    del fields[column : column + 1]
    end = draw(st.sampled_from(["\n", "\r\n", "\r", "\n\n"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"]))
    text = end.join("\t".join(fields) for fields in lines) + draw(st.sampled_from([end, ""]))
    return text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")


def check_table(table: bytes, folder: Path) -> None:
    """Read without an exception; no path leads out of clips/, every ID names one clip."""
    root = folder / "common_voice"
    if not root.exists():
        releases.write_common_voice(root, ROWS)
    (root / "validated.tsv").write_bytes(table)
    for choosing in (CHOOSING, ALL):
        release = common_voice.read(root, choosing, 1)
        for file in release.files:
            assert (root / file.path).resolve().parent == (root / "clips").resolve()
            assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", file.recording_id)
        for path in release.missing:
            assert re.fullmatch(r"clips/[A-Za-z0-9_][A-Za-z0-9_.-]*\.mp3", path)
        ids = [file.recording_id for file in release.files]
        assert len(set(ids)) == len(ids)
        assert {file.subject_id for file in release.files} == set(release.subjects["subject_id"])
        assert not release.subjects["subject_id"].duplicated().any()
        assert set(release.subjects["sex"]) <= set(SEXES)
        assert release.choice["rows"] == release.choice["bad_rows"] or release.choice["rows"] > 0


TARGETS = [
    Target("tables, fields", tables(), check_table),
    Target("tables, bytes", spoilt(SOUND) | reworded(SOUND), check_table),
    Target("tables, any bytes", st.binary(max_size=2048), check_table),
]
