"""The inputs of a prediction: recordings of one person, and what is known of that person; all faults at once."""

import csv
import json
import math
import os.path
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bulbar.cohort.voc_als import FOLDERS
from bulbar.core.errors import BadInput, Problem
from bulbar.core.names import TASKS
from bulbar.deployment.encoding import StoredEncoder
from bulbar.features import audio, inspection

OLDEST = 120
"""No age in years is above it."""


SEPARATORS = (",", ";", "\t")
"""Of the cells of a CSV, as spreadsheet programs write it: the comma, or where it is the decimal sign the semicolon."""

DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
UNGROUPED_COMMA = re.compile(r"[+-]?\d+,(?!\d{3}$)\d+")  # 1,234 may also be a thousand
GROUPED = re.compile(r"[+-]?\d{1,3}(\.\d{3})+")

ANOTHER = "give another recording, in a format that soundfile reads: WAV, FLAC, OGG, MP3 …"


@dataclass(frozen=True)
class InputRecording:
    """One recording. path: for opening; file: as it was written on the command line."""

    path: Path
    file: str
    task: str


def recordings(files: Sequence[str], task: str | None, cleaning: audio.Settings) -> list[InputRecording]:
    """The recordings of one person, each readable and whole, with its task.

    task: of those whose name does not hold it, as the releases write it: `CT001_phonationA.wav`, `002_i.wav`,
    `someone_PA.flac`; a name that holds another is a fault. cleaning: the models'; a recording that is shorter than
    its `min_duration_s`, or has less left without its silence, is a fault, and so is one named twice, also as a copy in
    another file or container. Raises BadInput with every fault.
    """
    problems: list[Problem] = []
    if task is not None and task.upper() not in TASKS:
        problems.append(Problem("--task", f"one of {', '.join(TASKS)}", task, "name the task that was spoken"))
    found: list[InputRecording] = []
    people: dict[str, str] = {}
    by_digest: dict[str, str] = {}
    for file in files:
        path = Path(file)
        if not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises where a name is too long to be one
            there = "a folder" if os.path.isdir(file) else "no such file"  # noqa: PTH112
            problems.append(Problem(file, "a recording", there, "give the path of an audio file"))
            continue
        if not file.isprintable():
            found_here = "bytes that are no text, or a line break"
            problems.append(Problem(file, "a name that can be shown", found_here, "rename the file"))
            continue
        if path.suffix.lower() == ".raw":
            found_here = "samples without a header: neither rate nor format is known"
            problems.append(Problem(file, "a recording with a header", found_here, ANOTHER))
            continue
        inspected = inspection.inspect(file, Path(), cleaning)
        problems += [replace(problem, remedy=ANOTHER) for problem in inspected.problems]
        if inspected.samples_digest and (twin := by_digest.setdefault(inspected.samples_digest, file)) != file:
            problems.append(Problem(file, "each recording once", f"the same samples as {twin}", "leave one out"))
        person, named = _tasks_by_name(path)
        if person:
            people.setdefault(person, file)
        if task is None and named is None:
            expected = f"a name that ends in _ and a task ({', '.join(TASKS)}), such as someone_A.wav"
            problems.append(Problem(file, expected, path.name, "say it with --task, such as --task A"))
        if task is not None and named is not None and task.upper() != named:
            expected, remedy = f"a name that agrees with --task {task}", "take out --task, or rename the file"
            problems.append(Problem(file, expected, f"task {named} in its name", remedy))
        found.append(InputRecording(path, file, (named or task or "").upper()))
    twice = sorted(file for file, times in Counter(one.file for one in found).items() if times > 1)
    problems += [Problem(file, "each recording once", "one file twice", "name it once") for file in twice]
    if len(people) > 1:
        remedy = "call it once for each person; of one person, name all files alike up to the last _"
        problems.append(Problem(", ".join(people.values()), "recordings of one person", ", ".join(people), remedy))
    if problems:
        raise BadInput(problems)
    return found


def _tasks_by_name(path: Path) -> tuple[str, str | None]:
    """Whose a recording is and which task, as far as its name holds it. A number alone is unique in its folder only."""
    match = re.fullmatch(r"(.+)_([A-Za-z]+)", path.stem)
    if match is None:
        return "", None
    task = FOLDERS.get(match[2]) or (match[2].upper() if match[2].upper() in TASKS else None)
    if task is None:
        return "", None
    return (f"{path.resolve().parent.name}/{match[1]}" if match[1].isdecimal() else match[1]), task


