"""Run broken inputs through the stages' own mains, and keep what they printed and what they left behind."""

import contextlib
import importlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from ruamel.yaml import YAML

from stages.io import run
from tests.broken_inputs import RELEASE, Case, Mode, Read, Source
from tests.projects import ROOT, contents, write_params
from tests.releases import common_voice_rows, voc_als_rows, write_common_voice, write_minsk2020, write_voc_als

SECONDS = 300  # no case needs a second; what waits for a pipe would wait for ever
BEFORE = ("ingest", "preprocess_clinical", "preprocess_audio", "folds")
WRITTEN = ("data", "metrics", "plots", "models", "report")
WITHOUT_ROOTS_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")


@dataclass(frozen=True)
class Told:
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

    @property
    def problems(self) -> list[Told]:
        """The problems printed."""
        four = r"^(?! )(.+)\n    expected: (.+)\n    found:    (.+)\n    to do:    (.+)$"
        return [Told(*found) for found in re.findall(four, self.err, flags=re.MULTILINE)]


class Trials:
    """Sound projects and what became of their broken copies, below one folder.

    real: run `python -m stages.STAGE` in a process of its own, and not the same main in this one.
    """

    def __init__(self, place: Path, *, real: bool = False) -> None:
        self._place = place
        self._real = real
        self._sound: dict[Source, Path] = {}
        self._tried: dict[tuple[str, str, Mode], Tried] = {}

    def sound(self, source: Source) -> Path:
        """A project whose release is sound, after the stages before any that a case runs."""
        if source not in self._sound:
            project = self._place / f"sound_{source}"
            project.mkdir(parents=True)
            _write_sound(project, source)
            for stage in BEFORE if source != "common_voice" else BEFORE[:1]:
                code, _, err = _in_process(project, (stage,))
                assert code == 0, err
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
        set_params(project, **{"cohort.on_bad_recording": mode})
        case.break_it(project)
        before = written(project)
        apart = self._real or (case.unprivileged and os.geteuid() == 0)
        code, out, err = (_apart if apart else _in_process)(project, case.stage)
        after = written(project)
        if not isinstance(case.expected(mode), Read):  # of which the recordings are heard
            shutil.rmtree(project, ignore_errors=True)
        return Tried(code, out, err, before, after, project)


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


def set_params(project: Path, **changes: object) -> None:
    """Change a project's params.yaml, keys as `-S` writes them; a key that is not there is added."""
    yaml = YAML(typ="safe")
    params = yaml.load(project / "params.yaml")
    for key, value in changes.items():
        *blocks, name = key.split(".")
        inner = params
        for block in blocks:
            inner = inner.setdefault(block, {})
        inner[name] = value
    yaml.dump(params, project / "params.yaml")


def written(project: Path) -> dict[str, bytes]:
    """Every file below the folders that stages write to."""
    folders = [project / name for name in WRITTEN if (project / name).is_dir()]
    return {f"{folder.name}/{path}": content for folder in folders for path, content in contents(folder).items()}


def _in_process(project: Path, stage: tuple[str, ...]) -> tuple[int, str, str]:
    """Run a stage's main by `stages.io.run`, as its script does: exit code, what it printed."""
    main = importlib.import_module(f"stages.{stage[0]}").main
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.chdir(project),
        mock.patch.object(sys, "argv", list(stage)),
        warnings.catch_warnings(),
        _in_time(),
    ):
        warnings.simplefilter("default")  # a user sees them, so a test should
        try:
            run(main)
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, out.getvalue(), err.getvalue()


def _apart(project: Path, stage: tuple[str, ...]) -> tuple[int, str, str]:
    """Run a stage as `python -m stages.STAGE` does, without root's right to read everything."""
    rights = WITHOUT_ROOTS_RIGHTS if os.geteuid() == 0 else ()
    done = subprocess.run(
        [*rights, sys.executable, "-m", f"stages.{stage[0]}", *stage[1:]],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=SECONDS,
    )
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    """Raises TimeoutError in what runs longer than a user would wait, or for ever."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"not done after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
