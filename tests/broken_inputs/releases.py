"""Releases that lack something, hold too much, or lie elsewhere."""

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.broken_inputs import RELEASE, Break, Case, Outcome, Read, Refused, SetAside
from tests.broken_inputs.breaking import at, closed, instead, linked, renamed, rewritten, without
from tests.broken_inputs.making import run_stages, set_params
from tests.releases import VOC_ALS_FOLDERS, voc_als_rows, write_voc_als, write_voice

SUBJECTS = [*(f"CT{n:03d}" for n in range(1, 7)), *(f"PZ{n:03d}" for n in range(1, 9))]
AUDIO = ("phonationA", "rhythmPA")


def of(controls: int, patients: int, *stages: str) -> Break:
    """Another release, of so many subjects; then the stages before the one that is tried."""

    def break_it(project: Path) -> None:
        shutil.rmtree(at(project))
        write_voc_als(at(project), voc_als_rows(controls, patients), tasks=("A", "PA"))
        run_stages(project, *stages)

    return break_it


def nested(project: Path) -> None:
    """An archive unpacked into a folder of its name, twice."""
    inner = at(project, "VOC-ALS/VOC-ALS")
    shutil.move(at(project), project / "moved_away")
    inner.parent.mkdir(parents=True)
    shutil.move(project / "moved_away", inner)


def twice(project: Path) -> None:
    """The release beside a copy of itself."""
    shutil.copytree(at(project), at(project, "VOC-ALS (1)"))


def all_silent(project: Path) -> None:
    """What a broken converter leaves."""
    for path in at(project).rglob("*.wav"):
        soundfile.write(path, np.zeros(8000), 8000)


def shut_in(project: Path) -> None:
    """The release in a folder that may not be entered."""
    (project / "above").mkdir()
    shutil.move(at(project), project / "above")
    set_params(project, **{"cohort.root": f"above/{RELEASE}"})
    (project / "above").chmod(0)


def cells(column: str, value: str, lines: range) -> Break:
    """Another value in a column of validated.tsv. lines: from 1, that of the names included."""

    def change(content: bytes) -> bytes:
        rows = [row.split("\t") for row in content.decode().rstrip("\n").split("\n")]
        for line in lines:
            rows[line - 1][rows[0].index(column)] = value
        return "\n".join("\t".join(row) for row in rows).encode() + b"\n"

    return rewritten(f"{RELEASE}/validated.tsv", change)


def column_twice(content: bytes) -> bytes:
    """A second column of genders, filled with something else."""
    first, *lines = content.decode().splitlines()
    return "\n".join([f"{first}\tgender", *(f"{line}\tx" for line in lines)]).encode() + b"\n"


def voice(name: str) -> Break:
    """One recording more."""
    return lambda project: write_voice(at(project, name), name=name)


def params(**changes: Any) -> Break:
    """Another setting in params.yaml."""
    return partial(set_params, **changes)


def case(what: str, break_it: Break, fail: Outcome, quarantine: Outcome | None = None, **more: Any) -> Case:
    """A case of a release; without `quarantine`, both modes end in the same way."""
    return Case("Releases", what, break_it, fail, quarantine or fail, **more)


def refused(what: str, break_it: Break, where: str, found: str, problems: int = 1, **more: Any) -> Case:
    """A case that neither mode lets pass."""
    return case(what, break_it, Refused(where, found, problems=problems), **more)


def one_bad(what: str, break_it: Break, name: str, found: str, *lost: str, **more: Any) -> Case:
    """A case whose one file or row is bad."""
    return case(what, break_it, Refused(name, found), SetAside((name,), found, lost), **more)


def other(source: str) -> tuple[Callable[..., Case], ...]:
    """`refused`, `one_bad` and `case` of another release than VOC-ALS."""
    return tuple(partial(make, source=source) for make in (refused, one_bad, case))


def below(folder: str) -> dict[str, dict[str, str]]:
    """Every recording's path, in a folder below the root."""
    names = [(subject, name) for subject in SUBJECTS for name in AUDIO]
    return {f"{one}_{VOC_ALS_FOLDERS[name]}": {"path": f"{folder}/{name}/{one}_{name}.wav"} for one, name in names}


UNRECORDED, NO_PATIENTS = (
    Refused("subject PZ001", "no recording", problems=8),
    Refused("the cohort", "only HC", problems=9),
)
NOBODY = "no subject with a valid recording"
UNHEARD = Refused("phonationA/PZ001_phonationA.wav", "only zeros", problems=28)
UNENTERED = Refused("clips/m0_0.mp3", "PermissionError", problems=16)
NO_ROW = "phonationA/PZ099_phonationA.wav"
SECOND = {"external.cohort.root": "nowhere"}
NONE_AMONG = "none among 28 WAV file(s), such as phonationA/CT001_phonationA.wav"

