"""Run broken inputs through the stages' own mains, and keep what they printed and what they left behind."""

import csv
import io
import re
import shutil
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from tests.broken_inputs import RELEASE, Case, Mode, Read, Source
from tests.broken_inputs.making import run_stage, run_stages
from tests.projects import contents, write_params
from tests.releases import common_voice_rows, voc_als_rows, write_common_voice, write_minsk2020, write_voc_als

BEFORE = ("ingest", "preprocess_clinical", "preprocess_audio", "folds")
WRITTEN = ("data", "metrics", "plots", "models", "report")
SNAPSHOT = Path(__file__).with_name("snapshot.txt")
LONGEST = 240  # characters of a problem that are shown


@dataclass(frozen=True)
class Reported:
    """One problem as a user reads it."""

    where: str
    expected: str
    found: str
    remedy: str


@dataclass(frozen=True)
class Tried:
    """What came of a case: exit code, what was printed, and every file that stages own, before and after."""

    exit_code: int
    out: str
    err: str
    before: dict[str, bytes]
    after: dict[str, bytes]
    project: Path
    stage: tuple[str, ...]

    @property
    def problems(self) -> list[Reported]:
        """The problems printed."""
        four = r"^(?! )(.+)\n    expected: (.+)\n    found:    (.+)\n    to do:    (.+)$"
        return [Reported(*found) for found in re.findall(four, self.err, flags=re.MULTILINE)]


def quarantine_of(tried: Tried) -> list[Reported]:
    """What a run set aside, as its table says."""
    rows = csv.DictReader(io.StringIO(tried.after["data/cohort/quarantine.csv"].decode(), newline=""))
    return [Reported(row["file"], row["expected"], row["found"], row["remedy"]) for row in rows]


class Trials:
    """Sound projects and what became of their broken copies, below one folder."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._sound: dict[Source, Path] = {}
        self._tried: dict[tuple[str, str, Mode], Tried] = {}

    def sound(self, source: Source) -> Path:
        """A project whose release is sound, after the stages before any that a case runs."""
        if source not in self._sound:
            project = self._place / f"sound_{source}"
            project.mkdir(parents=True)
            _write_sound(project, source)
            run_stages(project, *(BEFORE if source != "common_voice" else BEFORE[:1]))
            for path in (project / "data/audio").glob("*.wav"):
                path.unlink()  # no case's stage reads them, and each case would copy them
            self._sound[source] = project
        return self._sound[source]

    def of(self, case: Case, mode: Mode) -> Tried:
        """What comes of a case; each is run once."""
        key = (case.group, case.what, mode)
        if key not in self._tried:
            self._tried[key] = self._try(case, mode)
        return self._tried[key]

    def _try(self, case: Case, mode: Mode) -> Tried:
        project = self._place / f"{len(self._tried):03d}_{mode}"
        shutil.copytree(self.sound(case.source), project)
        text = (project / "params.yaml").read_text()
        (project / "params.yaml").write_text(
            re.sub(r"(on_bad_recording: |duplicates: )(fail|quarantine)", rf"\1{mode}", text)
        )
        case.break_it(project)
        before = written(project)
        code, out, err = run_stage(project, case.stage, unprivileged=case.unprivileged)
        after = written(project)
        if not isinstance(case.expected(mode), Read):  # whose recordings are cleaned and compared with the tone
            shutil.rmtree(project, ignore_errors=True)
        return Tried(code, out, err, before, after, project, case.stage)


def snapshot(cases: Sequence[Case], trials: Trials) -> str:
    """What became of every case: exit codes, how many problems, and the first of them as printed."""
    lines: list[str] = []
    modes: tuple[Mode, ...] = ("fail", "quarantine")
    for case in cases:
        shown = None
        lines += ["", f"{case.group}: {case.what}"]
        for mode in modes:
            if case.expected(mode) is not None:
                tried = trials.of(case, mode)
                problems = tried.problems or quarantine_of(tried)
                lines.append(f"  {mode}: exit code {tried.exit_code}, {len(problems)} problem(s)")
                first = [f"    {part[:LONGEST]}" for part in astuple(problems[0])] if problems else []
                lines += first if first != shown else []
                shown = first
    return "\n".join(lines[1:]) + "\n"


def _write_sound(project: Path, source: Source) -> None:
    root = project / RELEASE
    of = "gender/params.yaml" if source == "common_voice" else "params.yaml"
    blocks = {"subset": {"per_gender": None}} if source == "common_voice" else {}
    write_params(project, of, cohort={"source": source, "root": RELEASE}, **blocks)
    if source == "voc_als":
        write_voc_als(root, voc_als_rows(6, 8), tasks=("A", "PA"))
    elif source == "minsk2020":
        write_minsk2020(root, patients=(8, 24, 25, 39, 100, 102), controls=(2, 24, 26, 31, 33))
    else:
        write_common_voice(root, common_voice_rows(8, 2))


def written(project: Path) -> dict[str, bytes]:
    """Every file below the folders that stages write to."""
    folders = [project / name for name in WRITTEN if (project / name).is_dir()]
    return {f"{folder.name}/{path}": content for folder in folders for path, content in contents(folder).items()}
