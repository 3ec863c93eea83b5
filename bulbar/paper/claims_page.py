"""The judged claims of the paper, as metrics and as a Markdown table."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from bulbar.core.markdown import markdown_table, with_interval
from bulbar.paper.claims import JudgedClaim


def metrics(found: Sequence[JudgedClaim]) -> dict[str, dict[str, Any]]:
    """Claims as nested dicts for metrics/audit.json: claim -> source -> verdict and value."""
    return {
        claim.name: {
            "quote": claim.quote,
            "section": claim.section,
            "paper_digits": claim.digits,
            **{
                result.source: {name: value for name, value in asdict(result).items() if name != "source"}
                for result in results
            },
        }
        for claim, results in found
    }


def markdown(found: Sequence[JudgedClaim]) -> str:
    """The table of claims, followed by an explanation of the verdicts."""
    rows = [
        {
            "claim": f"“{claim.quote}” ({claim.section})" if result is results[0] else "",
            "paper's digits": claim.digits if result is results[0] else "",
            "by": result.source,
            "verdict": f"**{result.verdict}**" if result.verdict != "not testable" else result.verdict,
            "figure": result.figure,
            "points (95 % interval)": with_interval(
                100 * result.value, 100 * result.low, 100 * result.high, "{:.1f}".format
            ),
            "what explains it": result.because,
        }
        for claim, results in found
        for result in results
    ]
    return (
        f"{markdown_table(pd.DataFrame(rows))}\n"
        "How the verdicts are reached: an ordering is judged by its paired difference, a level by its interval. "
        "Intervals are bootstrap intervals over subjects, widened if several differences must hold together. If an "
        "interval is compatible with both outcomes, the claim is not testable. The paper's own digits are compared "
        "without intervals.\n"
    )