VOC_ALS: list[Case] = [
    refused("`cohort.root` does not exist", lambda project: shutil.rmtree(at(project)), RELEASE, "no such folder"),
    refused("`cohort.root` is a file", instead("", Path.touch), RELEASE, "a file, not a folder"),
    refused("`cohort.root` is empty", without("*"), "cohort.root", "no WAV file", 2),
    refused("no permission to read `cohort.root`", closed(""), RELEASE, "PermissionError", unprivileged=True),
    refused("its folder may not be entered", shut_in, f"above/{RELEASE}", "PermissionError", unprivileged=True),
    refused("`cohort.root` of 5,000 letters", params(**{"cohort.root": "x" * 5000}), "xxx", "File name too long"),
    refused("no WAV at all", without("*/*.wav"), "cohort.root", "no WAV file"),
    refused("no workbook", without("*.xlsx"), "VOC-ALS.xlsx", "none"),
    refused("the release beside a copy of itself", twice, "VOC-ALS.xlsx", "VOC-ALS (1)/VOC-ALS.xlsx, VOC-ALS.xlsx", 29),
    refused("VOC-ALS read as `minsk2020`", params(**{"cohort.source": "minsk2020"}), "cohort.root", NONE_AMONG, 3),
    refused("a source without patients", params(**{"cohort.source": "common_voice"}), "cohort.source", "common_voice"),
    refused("one class only", of(6, 0), "the cohort", "only HC"),
    refused("one subject only", of(0, 1), "the cohort", "only ALS"),
    refused(
        "one subject of each class: too few for 5 folds",
        of(1, 1, "ingest", "preprocess_audio"),
        "params.yaml: folds.n_splits",
        "1 of HC",
        2,
        stage=("folds",),
    ),
    case("recordings of one class only", without("*/PZ*.wav"), UNRECORDED, NO_PATIENTS),
    case("every recording silent", all_silent, UNHEARD, Refused("the cohort", NOBODY, problems=43)),
    case("one recording missing", without("rhythmPA/PZ001*"), Read(lost=("PZ001_PA",))),
    case("one task missing for all", without("rhythmPA"), Read(lost=tuple(f"{one}_PA" for one in SUBJECTS))),
    case(
        "a row without recordings",
        without("*/PZ001*"),
        Refused("subject PZ001", "no recording"),
        SetAside(("subject PZ001",), "no recording", ("PZ001_A", "PZ001_PA"), recordings=0, subjects=1),
    ),
    one_bad("a recording without a row", voice(NO_ROW), NO_ROW, "no row for PZ099"),
    case("unpacked into two folders of its name", nested, Read(below("VOC-ALS/VOC-ALS"))),
    case("`cohort.root` is a link", linked("", "moved_away"), Read()),
    refused("no second cohort", params(**SECOND), "nowhere", "no such folder", stage=("ingest", "external")),
    refused(
        "a recording that is gone since it was checked",
        without("phonationA/PZ001*"),
        "phonationA/PZ001_phonationA.wav",
        "no such file",
        stage=("preprocess_audio",),
    ),
]

refused_2020, one_bad_2020, case_2020 = other("minsk2020")
TOO_HIGH = "none among 22 WAV file(s), such as VOC-ALS/VOC-ALS/ALS/008_a.wav"
NO_HC, ONLY_ALS = Refused("subject HC002", "no recording", problems=5), Refused("the cohort", "only ALS", problems=6)
DIGITS, DOTLESS = "HC/٠٠٢_i.wav", "HC/002_ı.wav"

MINSK2020: list[Case] = [
    refused_2020("Minsk2020: no release", lambda project: shutil.rmtree(at(project)), RELEASE, "no such folder"),
    refused_2020("Minsk2020: one folder too high", nested, "cohort.root", TOO_HIGH, 3),
    refused_2020("Minsk2020: no table of the controls", without("HC*.xlsx"), "HC_table.xlsx", "no such file"),
    case_2020("Minsk2020: no recordings of the controls", without("HC/*"), NO_HC, ONLY_ALS),
    one_bad_2020("Minsk2020: under two numbers", voice("ALS/8_a.wav"), "ALS/8_a.wav", "two, the other is ALS/008"),
    one_bad_2020("Minsk2020: digits of another script", renamed("HC/002_i.wav", DIGITS), DIGITS, DIGITS, "HC002_I"),
    one_bad_2020("Minsk2020: a dotless ı", renamed("HC/002_i.wav", DOTLESS), DOTLESS, DOTLESS, "HC002_I"),
    one_bad_2020("Minsk2020: a vowel that it has not", voice("ALS/008_e.wav"), "ALS/008_e.wav", "ALS/008_e.wav"),
]

