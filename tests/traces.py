"""A copy of the project whose stages are watched while they run: what they open, which params they ask for."""

import os
import re
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.pipelines import Pipeline

TRACING = Path(__file__).with_name("tracing")
STRACE = "strace --follow-forks --output-separately --seccomp-bpf --decode-fds=path --quiet=all --string-limit=4096"
WRAPPER = f"""#!/bin/sh
# `python` of a watched stage. strace sees what opens a file, in all its processes and in native code too.
test -n "$DVC_STAGE" || exec "{sys.executable}" "$@"
export TRACE="$TRACES/$(printf %s "$DVC_STAGE" | tr / :)" PYTHONPATH="{TRACING}${{PYTHONPATH:+:$PYTHONPATH}}"
mkdir -p "$TRACE"
exec {STRACE} --trace=open,openat,creat,rename,renameat,renameat2 --output="$TRACE/calls.$$" "{sys.executable}" "$@"
"""
OPENED = re.compile(r"(?:openat|open|creat)\((.*)\) = \d+<([^>]*)>$")
RENAMED = re.compile(r'rename\w*\(.*"([^"]*)"(?:, \w+)?\) = 0$')
COMPILED = re.compile(r"(.*/)?__pycache__/([^/.]+)\.cpython-\d+\.pyc(?:\.\d+)?$")


@dataclass
class Trace:
    """What a stage did: the files and folders that it opened to read and to write, what it asked for."""

    read: set[Path] = field(default_factory=set)
    written: set[Path] = field(default_factory=set)
    params: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)


class Watched(Pipeline):
    """A copy of the project whose stages are watched."""

    def __init__(self, place: Path) -> None:
        self.traces, tools = place / "traces", place / "tools"
        tools.mkdir(parents=True)
        (tools / "python").write_text(WRAPPER)
        (tools / "python").chmod(stat.S_IRWXU)
        path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])
        watching = {"PATH": path, "TRACES": str(self.traces), "TRACED_PROJECT": str(place / "project")}
        super().__init__(place / "project", place / "fit_cache", **watching)

    def told(self, stage: str) -> dict[str, dict[str, Any]]:
        """What the lock file says of the stages that one of dvc.yaml makes: of `gender/tune` both protocols'."""
        folder, _, name = stage.rpartition("/")
        locked = self.locked(f"{folder}/dvc.lock" if folder else "dvc.lock")
        return {made: of for made, of in locked.items() if made.split("@")[0] == name}

    def trace(self, stage: str, made: str) -> Trace:
        """What one of the stages that `stage` of dvc.yaml makes did, in all its runs. Byte code is its module."""
        home, _, _ = stage.rpartition("/")
        found, folder = Trace(), self.traces / (f"{home}:dvc.yaml:{made}" if home else made)
        for calls in folder.glob("calls.*"):
            for line in calls.read_text().splitlines():
                if opened := OPENED.match(line):
                    to_write = "O_WRONLY" in opened[1] or "O_RDWR" in opened[1] or line.startswith("creat(")
                    (found.written if to_write else found.read).add(Path(COMPILED.sub(r"\1\2.py", opened[2])))
                elif renamed := RENAMED.match(line):
                    found.written.add(self.folder / home / COMPILED.sub(r"\1\2.py", renamed[1]))
        for kind in ("params", "variables"):
            if (folder / kind).exists():
                getattr(found, kind).update((folder / kind).read_text().split())
        return found
