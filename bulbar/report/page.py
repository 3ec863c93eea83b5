"""The HTML page and the Markdown summary of a run."""

import base64
import hashlib
from importlib import resources
from typing import Any

from markupsafe import Markup

from bulbar.core.names import PROTOCOLS
from bulbar.report import results as values
from bulbar.report import run
from bulbar.report.rendering import environment
from bulbar.report.results import Results, Value
from bulbar.report.study import Study


def html(study: Study, results: Results) -> str:
    """Render the page of a run.

    Parameters
    ----------
    study : Study
        What the page holds.
    results : Results
        The run's files.

    Returns
    -------
    str
        One HTML file that loads nothing. Its links lead only to the files that its numbers come from.
    """
    style, behaviour = map(_as_it_is, ("style.css", "behaviour.js"))
    return _render(
        "page.html",
        study,
        results,
        html=True,
        style=style,
        style_digest=_digest(style),
        behaviour=behaviour,
        behaviour_digest=_digest(behaviour),
    )


def markdown(study: Study, results: Results) -> str:
    """Render the summary of a run for a pull request: at most 60 lines of Markdown.

    Parameters
    ----------
    study : Study
        What the summary holds.
    results : Results
        The run's files.

    Returns
    -------
    str
        Markdown. Its links are relative to the folder of the report.
    """
    return _render(f"{study.name}/summary.md", study, results, html=False)


def _render(template: str, study: Study, results: Results, *, html: bool, **more: Any) -> str:
    """Render a template with the globals of all templates: the run's files, and values collected from several rows."""
    found = environment(html=html)
    found.globals |= {name: getattr(results, name) for name in ("json", "read", "value", "estimate", "score")}
    found.globals |= {name: getattr(values, name) for name in ("percent", "two", "three", "four", "whole", "points")}
    found.globals |= {
        "study": study,
        "results": results,
        "link": lambda text, file, key="": Value(str(text), None, file, key),
        "shown": values.shown,
        "interval": values.interval,
        "with_interval": values.with_interval,
        "protocols": PROTOCOLS,
        "cohort": run.cohort_in_words(results),
        "level": results.value("params.yaml", "bootstrap", "level", form=lambda level: f"{100 * level:g} %"),
        "params_digest": run.digest_of(results.params),
        "params": sorted(run.flat(run.that_shape_results(results.params))),
    }
    found.globals |= study.values(results)
    return found.get_template(template).render(more)


def _as_it_is(name: str) -> Markup:
    """The content of a file in the folder of templates."""
    text = (resources.files("bulbar.report") / "templates" / name).read_text(encoding="utf-8")
    return Markup(text)  # nosec B704 # contains nothing from a run


def _digest(text: str) -> str:
    """The digest with which a content security policy allows a script or a style."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
