"""docs/broken_inputs.md: every broken input, and what is said of it, as printed."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.broken_inputs import Case, Mode, Read, Refused, SetAside
from tests.broken_inputs.recordings import FILE
from tests.broken_inputs.trials import Told, Trials, Tried, quarantine_of
from tests.projects import ROOT

PAGE = ROOT / "docs/broken_inputs.md"
COUNTED = {Refused: "refused", SetAside: "set aside", Read: "read"}
MODES: tuple[Mode, ...] = ("fail", "quarantine")
LONGEST = 240  # characters of a finding that are shown

HEAD = """\
# What becomes of broken inputs

{counts}

Each is a real file, which [tests/broken_inputs](../tests/broken_inputs) makes inside a sound small release (of VOC-ALS: 14 people,
two tasks, one second each), and each goes through the stage's own script. What stands below is what the scripts printed:
`python -m tests.broken_inputs` writes this page, and a test compares.

- **refused, 1**: a message, no traceback, exit code 1. What an earlier run wrote stays as it was, and nothing new is there.
- **set aside, 0**: the run goes on. What is bad is named in `data/cohort/quarantine.csv`, counted in `metrics/ingest.json` and
  left out; every other row is that of the sound release.
- **read, 0**: nothing is wrong. The tables hold the rate, the channels and the duration that are known beforehand, and the cleaned
  recording is the tone that was put in.

The columns `fail` and `quarantine` are `cohort.on_bad_recording` and `cohort.duplicates`, both `fail` by default. Where no recording alone is
at fault, there is nothing to set aside, and both refuse.

`dvc repro` reads the release before any stage does, to see what has changed. What it cannot read itself it tells in its own words
(exit code 255, no traceback): a file without permission, a link to nothing or to itself, a name that is no UTF-8. At a pipe it waits.
"""  # noqa: E501

ABOUT = {
    "Recordings": f"Where no file is named, it is `{FILE}`.",
    "Releases": "Recordings against rows, and where a release lies.",
    "Workbooks": "Tables as people send them.",
    "params.yaml": "A key or a value that cannot be is told before any work starts.",
}


def write(cases: Sequence[Case], trials: Trials) -> str:
    """The page, of what became of each case."""
    parts = [HEAD.format(counts=_counts(cases))]
    for group, about in ABOUT.items():
        of_group = [case for case in cases if case.group == group]
        if not of_group:
            continue
        parts.append(f"## {group}: {len(of_group)}\n\n{about}\n")
        parts.append("| input | fail | quarantine | expected | found | to do |\n| --- | --- | --- | --- | --- | --- |")
        parts += [row for case in of_group for row in _rows(case, trials)]
        parts.append("")
    return "\n".join(parts)


def _counts(cases: Sequence[Case]) -> str:
    """How many inputs, and how many of them end how."""
    fail = Counter(COUNTED[type(case.fail)] for case in cases)
    quarantine = Counter(COUNTED[type(case.quarantine)] for case in cases if case.quarantine)
    others = len(cases) - quarantine.total()
    told = (
        f"**{len(cases)} inputs.** With `fail`, {fail['refused']} are refused and {fail['read']} are read.",
        f"With `quarantine`, {quarantine['set aside']} are set aside, {quarantine['refused']} are refused and",
        f"{quarantine['read']} are read{f'; to the other {others} it makes no difference' if others else ''}.",
    )
    return "\n".join(told)


def _rows(case: Case, trials: Trials) -> list[str]:
    """A row where both modes say the same of a case, else one for each."""
    modes = [mode for mode in MODES if case.expected(mode)]
    tried = {mode: trials.of(case, mode) for mode in modes}
    told = {mode: _told(case, mode, tried[mode]) for mode in modes}
    ended = {mode: f"{COUNTED[type(case.expected(mode))]}, {tried[mode].exit_code}" for mode in modes}
    if len(set(told.values())) == 1:
        return [_row(case.what, ended["fail"], ended.get("quarantine", "the same"), told["fail"])]
    return [
        _row(case.what, ended["fail"], "", told["fail"]),
        _row("", "", ended["quarantine"], told["quarantine"]),
    ]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _told(case: Case, mode: Mode, tried: Tried) -> str:
    """The cells of the problem that a case is about, and how many more there are; what was read where there is none."""
    expected = case.expected(mode)
    if isinstance(expected, Read):
        return f" | {_in_words(next(iter(expected.recordings.values()), {}))} | "
    problems = tried.problems if isinstance(expected, Refused) else quarantine_of(tried)
    where = expected.where if isinstance(expected, Refused) else ""
    meant = [one for one in problems if where in one.where and expected.found in one.found]
    return _problem(meant[0], problems)


def _problem(one: Told, among: Sequence[Told]) -> str:
    more = f" (one of {len(among)} problems)" if len(among) > 1 else ""
    where = "" if one.where == FILE else f"{_code(one.where)}: "
    found = re.sub(r"(?<=unpacked from )[\d,]+", "…", one.found)  # it changes with the second of its writing
    return f"{where}{_cell(one.expected)} | {_cell(found)}{more} | {_cell(one.remedy)}"


def _in_words(cells: Mapping[str, Any]) -> str:
    known = {"sample_rate_hz": "{} Hz", "channels": "{} channel(s)", "duration_s": "{} s", "path": "`{}`"}
    return ", ".join(words.format(cells[key]) for key, words in known.items() if key in cells)


def _cell(text: str) -> str:
    """A text as a cell of a table shows it, letter by letter."""
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
    return re.sub(r"([\\<>*_|\[\]])", r"\\\1", cut) if "`" not in cut else cut.replace("|", r"\|")


def _code(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|')}`"
