"""The inputs of a prediction: one person's recordings and clinical values. All problems are listed at once."""

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
"""Highest accepted age, in years."""


SEPARATORS = (",", ";", "\t")
"""Separators of CSV cells. Spreadsheet programs write semicolons in locales where the comma is the decimal sign."""

DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
UNGROUPED_COMMA = re.compile(r"[+-]?\d+,(?!\d{3}$)\d+")  # 1,234 may also be a thousand
GROUPED = re.compile(r"[+-]?\d{1,3}(\.\d{3})+")

ANOTHER = "give another recording, in a format that soundfile reads: WAV, FLAC, OGG, MP3 …"


@dataclass(frozen=True)
class InputRecording:
    """One recording. path: to open it; file: as written on the command line."""

    path: Path
    file: str
    task: str


def recordings(files: Sequence[str], task: str | None, cleaning: audio.Settings) -> list[InputRecording]:
    """Check the recordings of one person and find the task of each.

    Parameters
    ----------
    files : sequence of str
        Paths of audio files of one person.
    task : str or None
        Task of the recordings whose file names do not say it. Recognised names are those of the releases:
        `CT001_phonationA.wav`, `002_i.wav`, `someone_PA.flac`.
    cleaning : audio.Settings
        Audio settings that the models were trained with.

    Returns
    -------
    list of InputRecording
        In the order of `files`.

    Raises
    ------
    BadInput
        Lists every problem: a file that is missing, damaged or shorter than `cleaning.min_duration_s` (before or after
        silence removal); a task that is missing, or differs from `task`; the same samples twice, also in another
        container; recordings of several people.
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
            found_here = "a line break, or bytes that are not text"
            problems.append(Problem(file, "a file name of printable characters", found_here, "rename the file"))
            continue
        if path.suffix.lower() == ".raw":
            found_here = "samples without a header, so sample rate and format are unknown"
            problems.append(Problem(file, "a recording with a header", found_here, ANOTHER))
            continue
        inspected = inspection.inspect(file, Path(), cleaning)
        problems += [replace(problem, remedy=ANOTHER) for problem in inspected.problems]
        if inspected.samples_digest and (twin := by_digest.setdefault(inspected.samples_digest, file)) != file:
            problems.append(Problem(file, "each recording once", f"the same samples as {twin}", "remove one of them"))
        person, named = _tasks_by_name(path)
        if person:
            people.setdefault(person, file)
        if task is None and named is None:
            expected = f"a name that ends in _ and a task ({', '.join(TASKS)}), such as someone_A.wav"
            problems.append(Problem(file, expected, path.name, "add the option --task, such as --task A"))
        if task is not None and named is not None and task.upper() != named:
            expected, remedy = f"a name that agrees with --task {task}", "remove --task, or rename the file"
            problems.append(Problem(file, expected, f"task {named} in its name", remedy))
        found.append(InputRecording(path, file, (named or task or "").upper()))
    twice = sorted(file for file, times in Counter(one.file for one in found).items() if times > 1)
    problems += [Problem(file, "each recording once", "one file twice", "name it once") for file in twice]
    if len(people) > 1:
        remedy = (
            "run the command once per person; if they are one person's, give all file names the same part before the "
            "last _"
        )
        problems.append(Problem(", ".join(people.values()), "recordings of one person", ", ".join(people), remedy))
    if problems:
        raise BadInput(problems)
    return found


def _tasks_by_name(path: Path) -> tuple[str, str | None]:
    """Person and task from a recording's name, as far as it has them. A numeric person is unique only in its folder."""
    match = re.fullmatch(r"(.+)_([A-Za-z]+)", path.stem)
    if match is None:
        return "", None
    task = FOLDERS.get(match[2]) or (match[2].upper() if match[2].upper() in TASKS else None)
    if task is None:
        return "", None
    return (f"{path.resolve().parent.name}/{match[1]}" if match[1].isdecimal() else match[1]), task


