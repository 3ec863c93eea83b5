"""What a run knows of single persons, looked for in all that may be shown: text, tables, embedded data, pictures.

Three checks. Does a name stand there: of a subject, a recording, a file, its hash? Does a number of a person stand
there, of so many digits that chance would not write it? Is a column of a table or a list in a JSON file one of a table
with a row per person? Scores between 0 and 1 get the third check alone: training curves are as dense as they are, and
meet a person's score to six digits by chance.
"""

import base64
import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

from PIL import Image

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])")
PICTURES = (".png", ".jpg", ".jpeg")
EMBEDDED = re.compile(rb"data:image/(?:png|jpeg);base64,([A-Za-z0-9+/=]+)")
PERSON = ("subject_id", "recording_id")
DIGITS = 5
"""Significant digits from which a number identifies a person. Metrics have 4 decimals: shares never do."""
DIGITS_OF_MEASURES = 7
"""The same for what is measured of recordings: there are thousands of values, so six digits meet one by chance."""

CROWD = 5
"""A value that as many people share identifies none of them."""
TECHNICAL = ("fold", "channels", "row", "sample_rate_hz", "segment")
"""Columns with a row per person that hold nothing personal: numbers of folds, formats of files."""
MEASURES = ("acoustic/features.csv", "timbre/features.csv", "audio/recordings.csv")
SCORES = ("probability", "lowest", "highest", "score")
MOST = 2000
"""A column with more different values at 4 decimals holds nearly any number."""


class People:
    """What the tables of a run's data folder hold of single persons: names, numbers, columns."""

    def __init__(self, data: Path) -> None:
        self.names: dict[str, str] = {}
        self.numbers: dict[float, str] = {}
        self.measured: dict[float, str] = {}
        self.columns: dict[str, frozenset[float]] = {}
        for path, rows in _tables_of_people(data):
            for column in rows[0]:
                if column not in TECHNICAL:
                    self._learn(f"{path}: {column}", rows, column)
        self.rounded = cache(self._rounded)

    def _learn(self, where: str, rows: Sequence[dict[str, str]], column: str) -> None:
        person = next(name for name in PERSON if name in rows[0])
        whose = defaultdict(set)
        for row in rows:
            whose[row[column]].add(row[person])
        personal = {value for value, people in whose.items() if value and len(people) < CROWD}
        if column in (*PERSON, "path", "file", "sha256"):
            names = personal | {Path(value).name for value in personal}
            self.names |= {name: where for name in names if len(name) >= DIGITS and not NUMBER.fullmatch(name)}
            return
        numbers = {float(value) for value in personal if NUMBER.fullmatch(value)}
        rounded = frozenset(round(value, 4) for value in numbers)
        if CROWD <= len(rounded) <= MOST and not _simple(numbers):
            self.columns[where] = rounded
        if column not in SCORES:
            measured = where.startswith(MEASURES)
            found = {value: where for value in numbers if not _simple([value])}
            (self.measured if measured else self.numbers).update(found)

    def _rounded(self, decimals: int) -> dict[str, str]:
        return {f"{value:.{decimals}f}": where for value, where in (self.measured | self.numbers).items()}

    def named_in(self, text: str) -> dict[str, str]:
        """Name of a person, recording or file that stands in a text -> the table it is from."""
        words = {*re.findall(r"[\w.-]+", text), *re.findall(r"\w+", text), *re.findall(r"[\w./-]+", text)}
        return {name: self.names[name] for name in words & self.names.keys()}

    def numbers_in(self, text: str) -> dict[str, str]:
        """Number of at least DIGITS digits that is a person's, rounded as it stands in the text -> its table."""
        found = {}
        for number in {number for number in NUMBER.findall(text) if _digits(number) >= DIGITS}:
            decimals = _decimals(number)
            where = self.rounded(decimals).get(f"{float(number):.{decimals}f}")
            if where and (_digits(number) >= DIGITS_OF_MEASURES or not where.startswith(MEASURES)):
                found[number] = where
        return found

    def column_in(self, values: Iterable[float], share: float = 0.8) -> str | None:
        """The column of a table of people that most of `values` are from, compared at 4 decimals; else None."""
        found = {round(value, 4) for value in values}
        if len(found) < CROWD or _simple(found, denominator=60, tolerance=5.1e-5):
            return None
        return next((where for where, known in self.columns.items() if len(found & known) >= share * len(found)), None)


def _tables_of_people(data: Path) -> Iterator[tuple[Path, list[dict[str, str]]]]:
    for path in sorted(data.rglob("*.csv")):
        with path.open(newline="", encoding="utf-8") as table:
            rows = [] if "raw" in path.relative_to(data).parts else list(csv.DictReader(table))
        if rows and any(name in rows[0] for name in PERSON):
            yield path.relative_to(data), rows


def _digits(number: str) -> int:
    return len(re.sub(r"[-.]", "", number.partition("e")[0]).lstrip("0"))


def _decimals(number: str) -> int:
    mantissa, _, exponent = number.partition("e")
    return max(0, len(mantissa.partition(".")[2]) - int(exponent or 0))


def _simple(values: Iterable[float], denominator: int = 200, tolerance: float = 1e-6) -> bool:
    """Whether all are fractions of small whole numbers: counts, scores of scales and their shares, which many have.

    At 4 decimals the tolerance is half a step, and the denominator small enough that few numbers are fractions.
    """
    return all(abs(Fraction(value).limit_denominator(denominator) - Fraction(value)) < tolerance for value in values)


def _columns_of(name: str, text: str) -> Iterator[tuple[str, list[float]]]:
    if name.endswith((".csv", ".tsv")):
        rows = list(csv.DictReader(io.StringIO(text), delimiter="\t" if name.endswith(".tsv") else ","))
        for column in rows[0] if rows else ():
            yield column, [float(row[column]) for row in rows if NUMBER.fullmatch(row[column] or "")]
    elif name.endswith(".json"):
        yield from _lists(json.loads(text), "")


def _lists(content: object, place: str) -> Iterator[tuple[str, list[float]]]:
    if isinstance(content, dict):
        inner = [(f"{place}.{key}", value) for key, value in content.items()]
    elif isinstance(content, list):
        inner = [(place, value) for value in content]
    else:
        return
    yield place, [float(value) for _, value in inner if isinstance(value, int | float)]
    for where, value in inner:
        yield from _lists(value, where)


def _pictures_of(name: str, content: bytes) -> Iterator[Image.Image]:
    if name.lower().endswith(PICTURES):
        yield Image.open(io.BytesIO(content))
    else:
        yield from (Image.open(io.BytesIO(base64.b64decode(found))) for found in EMBEDDED.findall(content))


def disclosed_by(people: People, root: Path, names: Iterable[str]) -> list[str]:
    """What files below `root` disclose of single persons, a line each: nothing, where all is well."""
    disclosed = []
    for name in names:
        content = (root / name).read_bytes()
        for picture in _pictures_of(name, content):
            disclosed += [f"{name}: written in a picture: {key}" for key in picture.info.keys() - {"dpi", "Software"}]
        if name.lower().endswith(PICTURES):
            continue
        text = EMBEDDED.sub(b"", content).decode("utf-8")
        found = people.named_in(text) | people.numbers_in(text)
        disclosed += [f"{name}: {one} is from {where}" for one, where in found.items()]
        for column, values in _columns_of(name, text):
            if where := people.column_in(values):
                disclosed.append(f"{name}: {column} is {where}")
    return disclosed
