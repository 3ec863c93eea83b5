"""The audit as a Markdown page and as metrics."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bulbar.audit.finding import Finding
from bulbar.core.markdown import markdown_table, with_interval

THREE_DIGITS = "{:.3f}".format

MEANING = {
    "leak": "a model can reach the score from this alone, and it is not a sign of the disease",
    "suspect": "check this before you quote the score; of the findings with a p, one in twenty is suspect by chance",
    "clear": "no problem found",
    "sign": "predicts the label, and may be an effect of the disease",
    "confounder": "predicts the label, and is neither voice nor disease",
    "not testable": "too few people to test it",
}
"""What each verdict means, the most serious first."""


def by_gravity(findings: Sequence[Finding]) -> list[Finding]:
    """Sort the findings: probes in their order, and within a probe the most serious verdict first."""
    probes = list(dict.fromkeys(finding.probe for finding in findings))
    gravity = list(MEANING)
    return sorted(findings, key=lambda finding: (probes.index(finding.probe), gravity.index(finding.verdict)))


def metrics(findings: Sequence[Finding]) -> dict[str, dict[str, Any]]:
    """Findings as nested dicts: probe -> what it examined -> finding. `dvc metrics diff` pairs these keys."""
    nested: dict[str, dict[str, Any]] = {}
    for finding in findings:
        fields = ("verdict", "figure", "value", "low", "high", "p", "sentence", "details")
        nested.setdefault(finding.probe, {})[finding.of] = {name: getattr(finding, name) for name in fields}
    return nested


def counted(findings: Sequence[Finding]) -> str:
    """The number of findings per verdict, such as `2 leak, 9 clear`."""
    counts = {verdict: sum(finding.verdict == verdict for finding in findings) for verdict in MEANING}
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def table(findings: Sequence[Finding]) -> pd.DataFrame:
    """The audit table, one row per finding."""
    rows = [
        {
            "probe": finding.probe.replace("_", " "),
            "of": finding.of,
            "verdict": f"**{finding.verdict}**" if finding.verdict != "clear" else finding.verdict,
            "figure": finding.figure,
            "value (95 % interval)": with_interval(
                finding.value, finding.low, finding.high, str if isinstance(finding.value, int) else THREE_DIGITS
            ),
            "p": with_interval(finding.p, None, None, THREE_DIGITS),
            "what was found": finding.sentence,
        }
        for finding in by_gravity(findings)
    ]
    return pd.DataFrame(rows)


def markdown(run: Sequence[Finding], paper: Sequence[Finding]) -> str:
    """The audit tables of the run and of the paper's own digits, with a legend of the verdicts."""
    legend = "\n".join(f"- **{verdict}**: {meaning}." for verdict, meaning in MEANING.items())
    return (
        f"## This run\n\n{counted(run)}.\n\n{markdown_table(table(run))}\n"
        f"## The paper's own tables\n\n{counted(paper)}.\n\n{markdown_table(table(paper))}\n{legend}\n"
    )
