"""What cases and trials both do to a project: change its params, run its stages."""

import contextlib
import copy
import ctypes
import importlib
import io
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from ruamel.yaml import YAML

from stages.parts.run import run

_LINUX_CAPABILITY_VERSION_3 = 0x20080522
SECONDS = 300  # no case needs a second; what waits for a pipe would wait for ever


def set_params(project: Path, **changes: object) -> None:
    """Change a project's params.yaml, keys as `-S` writes them; a key that is not there is added."""
    params = copy.deepcopy(_parsed((project / "params.yaml").read_text()))
    for key, value in changes.items():
        *blocks, name = key.split(".")
        inner = params
        for block in blocks:
            inner = inner.setdefault(block, {})
        inner[name] = value
    YAML(typ="safe").dump(params, project / "params.yaml")


@cache
def _parsed(text: str) -> dict[str, Any]:
    return YAML(typ="safe").load(text)


def run_stages(project: Path, *stages: str) -> None:
    """Run stages one after another. Raises AssertionError where one fails."""
    for stage in stages:
        code, _, err = run_stage(project, (stage,))
        assert code == 0, err


def run_stage(project: Path, stage: tuple[str, ...], *, unprivileged: bool = False) -> tuple[int, str, str]:
    """Run a stage's main by `stages.parts.run.run`, as its script does: exit code, what it printed.

    unprivileged: as somebody whom permissions stop.
    """
    main = importlib.import_module(f"stages.{stage[0]}").main
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.chdir(project),
        mock.patch.object(sys, "argv", list(stage)),
        warnings.catch_warnings(),
        without_roots_rights() if unprivileged and os.geteuid() == 0 else contextlib.nullcontext(),
        _in_time(),
    ):
        warnings.simplefilter("default")  # a user sees them, so a test should
        try:
            run(main)
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def without_roots_rights() -> Iterator[None]:
    """Permissions count for root too, in this thread: see capabilities(7), CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, in two words each
    assert libc.capget(header, sets) == 0
    before = sets[0]
    sets[0] = before & ~(1 << 1 | 1 << 2)
    assert libc.capset(header, sets) == 0
    try:
        yield
    finally:
        sets[0] = before
        assert libc.capset(header, sets) == 0


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
