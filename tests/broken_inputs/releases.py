"""Releases that lack something, hold too much, or lie elsewhere."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.broken_inputs import RELEASE, Case, Outcome, Read, Refused, SetAside
from tests.broken_inputs.making import run_stages, set_params
from tests.releases import VOC_ALS_FOLDERS, voc_als_rows, write_voc_als, write_voice

PATIENTS = [f"PZ{n:03d}" for n in range(1, 9)]
AUDIO = ("phonationA", "rhythmPA")


def root(project: Path) -> Path:
    """The release's folder."""
    return project / RELEASE


def without(pattern: str) -> Callable[[Path], None]:
    """Take files or folders of the release away."""

    def breaking(project: Path) -> None:
        found = sorted(root(project).glob(pattern))
        assert found
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return breaking


def of(controls: int, patients: int, *stages: str) -> Callable[[Path], None]:
    """Another release, of so many subjects; then the stages before the one that is tried."""

    def breaking(project: Path) -> None:
        shutil.rmtree(root(project))
        write_voc_als(root(project), voc_als_rows(controls, patients), tasks=("A", "PA"))
        run_stages(project, *stages)

    return breaking


def a_file_as_root(project: Path) -> None:
    """What is downloaded before it is unpacked."""
    shutil.rmtree(root(project))
    root(project).write_bytes(b"PK\3\4")


def nested(project: Path) -> None:
    """An archive unpacked into a folder of its name, twice."""
    inner = root(project) / "VOC-ALS/VOC-ALS"
    shutil.move(root(project), project / "moved_away")
    inner.parent.mkdir(parents=True)
    shutil.move(project / "moved_away", inner)


def twice(project: Path) -> None:
    """The release beside a copy of itself."""
    shutil.copytree(root(project), root(project) / "VOC-ALS (1)")


def a_link(project: Path) -> None:
    """The release on another disk, and a link to it."""
    shutil.move(root(project), project / "moved_away")
    root(project).symlink_to("moved_away")


def all_silent(project: Path) -> None:
    """What a broken converter leaves."""
    for path in root(project).rglob("*.wav"):
        soundfile.write(path, np.zeros(8000), 8000)


def changed_row(line: int, column: str, value: str) -> Callable[[Path], None]:
    """Another cell in validated.tsv."""

    def breaking(project: Path) -> None:
        table = root(project) / "validated.tsv"
        lines = [row.split("\t") for row in table.read_text(encoding="utf-8").rstrip("\n").split("\n")]
        lines[line - 1][lines[0].index(column)] = value
        table.write_text("\n".join("\t".join(row) for row in lines) + "\n", encoding="utf-8")

    return breaking


def reworded(column: str, value: Callable[[int], str]) -> Callable[[Path], None]:
    """Other cells of a whole column of validated.tsv, by their line from 0."""

    def breaking(project: Path) -> None:
        for place in range(16):
            changed_row(place + 2, column, value(place))(project)

    return breaking


def column_twice(project: Path) -> None:
    """A second column of genders, filled with something else."""
    table = root(project) / "validated.tsv"
    first, *lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([f"{first}\tgender", *(f"{line}\tx" for line in lines)]) + "\n", encoding="utf-8")


def named(before: str, after: str) -> Callable[[Path], None]:
    """Another name for a file."""
    return lambda project: (root(project) / before).rename(root(project) / after) and None


def elsewhere(name: str) -> Callable[[Path], None]:
    """A file of the release on another disk, and a link to it."""

    def breaking(project: Path) -> None:
        shutil.move(root(project) / name, project / "moved_away")
        (root(project) / name).symlink_to("../moved_away")

    return breaking


def closed(name: str, mode: int = 0) -> Callable[[Path], None]:
    """Nobody but root may read a file or folder; or only what `mode` lets."""
    return lambda project: (root(project) / name).chmod(mode)


def shut_in(project: Path) -> None:
    """The release in a folder that may not be entered."""
    (project / "above").mkdir()
    shutil.move(root(project), project / "above")
    set_params(project, **{"cohort.root": f"above/{RELEASE}"})
    (project / "above").chmod(0)


def voice(name: str) -> Callable[[Path], None]:
    """One recording more."""
    return lambda project: write_voice(root(project) / name, name=name)


def params(**changes: Any) -> Callable[[Path], None]:
    """Another setting in params.yaml."""
    return lambda project: set_params(project, **changes)


def case(what: str, break_it: Callable[[Path], None], fail: Outcome, quarantine: Outcome | None, **more: Any) -> Case:
    """A case of this page."""
    return Case("Releases", what, break_it, fail, quarantine, **more)


def refused(
    what: str, break_it: Callable[[Path], None], where: str, found: str, problems: int = 1, **more: Any
) -> Case:
    """A case that neither mode lets pass."""
    told = Refused(where, found, problems=problems)
    return case(what, break_it, told, told, **more)


