"""The sections of the page, in its order. A new one is a function of the results, and a line here."""

from collections.abc import Callable

from bulbar.report import audited, curves, explained, outside, paper, run, verdict, worth
from bulbar.report.elements import Section
from bulbar.report.results import Results

SECTIONS: tuple[Callable[[Results], Section], ...] = (
    verdict.section,
    run.section,
    paper.section,
    audited.section,
    worth.uncertainty,
    worth.section,
    worth.groups,
    curves.section,
    explained.section,
    outside.section,
)
