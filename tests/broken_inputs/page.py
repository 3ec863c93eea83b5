"""docs/broken_inputs.md: every broken input, and what is said of it, as printed."""

import re
from collections import Counter
from collections.abc import Sequence

from tests.broken_inputs import Case, Mode, Read, Refused, SetAside
from tests.broken_inputs.trials import Told, Trials, Tried, quarantine_of
from tests.projects import ROOT

PAGE = ROOT / "docs/broken_inputs.md"
COUNTED = {Refused: "refused", SetAside: "set aside", Read: "read"}
MODES: tuple[Mode, ...] = ("fail", "quarantine")
LONGEST = 240  # characters of a finding that are shown

HEAD = """# What becomes of broken inputs

{counts}

Each is a real file, made by [tests/broken_inputs](../tests/broken_inputs) inside a sound small release (14 people, two tasks, one second each), and goes through
the stage's own script. This page is what the scripts printed: `python -m tests.broken_inputs` writes it, and a test compares.

- **fail** (`cohort.on_bad_recording: fail`, the default): exit code 1, a message and no traceback; what an earlier run wrote stays as it was, and nothing new is there.
- **quarantine**: exit code 0; what is bad is named in `data/cohort/quarantine.csv`, counted in `metrics/ingest.json` and left out; every other row is that of the sound release.
  Where no recording alone is at fault, the run is refused as well.
- **read**: nothing is wrong. The tables hold the rate, channels and duration that are known beforehand, and the cleaned recording is the tone that was put in.
"""

ABOUT = {
    "Recordings": "A message says which file, what was expected, what was found and what to do. The file is `phonationA/PZ001_phonationA.wav` where nothing else is said.",
    "Releases": "Recordings against rows, and where a release lies.",
    "Workbooks": "Tables as people send them.",
    "params.yaml": "A key or a value that cannot be: said before any work starts.",
}


def write(cases: Sequence[Case], trials: Trials) -> str:
    """The page, of what became of each case."""
    runs = [(case, mode, trials.of(case, mode)) for case in cases for mode in MODES if case.expected(mode)]
    parts = [HEAD.format(counts=_counts(cases))]
    for group, about in ABOUT.items():
        of_group = [run for run in runs if run[0].group == group]
        if not of_group:
            continue
        parts.append(f"## {group}\n\n{about}\n")
        parts.append("| input | mode | exit code | expected | found | to do |\n| --- | --- | --- | --- | --- | --- |")
        parts += [*_rows(of_group), ""]
    return "\n".join(parts)


def _counts(cases: Sequence[Case]) -> str:
    """How many inputs, and how many of them end how."""
    fail = Counter(COUNTED[type(case.fail)] for case in cases)
    quarantine = Counter(COUNTED[type(case.quarantine)] for case in cases if case.quarantine)
    return (
        f"**{len(cases)} inputs.** With bad recordings failing the run, {fail['refused']} are refused and"
        f" {fail['read']} are read. With bad recordings set aside, {quarantine['set aside']} are set aside, counted and"
        f" named, {quarantine['refused']} are refused and {quarantine['read']} are read; for the other"
        f" {len(cases) - quarantine.total()} the mode changes nothing."
    )


def _rows(runs: Sequence[tuple[Case, Mode, Tried]]) -> list[str]:
    """A row for each input where both modes end alike, else one for each mode."""
    rows = []
    for case, mode, tried in runs:
        told = _told(case, mode, tried)
        if mode == "quarantine" and rows and rows[-1][0] == case and rows[-1][2:] == [tried.exit_code, told]:
            rows[-1][1] = "both"
            continue
        rows.append([case, mode if case.quarantine else "any", tried.exit_code, told])
    return [
        f"| {_cell(case.what) if at == 0 or rows[at - 1][0] != case else ''} | {mode} | {code} | {told} |"
        for at, (case, mode, code, told) in enumerate(rows)
    ]


def _told(case: Case, mode: Mode, tried: Tried) -> str:
    """The first problem that a case is about, and how many more there are."""
    expected = case.expected(mode)
    if isinstance(expected, Read):
        cells = next(iter(expected.recordings.values()), {})
        return f"read{_in_words(cells)} | | "
    if isinstance(expected, SetAside):
        problems = quarantine_of(tried)
        meant = [one for one in problems if expected.found in one.found]
        return _problem(meant[0], problems, "set aside: ")
    meant = [one for one in tried.problems if expected.where in one.where and expected.found in one.found]
    return _problem(meant[0], tried.problems)


def _problem(one: Told, among: Sequence[Told], before: str = "") -> str:
    more = f" (and {len(among) - 1} more)" if len(among) > 1 else ""
    where = "" if one.where == "phonationA/PZ001_phonationA.wav" else f"`{_plain(one.where)}`: "
    return f"{where}{_cell(one.expected)} | {before}{_cell(one.found)}{more} | {_cell(one.remedy)}"


def _in_words(cells: object) -> str:
    known = {"sample_rate_hz": "{} Hz", "channels": "{} channel(s)", "duration_s": "{} s", "path": "as `{}`"}
    return "".join(f", {words.format(dict(cells)[key])}" for key, words in known.items() if key in dict(cells))


def _cell(text: str) -> str:
    """A text as a cell of a table shows it, letter by letter."""
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
    return re.sub(r"([\\<>*_|\[\]])", r"\\\1", cut) if "`" not in cut else cut.replace("|", r"\|")


def _plain(text: str) -> str:
    return text.replace("|", r"\|")