def read(what: str, break_it: Callable[[Path], None], told: Read, **more: Any) -> Case:
    """A case that is a sound release, though unusual."""
    return case(what, break_it, told, told, **more)


def below(folder: str) -> dict[str, dict[str, str]]:
    """Every recording's path, in a folder below the root."""
    subjects = [*(f"CT{n:03d}" for n in range(1, 7)), *PATIENTS]
    return {
        f"{subject}_{VOC_ALS_FOLDERS[name]}": {"path": f"{folder}/{name}/{subject}_{name}.wav"}
        for subject in subjects
        for name in AUDIO
    }


CONTROLS_ONLY = Refused("the cohort", "only HC", "subjects of both classes, ALS and HC")

VOC_ALS: list[Case] = [
    refused("`cohort.root` does not exist", lambda project: shutil.rmtree(root(project)), RELEASE, "no such folder"),
    refused("`cohort.root` is a file", a_file_as_root, RELEASE, "a file, not a folder"),
    refused("`cohort.root` is empty", without("*"), "cohort.root", "no WAV file", problems=2),
    refused(
        "no permission to read `cohort.root`",
        lambda project: root(project).chmod(0),
        RELEASE,
        "PermissionError",
        unprivileged=True,
    ),
    refused(
        "`cohort.root` in a folder that may not be entered",
        shut_in,
        f"above/{RELEASE}",
        "PermissionError",
        unprivileged=True,
    ),
    refused("`cohort.root` of 5,000 letters", params(**{"cohort.root": "x" * 5000}), "xxx", "File name too long"),
    refused("no WAV at all", without("*/*.wav"), "cohort.root", "no WAV file"),
    refused("no workbook", without("*.xlsx"), "VOC-ALS.xlsx", "none"),
    refused("the release beside a copy of itself", twice, "VOC-ALS.xlsx", "VOC-ALS (1)/VOC-ALS.xlsx, VOC-ALS.xlsx", 29),
    refused(
        "VOC-ALS read as `minsk2020`",
        params(**{"cohort.source": "minsk2020"}),
        "cohort.root",
        "none among 28 WAV file(s), such as phonationA/CT001_phonationA.wav",
        problems=3,
    ),
    refused(
        "`cohort.source: common_voice`, which has no patients",
        params(**{"cohort.source": "common_voice"}),
        "cohort.source",
        "common_voice",
    ),
    refused("one class only", of(6, 0), "the cohort", "only HC"),
    refused("one subject only", of(0, 1), "the cohort", "only ALS"),
    refused(
        "one subject of each class: too few for 5 folds",
        of(1, 1, "ingest", "preprocess_audio"),
        "params.yaml: folds.n_splits",
        "1 of HC",
        problems=2,
        stage=("folds",),
    ),
    case(
        "recordings of one class only",
        without("*/PZ*.wav"),
        Refused("subject PZ001", "no recording", problems=8),
        Refused("the cohort", "only HC", problems=9),
    ),
    case(
        "every recording silent",
        all_silent,
        Refused("phonationA/PZ001_phonationA.wav", "only zeros", problems=28),
        Refused("the cohort", "no subject with a sound recording", problems=43),
    ),
    read("one recording missing", without("rhythmPA/PZ001*"), Read(lost=("PZ001_PA",))),
    read(
        "one task missing for all",
        without("rhythmPA"),
        Read(lost=tuple(name for name in below("") if name.endswith("_PA"))),
    ),
    case(
        "a row without recordings",
        without("*/PZ001*"),
        Refused("subject PZ001", "no recording"),
        SetAside(("subject PZ001",), "no recording", ("PZ001_A", "PZ001_PA"), recordings=0, subjects=1),
    ),
    case(
        "a recording without a row",
        voice("phonationA/PZ099_phonationA.wav"),
        Refused("phonationA/PZ099_phonationA.wav", "no row for PZ099"),
        SetAside(("phonationA/PZ099_phonationA.wav",), "no row for PZ099"),
    ),
    read("unpacked into two folders of its name", nested, Read(below("VOC-ALS/VOC-ALS"))),
    read("`cohort.root` is a link", a_link, Read()),
    refused(
        "the second cohort does not exist",
        params(**{"external.cohort.root": "nowhere"}),
        "nowhere",
        "no such folder",
        stage=("ingest", "external"),
    ),
    refused(
        "a recording that is gone since it was checked",
        without("phonationA/PZ001*"),
        "phonationA/PZ001_phonationA.wav",
        "no such file",
        stage=("preprocess_audio",),
    ),
]