def person(path: Path, encoder: StoredEncoder) -> dict[str, float | str]:
    """What a clinical file holds of one person: column -> value, of the columns that the encoder reads.

    path: JSON, one object; or CSV, a header and one row, as spreadsheet programs save it: also with semicolons and
    decimal commas. An empty cell, or null, is not recorded. Raises BadInput with every fault.
    """
    content = _content(path)
    known = ", ".join(encoder.columns)
    problems: list[Problem] = []
    values: dict[str, float | str] = {}
    for name, value in content.items():
        where = f"{path}: {name}"
        if name not in encoder.columns:
            problems.append(Problem(where, f"a column that the models read: {known}", name, "take it out"))
        elif value is None or (isinstance(value, str) and not value.strip()):
            continue
        elif name in encoder.numeric:
            number = _number(value)
            if number is None or number < 0 or (name == "age_years" and number > OLDEST):
                expected = f"years from 0 to {OLDEST}" if name == "age_years" else "a number, 0 or more"
                written = re.fullmatch(r"\s*\d+,\d+\s*", value) if isinstance(value, str) else None
                remedy = "write a decimal point, not a comma" if written else "correct it, or leave it empty"
                problems.append(Problem(where, expected, repr(value), remedy))
            else:
                values[name] = number
        else:
            categories = encoder.categorical[name].categories
            by_lower = {category.lower(): category for category in categories}
            if str(value).strip().lower() not in by_lower:
                expected = f"one of {', '.join(categories)}"
                problems.append(Problem(where, expected, repr(value), "correct it, or leave it empty"))
            else:
                values[name] = by_lower[str(value).strip().lower()]
    if not problems and not values:
        problems.append(Problem(str(path), f"a value of {known}", "none", "fill one in, or leave --clinical out"))
    if problems:
        raise BadInput(problems)
    return values


def _content(path: Path) -> Mapping[str, Any]:
    def wrong(found: str, remedy: str = "write one person's values, such as age_years and sex") -> BadInput:
        expected = "a JSON object, or a CSV table of a header and one row"
        return BadInput.one(str(path), expected, found, remedy)

    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise wrong("bytes that are not UTF-8", "save it as CSV UTF-8") from None
    except OSError as error:
        raise wrong(f"{type(error).__name__}: {error.strerror or error}") from None
    if path.suffix.lower() == ".json":
        try:
            content = json.loads(text, object_pairs_hook=_each_once)
        except (ValueError, RecursionError) as error:
            raise wrong(f"no JSON: {error}") from None
        if not isinstance(content, dict):
            raise wrong(f"a {type(content).__name__}")
        return content
    return _table(text, wrong)


def _table(text: str, wrong: Callable[..., BadInput]) -> Mapping[str, str]:
    """The cells of a CSV table of one row, each number with a decimal point. What is ambiguous is refused."""
    lines = [line for line in text.splitlines() if line.strip(",;\t ")]  # spreadsheets also save rows of empty cells
    separators = [one for one in SEPARATORS if one in (lines[0] if lines else "")] or [";"]  # none: one column
    if len(separators) > 1:
        found = f"more than one separator in the header: {' '.join(map(repr, separators))}"
        raise wrong(found, "separate the cells by one of them")
    try:
        header, *rows = list(csv.reader(lines, delimiter=separators[0])) or [[]]
    except csv.Error as error:
        raise wrong(f"no CSV: {error}") from None
    if len(rows) != 1:
        raise wrong(f"{len(rows)} rows")
    row = rows[0]
    if len(row) != len(header):
        remedy = "give the row as many cells as the header"
        if separators == [","] and len(row) > len(header):
            remedy += ". A decimal comma separates cells here: write a decimal point, or separate the cells by ;"
        elif others := [one for one in SEPARATORS if one in lines[1] and one != separators[0]]:
            remedy += f", separated by {separators[0]!r} and not by {others[0]!r}"
        raise wrong(f"a row of {len(row)} below a header of {len(header)}, separated by {separators[0]!r}", remedy)
    pairs = [
        (name.strip(), cell.strip()) for name, cell in zip(header, row, strict=True) if name.strip() or cell.strip()
    ]
    if ambiguous := [f"{name} {cell}" for name, cell in pairs if separators == [";"] and GROUPED.fullmatch(cell)]:
        found = f"a decimal point or a sign of thousands: {', '.join(ambiguous)}"
        raise wrong(found, "write a decimal comma, and nothing between thousands")
    comma_is_decimal = DECIMAL_COMMA if separators == [";"] else UNGROUPED_COMMA
    pairs = [(name, cell.replace(",", ".") if comma_is_decimal.fullmatch(cell) else cell) for name, cell in pairs]
    try:
        return _each_once(pairs)
    except ValueError as error:
        raise wrong(str(error)) from None


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name that stands there twice: " + ", ".join(name for name, _ in pairs))
    return values


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool) else None
