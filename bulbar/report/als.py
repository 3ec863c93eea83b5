"""The report of the ALS study: its sections, and the values that its templates show."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from bulbar.appraisal import alternative_texts as appraisal_texts
from bulbar.audit import alternative_texts as audit_texts
from bulbar.explain import alternative_texts as explain_texts
from bulbar.paper import alternative_texts as paper_texts
from bulbar.report import audit, paper, run
from bulbar.report import results as values
from bulbar.report.results import Results, Value
from bulbar.report.study import Section, Study
from bulbar.voice import alternative_texts as voice_texts

SECTIONS = {
    "run": Section(
        "What was run",
        "The cohort, the two protocols and the cells that they selected; params, versions and files of the run.",
    ),
    "paper": Section(
        "The paper’s tables and figures, compared with ours",
        "Tables 4 and 5 and Figures 10 to 14, split by recording as in the paper and split by subject.",
    ),
    "audit": Section(
        "Audit: how much of the score is real",
        "What predicts the label without any sign of the disease, and which of the paper’s claims hold.",
    ),
    "voice": Section(
        "The voice model",
        "What a linear model of classic voice measures scores, what it uses, and what missing tasks cost.",
    ),
    "uncertainty": Section(
        "Uncertainty",
        "How much the scores change with other subjects, other splits and other random starts.",
    ),
    "appraisal": Section(
        "Baselines, comparisons, calibration, thresholds",
        "Whether the models beat simple baselines, whether their probabilities are right, and what a threshold costs.",
    ),
    "groups": Section(
        "Subgroups",
        "Scores per subject by sex, age and severity, and patients whose speech is rated normal.",
    ),
    "curves": Section("Curves", "Learning curves of the networks; ROC and precision–recall curves of all models."),
    "explanations": Section(
        "Explanations", "Which frequencies, moments and clinical columns the networks use, and which maps can be read."
    ),
    "external": Section(
        "External validation", "What models score that were trained on one cohort and tested on the other."
    ),
}

OTHERS = {
    "metrics/audit.md": "the audit as Markdown",
    "metrics/checklist.md": "REFORMS and TRIPOD+AI, answered from the run",
    "report/model_card.md": "the deployed models and their intended use",
}

HEADLINE = {
    "voice": "voice model",
    "audio": "network, selected cell",
    "clinical_common": "clinical",
    "fused_common": "network and clinical",
}
"""Models of the small table on the first screen, in words. They see the clinical columns that both groups have."""

EXPLAINED, PERMUTED = "metrics/explain.json", "plots/explain/permutation.csv"


def study_values(results: Results) -> Mapping[str, Any]:
    """The names that the templates of the ALS study use."""
    overview = "plots/overview/overview.csv"
    return {
        "overview_title": "What each model scores, and what the split adds",
        "overview_text": appraisal_texts.overview(results.read(overview)),
        "headline": HEADLINE,
        "verdict": partial(audit.verdict, results),
        "alternative": {
            "appraisal": appraisal_texts,
            "audit": audit_texts,
            "explain": explain_texts,
            "paper": paper_texts,
            "voice": voice_texts,
        },
        "selected_cell": partial(run.selected_cell, results),
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


STUDY = Study("als", "bulbar: ALS from the voice", SECTIONS, study_values, OTHERS)