def person(path: Path, encoder: StoredEncoder) -> dict[str, float | str]:
    """Read one person's clinical values from a file.

    Parameters
    ----------
    path : Path
        JSON: one object. CSV: a header and one row, as spreadsheet programs save it; semicolons and decimal commas are
        accepted. An empty cell, or null, means not recorded.
    encoder : StoredEncoder
        Encoder of the model; it names the columns that may occur.

    Returns
    -------
    dict of str to float or str
        Column -> value, of the recorded columns.

    Raises
    ------
    BadInput
        Lists every problem: an unreadable file, an unknown column, a value out of range, or no value at all.
    """
    content = _content(path)
    known = ", ".join(encoder.columns)
    problems: list[Problem] = []
    values: dict[str, float | str] = {}
    for name, value in content.items():
        where = f"{path}: {name}"
        if name not in encoder.columns:
            problems.append(Problem(where, f"a column that the models read: {known}", name, "remove the column"))
        elif value is None or (isinstance(value, str) and not value.strip()):
            continue
        elif name in encoder.numeric:
            number = _number(value)
            if number is None or number < 0 or (name == "age_years" and number > OLDEST):
                expected = f"years from 0 to {OLDEST}" if name == "age_years" else "a number, 0 or more"
                written = re.fullmatch(r"\s*\d+,\d+\s*", value) if isinstance(value, str) else None
                remedy = "write a decimal point, not a comma" if written else "correct the value, or leave it empty"
                problems.append(Problem(where, expected, repr(value), remedy))
            else:
                values[name] = number
        else:
            categories = encoder.categorical[name].categories
            by_lower = {category.lower(): category for category in categories}
            if str(value).strip().lower() not in by_lower:
                expected = f"one of {', '.join(categories)}"
                problems.append(Problem(where, expected, repr(value), "correct the value, or leave it empty"))
            else:
                values[name] = by_lower[str(value).strip().lower()]
    if not problems and not values:
        problems.append(Problem(str(path), f"a value of {known}", "none", "fill one in, or remove --clinical"))
    if problems:
        raise BadInput(problems)
    return values


def _content(path: Path) -> Mapping[str, Any]:
    def wrong(found: str, remedy: str = "write one person's values, such as age_years and sex") -> BadInput:
        expected = "a JSON object, or a CSV table with a header and one row"
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
            raise wrong(f"invalid JSON: {error}") from None
        if not isinstance(content, dict):
            raise wrong(f"JSON of type {type(content).__name__}")
        return content
    return _table(text, wrong)


def _table(text: str, wrong: Callable[..., BadInput]) -> Mapping[str, str]:
    """The cells of a one-row CSV table, numbers with a decimal point. Raises BadInput if a number is ambiguous."""
    lines = [line for line in text.splitlines() if line.strip(",;\t ")]  # spreadsheets also save rows of empty cells
    separators = [one for one in SEPARATORS if one in (lines[0] if lines else "")] or [";"]  # none: one column
    if len(separators) > 1:
        found = f"more than one separator in the header: {' '.join(map(repr, separators))}"
        raise wrong(found, "separate the cells with only one of them")
    try:
        header, *rows = list(csv.reader(lines, delimiter=separators[0])) or [[]]
    except csv.Error as error:
        raise wrong(f"invalid CSV: {error}") from None
    if len(rows) != 1:
        raise wrong(f"{len(rows)} rows")
    row = rows[0]
    if len(row) != len(header):
        remedy = "write as many cells in the row as in the header"
        if separators == [","] and len(row) > len(header):
            remedy += ". A decimal comma separates cells here: write a decimal point, or separate the cells with ;"
        elif others := [one for one in SEPARATORS if one in lines[1] and one != separators[0]]:
            remedy += f", separated by {separators[0]!r}, not by {others[0]!r}"
        found = f"{len(row)} cells in the row and {len(header)} in the header, separated by {separators[0]!r}"
        raise wrong(found, remedy)
    pairs = [
        (name.strip(), cell.strip()) for name, cell in zip(header, row, strict=True) if name.strip() or cell.strip()
    ]
    if ambiguous := [f"{name} {cell}" for name, cell in pairs if separators == [";"] and GROUPED.fullmatch(cell)]:
        found = f"a decimal point or a thousands separator, which is unclear: {', '.join(ambiguous)}"
        raise wrong(found, "write a decimal comma, and no thousands separator")
    comma_is_decimal = DECIMAL_COMMA if separators == [";"] else UNGROUPED_COMMA
    pairs = [(name, cell.replace(",", ".") if comma_is_decimal.fullmatch(cell) else cell) for name, cell in pairs]
    try:
        return _each_once(pairs)
    except ValueError as error:
        raise wrong(str(error)) from None


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name that occurs twice: " + ", ".join(name for name, _ in pairs))
    return values


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool) else None
