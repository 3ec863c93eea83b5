"""The HTML page and the Markdown summary of a run."""

import base64
import hashlib
from functools import partial
from importlib import resources
from typing import Any

import pandas as pd
from markupsafe import Markup

from bulbar.appraisal import alternative_texts as appraisal_texts
from bulbar.audit import alternative_texts as audit_texts
from bulbar.core.names import PROTOCOLS
from bulbar.explain import alternative_texts as explain_texts
from bulbar.paper import alternative_texts as paper_texts
from bulbar.report import audit, paper, run
from bulbar.report import results as values
from bulbar.report.rendering import environment
from bulbar.report.results import Results, Value
from bulbar.voice import alternative_texts as voice_texts

SECTIONS = {
    "verdict": "Verdict",
    "run": "What was run",
    "paper": "The paper’s tables and figures, compared with ours",
    "audit": "Audit: how much of the score is real",
    "voice": "The voice model",
    "uncertainty": "Uncertainty",
    "appraisal": "Baselines, comparisons, calibration, thresholds",
    "groups": "Subgroups",
    "curves": "Curves",
    "explanations": "Explanations",
    "external": "External validation",
}
"""Name -> title of each section, in order. For a new section, add a template in templates/sections/ and a line here."""

EXPLAINED, PERMUTED = "metrics/explain.json", "plots/explain/permutation.csv"


def html(results: Results) -> str:
    """Render the page of a run.

    Parameters
    ----------
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
        results,
        html=True,
        sections=SECTIONS,
        style=style,
        style_digest=_digest(style),
        behaviour=behaviour,
        behaviour_digest=_digest(behaviour),
    )


def markdown(results: Results) -> str:
    """Render the summary of a run for a pull request: at most 60 lines of Markdown.

    Parameters
    ----------
    results : Results
        The run's files.

    Returns
    -------
    str
        Markdown.
    """
    return _render("summary.md", results, html=False)


def _render(template: str, results: Results, *, html: bool, **more: Any) -> str:
    """Render a template with the globals of all templates: the run's files, and values collected from several rows."""
    found = environment(html=html)
    found.globals |= {name: getattr(results, name) for name in ("json", "read", "value", "estimate", "score")}
    found.globals |= {name: getattr(values, name) for name in ("percent", "two", "three", "four", "whole", "points")}
    found.globals |= {
        "results": results,
        "link": lambda text, file, key="": Value(str(text), None, file, key),
        "shown": values.shown,
        "interval": values.interval,
        "with_interval": values.with_interval,
        "verdict": partial(audit.verdict, results),
        "alternative": {
            "appraisal": appraisal_texts,
            "audit": audit_texts,
            "explain": explain_texts,
            "paper": paper_texts,
            "voice": voice_texts,
        },
        "protocols": PROTOCOLS,
        "cohort": run.cohort_in_words(results),
        "level": results.value("params.yaml", "bootstrap", "level", form=lambda level: f"{100 * level:g} %"),
        "selected_cell": partial(run.selected_cell, results),
        "params_digest": run.digest_of(results.params),
        "params": sorted(run.flat(run.that_shape_results(results.params))),
        "paper_accuracy": partial(paper.accuracy, results),
        "table_4": partial(paper.table_4, results),
        "table_5": partial(paper.table_5, results),
        "against_chance": audit.against_chance,
        "findings": audit.findings(results),
        "claims": audit.claims(results),
        "claims_counted": audit.claims_counted(results),
        "methods": explain_texts.METHODS,
        "lost": partial(lost, results),
        "cost_of": partial(cost_of, results),
        "external_scores": partial(external_scores, results),
    }
    return found.get_template(template).render(more)


def lost(results: Results, model: str, by: str) -> Value:
    """The AUC that a model loses if all clinical columns are shuffled, with its interval."""
    table = results.read(PERMUTED) if PERMUTED in results else pd.DataFrame(columns=["model", "group"])
    rows = table[(table["model"] == model) & (table["group"] == "All columns")].to_dict("records")
    value, low, high = (rows[0].get(f"{by}{end}") if rows else None for end in ("", "_low", "_high"))
    return values.with_interval(value, low, high, PERMUTED, f"{model}, All columns: {by}")


def cost_of(results: Results, part: str) -> Value:
    """The loss of AUC if the most important band or stretch of time is hidden, with its interval."""
    value, low, high = (results.json(EXPLAINED, part, f"auc_drop{end}") for end in ("", "_low", "_high"))
    return values.with_interval(value, low, high, EXPLAINED, f"{part}.auc_drop", values.three)


def external_scores(results: Results) -> list[tuple[str, str, str, str, dict[str, Any]]]:
    """Scores per subject within each cohort and on the other: trained on, tested on, band, model, score -> its row."""
    table = results.read("plots/external/scores.csv")
    table = table[table["unit"] == "per_subject"]
    return [
        (*keys, rows.set_index("score").to_dict("index"))
        for keys, rows in table.groupby(["trained_on", "tested_on", "band", "model"], sort=False)
    ]


def _as_it_is(name: str) -> Markup:
    """The content of a file in the folder of templates."""
    text = (resources.files("bulbar.report") / "templates" / name).read_text(encoding="utf-8")
    return Markup(text)  # nosec B704 # contains nothing from a run


def _digest(text: str) -> str:
    """The digest with which a content security policy allows a script or a style."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
