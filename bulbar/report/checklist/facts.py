"""A run's facts by name, and which of their files an answer has looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bulbar.cohort import folds


class NotRun(LookupError):
    """A fact is asked for whose file is not there."""


@dataclass(frozen=True)
class Fact:
    """Something that a run left behind: its content, and the file that it stands in, relative to the project."""

    file: str
    content: Any


class Facts:
    """A run's facts by name, such as `ingest` or `selection/subject_wise`. `read`: the files that were looked at."""

    def __init__(self, found: Mapping[str, Fact]) -> None:
        self._found = found
        self.read: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def __getitem__(self, name: str) -> Any:
        """A fact's content. Raises NotRun where there is none."""
        if name not in self._found:
            raise NotRun(name)
        self.cite(self._found[name].file)
        return self._found[name].content

    def cite(self, *files: str) -> None:
        """Name files that an answer rests on."""
        self.read += [file for file in files if file not in self.read]

    def need(self, name: str) -> None:
        """Name the files of a fact that an answer rests on without quoting it. Raises NotRun where there is none."""
        if name in self:
            self.cite(self._found[name].file)
        else:
            self.of_protocols(name)

    def protocols(self, name: str) -> list[folds.Protocol]:
        """The protocols that have a fact, what counts (split by subject) last. Raises NotRun where none has."""
        there: list[folds.Protocol] = [protocol for protocol in folds.PROTOCOLS if f"{name}/{protocol}" in self]
        if not there:
            raise NotRun(name)
        return there

    def of_protocols(self, name: str) -> list[tuple[folds.Protocol, Any]]:
        """A fact under each protocol that has it. Raises NotRun where none has."""
        return [(protocol, self[f"{name}/{protocol}"]) for protocol in self.protocols(name)]

    @property
    def synthetic(self) -> bool:
        """Whether the voices are synthetic."""
        return bool(self["ingest"]["synthetic"])
