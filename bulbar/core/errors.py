"""What is wrong with what a user gave us: every fault at once, each with what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Problem:
    """One fault of the input: where it is, what was expected, what was found, what to do."""

    where: str
    expected: str
    found: str
    remedy: str

    def __str__(self) -> str:
        where, expected, found = map(printable, (self.where, self.expected, self.found))
        return f"{where}\n    expected: {expected}\n    found:    {found}\n    to do:    {self.remedy}"


def printable(text: str) -> str:
    """A text on one line that steers no terminal: line breaks, escapes and bytes of no encoding are written out."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


class BadInput(ValueError):
    """Carries all that is wrong with an input; stages print it without a traceback and exit with 1."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def one(cls, where: str, expected: str, found: str, remedy: str) -> Self:
        """With a single problem."""
        return cls([Problem(where, expected, found, remedy)])

    def __reduce__(self) -> tuple[Any, ...]:
        """A worker's error reaches the caller pickled: as its problems, not as their text."""
        return type(self), (self.problems,)


class CannotGoOn(BadInput):
    """The input may be right, but the machine is not: its disk is full, its workers die. Nothing half done is left."""


class SilentRecording(ValueError):
    """Nothing in a recording is louder than nothing: it has no peak to compare with."""