refused_cv, one_bad_cv, case_cv = other("common_voice")
TABLE = "validated.tsv"
ODD_ACCENT = cells("accents", f"\x1b[2J  Ulster\u2028{'x' * 300}", range(2, 18))
of_table = partial(rewritten, f"{RELEASE}/{TABLE}")
CUT_OFF, AT_END, TWO_COLUMNS = b"cut\toff\n", f"{TABLE}, line 18", b"path\tgender\n"
PATHS = ("../../secret.mp3", "/etc/passwd", "..", "a/b.mp3", "..\\secret.mp3", ".hidden.mp3", "", "a\0.mp3", "a b.mp3")
VOTES = ("", "none", "nan", "-1", "0.5", "1e999")
ACCENT = Read(subjects={f"speaker{n}": {"accent": f"[2J Ulster {'x' * 189}"} for n in range(8)})


def bad_row(what: str, column: str, value: str, found: str) -> Case:
    """A bad third line of validated.tsv."""
    break_it = cells(column, value, range(3, 4))
    return one_bad_cv(f"Common Voice: {what}", break_it, f"{TABLE}, line 3, column {column}", found, "m0_1")


CLIP = "clips/m0_0.mp3"


def odd_clip(what: str, break_it: Break, found: str) -> Case:
    """Something else in the place of a clip."""
    return one_bad_cv(f"Common Voice: a clip is {what}", break_it, CLIP, found, "m0_0")


COMMON_VOICE: list[Case] = [
    refused_cv("Common Voice: no table", without("*.tsv"), TABLE, "none"),
    refused_cv("Common Voice: no folder clips/", without("clips"), "clips", "no such folder"),
    refused_cv("Common Voice: its table is closed", closed(TABLE), TABLE, "PermissionError", unprivileged=True),
    refused_cv("Common Voice: clips/ is closed", closed("clips"), "clips", "PermissionError", unprivileged=True),
    case_cv(
        "Common Voice: no permission to enter clips/",
        closed("clips", 0o600),
        UNENTERED,
        Refused("the cohort", NOBODY, problems=25),
        unprivileged=True,
    ),
    refused_cv("Common Voice: its table is a link out of the release", linked(TABLE), TABLE, "outside the release"),
    refused_cv("Common Voice: a column twice", of_table(column_twice), f"{TABLE}, line 1", "twice: gender"),
    case_cv("Common Voice: an escape sequence, a line separator and 300 letters in an accent", ODD_ACCENT, ACCENT),
    bad_row("a speaker's name that turns the line around", "client_id", "\u202espeaker", r"'\u202espeaker'"),
    bad_row("a speaker's name of a terminal's control", "client_id", "\x9b2Jspeaker", r"'\x9b2Jspeaker'"),
    bad_row("a blank for a speaker", "client_id", " ", "' '"),
    bad_row("a speaker's name of 1,000 letters", "client_id", 1000 * "x", "'xxxx"),
    *(bad_row(f"a clip at {path!r}", "path", path, repr(path)) for path in PATHS),
    *(bad_row(f"{votes!r} votes", "down_votes", votes, repr(votes)) for votes in VOTES),
    one_bad_cv("Common Voice: a row of two fields", of_table(lambda table: table + CUT_OFF), AT_END, "2 fields"),
    odd_clip("a link out of the release", linked(CLIP, "../../moved_away"), "a link to ../../moved_away"),
    odd_clip("a link to /dev/zero", linked(CLIP, "/dev/zero"), "a link to /dev/zero"),
    odd_clip("a link to nothing", linked(CLIP, "gone.mp3"), "FileNotFoundError"),
    odd_clip("a link to itself", linked(CLIP, "m0_0.mp3"), "Too many levels of symbolic links"),
    odd_clip("a pipe", instead(CLIP, os.mkfifo), "a folder, a pipe or a device"),
    odd_clip("a folder", instead(CLIP, Path.mkdir), "a folder, a pipe or a device"),
    refused_cv("Common Voice: its table one folder down", renamed(TABLE, f"en/{TABLE}"), TABLE, "but in en"),
    refused_cv("Common Voice: an empty table", of_table(lambda _: b""), TABLE, "no client_id, path"),
    refused_cv("Common Voice: two columns", of_table(lambda _: TWO_COLUMNS), TABLE, "no client_id, down_votes"),
    refused_cv("Common Voice: no UTF-8", of_table(lambda table: table + b"\xff\xfe\n"), TABLE, "decode byte 0xff"),
]

CASES: list[Case] = [*VOC_ALS, *MINSK2020, *COMMON_VOICE]
