"""What a run knows of single persons, looked for in all that may be shown: text, tables, embedded data, pictures."""

import base64
import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image

NUMBER = re.compile(r"(?<![\w.])-?\d+\.?\d*(?:e[-+]?\d+)?(?![\w.]*\d)")
PICTURES = (".png", ".jpg", ".jpeg")
DIGITS = 5
"""Significant digits from which a number tells whose it is: metrics are rounded to 4 decimals, so shares never do."""
CROWD = 5
"""A value that as many subjects share tells nobody's."""
PERSON = ("subject_id", "recording_id")
EMBEDDED = re.compile(rb"data:image/(?:png|jpeg);base64,([A-Za-z0-9+/=]+)")


def rows_of_people(data: Path) -> Iterator[tuple[Path, list[dict[str, str]]]]:
    """Every table of a run's data folder that has a row per subject or recording."""
    for path in sorted(data.rglob("*.csv")):
        if path.is_relative_to(data / "raw") or path.is_relative_to(data / "external/raw"):
            continue
        with path.open(newline="", encoding="utf-8") as table:
            rows = list(csv.DictReader(table))
        if rows and any(name in rows[0] for name in PERSON):
            yield path.relative_to(data), rows


def digits(number: str) -> int:
    """Significant digits of a number as written."""
    mantissa = number.lower().split("e")[0]
    return len(re.sub(r"[-.]", "", mantissa).lstrip("0"))


class People:
    """What the tables of a run say of single persons: their names, and numbers that tell whose they are."""

    def __init__(self, data: Path) -> None:
        self.names: dict[str, str] = {}
        self.numbers: dict[float, str] = {}
        self.columns: dict[str, list[float]] = {}
        for path, rows in rows_of_people(data):
            for column in rows[0]:
                self._learn(f"{path}: {column}", rows, column)

    def _learn(self, where: str, rows: list[dict[str, str]], column: str) -> None:
        whose = defaultdict(set)
        person = next(name for name in PERSON if name in rows[0])
        for row in rows:
            whose[row[column]].add(row[person])
        told = {value for value, people in whose.items() if value and len(people) < CROWD}
        numbers = {value for value in told if NUMBER.fullmatch(value)}
        if column in (*PERSON, "path", "sha256"):
            names = {Path(value).name for value in told} | told
            self.names |= {name: where for name in names if len(name) >= DIGITS}
        elif numbers:
            self.numbers |= {float(value): where for value in numbers if digits(value) >= DIGITS}
            self.columns[where] = [float(row[column]) for row in rows if NUMBER.fullmatch(row[column])]

    def named_in(self, text: str) -> dict[str, str]:
        """Names of persons and recordings that stand in a text, and the tables they are from."""
        words = set(re.findall(r"[\w.-]+", text)) | set(re.findall(r"\w+", text))
        return {name: self.names[name] for name in words & self.names.keys()}

    def numbers_in(self, text: str) -> dict[str, str]:
        """Numbers of at least DIGITS digits that are a person's, rounded as they stand in the text."""
        written = {number for number in NUMBER.findall(text) if digits(number) >= DIGITS}
        by_decimals = defaultdict(set)
        for number in written:
            by_decimals[_decimals(number)].add(number)
        found = {}
        for decimals, numbers in by_decimals.items():
            rounded = {f"{value:.{decimals}f}": where for value, where in self.numbers.items()}
            found |= {
                number: rounded[key] for number in numbers if (key := f"{float(number):.{decimals}f}") in rounded
                and digits(key) >= DIGITS
            }  # fmt: skip
        return found

    def column_in(self, values: list[float], share: float = 0.8) -> str | None:
        """The column of a table of persons that most of `values` are from, compared at 4 decimals; else None.

        What chance would match as often is none: columns with few different values are passed over.
        """
        asked = {round(value, 4) for value in values}
        if len(asked) < CROWD:
            return None
        for where, known in self.columns.items():
            held = {round(value, 4) for value in known}
            if len(held) <= 1000 and len(asked & held) >= share * len(asked) and not _grid(asked):
                return where
        return None


def _decimals(number: str) -> int:
    mantissa, _, exponent = number.lower().partition("e")
    return max(0, len(mantissa.partition(".")[2]) - int(exponent or 0))


def _grid(values: Iterable[float]) -> bool:
    """Whole numbers, or shares of some: counts and steps, not measurements."""
    return all(float(value * 2).is_integer() for value in values)


def columns_of(name: str, text: str) -> Iterator[tuple[str, list[float]]]:
    """Every list of numbers of a CSV, a TSV or a JSON file, with its place."""
    if name.endswith((".csv", ".tsv")):
        rows = list(csv.DictReader(io.StringIO(text), delimiter="\t" if name.endswith(".tsv") else ","))
        for column in rows[0] if rows else ():
            yield column, [float(row[column]) for row in rows if NUMBER.fullmatch(row[column] or "")]
    elif name.endswith(".json"):
        yield from _lists(json.loads(text), "")


def _lists(content: object, place: str) -> Iterator[tuple[str, list[float]]]:
    if isinstance(content, dict):
        yield place, [float(value) for value in content.values() if isinstance(value, int | float)]
        for key, value in content.items():
            yield from _lists(value, f"{place}.{key}")
    elif isinstance(content, list):
        yield place, [float(value) for value in content if isinstance(value, int | float)]
        for value in content:
            yield from _lists(value, place)


def pictures_of(name: str, content: bytes) -> Iterator[Image.Image]:
    """The picture that a file is, or those that a page embeds."""
    if name.lower().endswith(PICTURES):
        yield Image.open(io.BytesIO(content))
    else:
        yield from (Image.open(io.BytesIO(base64.b64decode(found))) for found in EMBEDDED.findall(content))


def told_by(people: People, root: Path, names: Iterable[str]) -> list[str]:
    """What files below `root` tell of single persons: one line each, empty where they tell nothing."""
    told = []
    for name in names:
        content = (root / name).read_bytes()
        for picture in pictures_of(name, content):
            about = " ".join(f"{key}={value}" for key, value in picture.info.items())
            told += [f"{name}: a picture's metadata: {found}" for found in people.named_in(about)]
            told += [
                f"{name}: a picture's metadata: {key}" for key in picture.info if key.lower() in ("comment", "exif")
            ]
        if name.lower().endswith(PICTURES):
            continue
        text = EMBEDDED.sub(b"", content).decode("utf-8")
        told += [f"{name}: {found} ({where})" for found, where in people.named_in(text).items()]
        told += [f"{name}: {found} ({where})" for found, where in people.numbers_in(text).items()]
        for column, values in columns_of(name, text):
            if where := people.column_in(values):
                told.append(f"{name}: {column} holds {where}")
    return told
