"""What the report of a study consists of: the ALS study and the gender study differ in this alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bulbar.report.results import Results


class Section(NamedTuple):
    """A folded section: its title, and one sentence that says what it shows."""

    title: str
    shows: str


@dataclass(frozen=True)
class Study:
    """The report of one study.

    Attributes
    ----------
    name : str
        Folder of its templates in templates/: run_line.html, synthetic.html, verdict.html, one for each section, and
        summary.md.
    title : str
        Heading of the page.
    sections : mapping of str to Section
        Name -> section, in order. The name is the template's and that of links to the section.
    values : callable
        Of the run's files: the names that the study's templates use beside those of all studies, among them
        overview_title and overview_text, of the picture on the first screen.
    others : mapping of str to str
        Files that the page names without showing them -> what they hold.
    """

    name: str
    title: str
    sections: Mapping[str, Section]
    values: Callable[[Results], Mapping[str, Any]]
    others: Mapping[str, str] = field(default_factory=dict)