MINSK2020: list[Case] = [
    refused(
        "Minsk2020 read as `voc_als`",
        params(**{"cohort.source": "voc_als"}),
        "cohort.root",
        "none among 22 WAV file(s), such as ALS/008_a.wav",
        problems=2,
        source="minsk2020",
    ),
    refused(
        "Minsk2020: cohort.root one folder too high",
        nested,
        "cohort.root",
        "none among 22 WAV file(s), such as VOC-ALS/VOC-ALS/ALS/008_a.wav",
        problems=3,
        source="minsk2020",
    ),
    refused(
        "Minsk2020: no table of the controls", without("HC*.xlsx"), "HC_table.xlsx", "no such file", source="minsk2020"
    ),
    case(
        "Minsk2020: no recordings of the controls",
        without("HC/*"),
        Refused("subject HC002", "no recording", problems=5),
        Refused("the cohort", "only ALS", problems=6),
        source="minsk2020",
    ),
    case(
        "Minsk2020: one recording under two numbers",
        voice("ALS/8_a.wav"),
        Refused("ALS/8_a.wav", "a second one, beside ALS/008_a.wav"),
        SetAside(("ALS/8_a.wav",), "a second one, beside"),
        source="minsk2020",
    ),
    *(
        case(
            f"Minsk2020: {what}",
            named("HC/002_i.wav", name),
            Refused(name, name, "a path like ALS/008_a.wav"),
            SetAside((name,), name, ("HC002_I",)),
            source="minsk2020",
        )
        for what, name in (("digits that are none of ours", "HC/٠٠٢_i.wav"), ("a dotless ı", "HC/002_ı.wav"))
    ),
    case(
        "Minsk2020: a vowel that it has not",
        voice("ALS/008_e.wav"),
        Refused("ALS/008_e.wav", "ALS/008_e.wav", "a path like ALS/008_a.wav"),
        SetAside(("ALS/008_e.wav",), "ALS/008_e.wav"),
        source="minsk2020",
    ),
]


def bad_row(what: str, column: str, value: str, found: str) -> Case:
    """A bad third line of validated.tsv."""
    where = f"validated.tsv, line 3, column {column}"
    return case(
        f"Common Voice: {what}",
        changed_row(3, column, value),
        Refused(where, found),
        SetAside((where,), found, ("m0_1",)),
        source="common_voice",
    )


COMMON_VOICE: list[Case] = [
    refused("Common Voice: no validated.tsv", without("*.tsv"), "validated.tsv", "none", source="common_voice"),
    refused("Common Voice: no folder clips/", without("clips"), "clips", "no such folder", source="common_voice"),
    refused(
        "Common Voice: no permission to read validated.tsv",
        closed("validated.tsv"),
        "validated.tsv",
        "PermissionError",
        unprivileged=True,
        source="common_voice",
    ),
    refused(
        "Common Voice: no permission to list clips/",
        closed("clips"),
        "clips",
        "PermissionError",
        unprivileged=True,
        source="common_voice",
    ),
    case(
        "Common Voice: no permission to enter clips/",
        closed("clips", 0o600),
        Refused("clips/m0_0.mp3", "PermissionError", problems=16),
        Refused("the cohort", "no subject with a sound recording", problems=25),
        unprivileged=True,
        source="common_voice",
    ),
    refused(
        "Common Voice: validated.tsv is a link out of the release",
        elsewhere("validated.tsv"),
        "validated.tsv",
        "a link to ../moved_away, out of the release",
        source="common_voice",
    ),
    refused(
        "Common Voice: the column `gender` twice",
        column_twice,
        "validated.tsv, line 1",
        "twice: gender",
        source="common_voice",
    ),
    read(
        "Common Voice: an escape sequence, a line separator and 300 letters in an accent",
        reworded("accents", lambda _: f"\x1b[2J  Ulster\u2028{'x' * 300}"),
        Read(subjects={f"speaker{n}": {"accent": f"[2J Ulster {'x' * 189}"} for n in range(8)}),
        source="common_voice",
    ),
    bad_row("a speaker's name that turns the line around", "client_id", "\u202espeaker", r"'\u202espeaker'"),
    bad_row("a speaker's name of a terminal's control", "client_id", "\x9b2Jspeaker", r"'\x9b2Jspeaker'"),
    bad_row("a blank for a speaker", "client_id", " ", "' '"),
    bad_row("a speaker's name of 1,000 letters", "client_id", 1000 * "x", "'xxxx"),
    bad_row("a clip's path with ../", "path", "../../secret.mp3", "'../../secret.mp3'"),
    bad_row("a clip's path from the disk's root", "path", "/etc/passwd", "'/etc/passwd'"),
    bad_row("a clip's path with a NUL", "path", "a\0.mp3", r"'a\x00.mp3'"),
    bad_row("votes that are no number", "down_votes", "none", "'none'"),
]

CASES: list[Case] = [*VOC_ALS, *MINSK2020, *COMMON_VOICE]
