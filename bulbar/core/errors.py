"""Errors of the user's input: all problems are listed at once, each with what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Problem:
    """One problem of the input: where it is, what was expected, what was found, what to do."""

    where: str
    expected: str
    found: str
    remedy: str

    def __str__(self) -> str:
        where, expected, found = map(printable, (self.where, self.expected, self.found))
        return f"{where}\n    expected: {expected}\n    found:    {found}\n    to do:    {self.remedy}"


def printable(text: str) -> str:
    """A text on one line that cannot control a terminal: line breaks, escapes and invalid bytes are written out."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


class BadInput(ValueError):
    """All problems of an input. Stages print them without a traceback and exit with code 1."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def one(cls, where: str, expected: str, found: str, remedy: str) -> Self:
        """An error with a single problem."""
        return cls([Problem(where, expected, found, remedy)])

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the problems, not their text, because errors of workers reach the caller pickled."""
        return type(self), (self.problems,)


class CannotGoOn(BadInput):
    """A problem of the machine, not of the input: a full disk, or workers that die. No partial output is left."""


class SilentRecording(ValueError):
    """Every sample of a recording is zero, so there is no peak to compare with."""
