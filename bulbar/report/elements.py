"""What a page is made of: sections of prose, tables and figures, in which every number knows where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

NOT_DEFINED = "–"


@dataclass(frozen=True)
class Number:
    """A value as the page shows it, and where it stands.

    text: as shown. value: what a table sorts by; None where it is not defined. file: relative to the project. key: in
    that file, such as `subject_wise.selected.audio_auc`, or a row and a column.
    """

    text: str
    value: float | None
    file: str
    key: str

    @property
    def link(self) -> str:
        """Where it stands, as seen from report/, the key behind `#`."""
        return f"../{quote(self.file)}#{quote(self.key)}"


@dataclass(frozen=True)
class Verdict:
    """A finding's verdict: a word, coloured by what it says. kind: bad | doubtful | good | neutral."""

    word: str
    kind: str
    file: str
    key: str

    link = Number.link


Part = str | Number | Verdict
Prose = Sequence[Part]
"""A sentence in parts; in a string, `this` is set as code."""

Cell = Part | Sequence[Part]
"""Several parts stand one after the other; the first is what the table sorts by."""


@dataclass(frozen=True)
class Table:
    """A table that sorts. The first cell of a row names it; `foot` rows (averages, baselines) stay where they are."""

    name: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    foot: Sequence[Sequence[Cell]] = ()
    folded: bool = False


@dataclass(frozen=True)
class Figure:
    """A picture. file: relative to the project, a PNG. alt: what it shows, with a number. data: the file behind it.

    wide: whether it takes the whole width of the page.
    """

    file: str
    title: str
    alt: str
    data: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it: prose, tables, figures, and sections one level further down."""

    name: str
    title: str
    parts: "Sequence[Prose | Table | Figure | Section]" = field(default_factory=list)
