"""The paper's claims, one by one: what its own tables say of them, and what our runs do.

`bulbar.paper.claim` has the rules of the verdicts.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bulbar.audit import collapse
from bulbar.core.markdown import markdown_table
from bulbar.paper import claims_of_fusion, claims_of_sweep, table_4_digits
from bulbar.paper.claim import Answer, Claim, Evidence, Run

__all__ = ["Answer", "Claim", "Run", "claims", "markdown", "metrics"]


def claims(
    table_4: pd.DataFrame,
    table_5: pd.DataFrame,
    runs: Sequence[Run],
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> list[Claim]:
    """Every claim of the paper that its own tables or our runs can test, in the order of the paper.

    table_4: code, dropout_0.5 and so on; table_5: modality, accuracy; both of reference/, in percent. runs: ours, one
    per protocol. draws, level, seed: as for `intervals.intervals`.
    """
    accuracy = table_5.set_index("modality")["accuracy"]
    evidence = Evidence(
        printed=table_4_digits.accuracies_of(table_4),
        audio=float(accuracy["audio"]),
        fused=float(accuracy["audio+clinical"]),
        runs=runs,
        measured={run.protocol: collapse.accuracies(run.predictions, draws=draws, seed=seed) for run in runs},
        draws=draws,
        level=level,
        seed=seed,
    )
    every: list[Callable[[Evidence], Claim]] = [
        claims_of_sweep.averaged_over_folds,
        claims_of_sweep.s1b_consistently_highest,
        claims_of_sweep.deeper_never_surpass,
        claims_of_sweep.dropout_lowers,
        claims_of_sweep.average_pooling_is_better,
        claims_of_sweep.max_pooling_is_better,
        claims_of_sweep.pooling_matters_less_than_depth,
        claims_of_sweep.s1_best_on_average,
        claims_of_sweep.deeper_is_lower,
        claims_of_fusion.voice_alone,
        claims_of_fusion.fused_perfect,
        claims_of_fusion.fused_beats_voice,
        lambda of: claims_of_fusion.synergy(of, "all"),
        lambda of: claims_of_fusion.synergy(of, "common"),
        claims_of_fusion.no_overfitting,
    ]
    return [claim(evidence) for claim in every]


def metrics(found: Sequence[Claim]) -> dict[str, dict[str, Any]]:
    """Claim -> source -> what it says, for metrics/audit.json."""
    return {
        claim.name: {
            "quote": claim.quote,
            "section": claim.section,
            "paper_digits": claim.digits,
            **{
                answer.of: {
                    "verdict": answer.verdict,
                    "figure": answer.figure,
                    "value": answer.value,
                    "low": answer.low,
                    "high": answer.high,
                    "because": answer.because,
                }
                for answer in claim.answers
            },
        }
        for claim in found
    }


def markdown(found: Sequence[Claim]) -> str:
    """The claim-by-claim table, then how each verdict is reached."""
    rows = [
        {
            "claim": f"“{claim.quote}” ({claim.section})" if first else "",
            "paper's digits": claim.digits if first else "",
            "by": answer.of,
            "verdict": f"**{answer.verdict}**" if answer.verdict != "not testable" else answer.verdict,
            "figure": answer.figure,
            "points [95 % interval]": _in_points(answer),
            "what explains it": answer.because,
        }
        for claim in found
        for first, answer in zip([True] + [False] * len(claim.answers), claim.answers, strict=False)
    ]
    return (
        f"{markdown_table(pd.DataFrame(rows))}\n"
        "Held or not held: an ordering by its paired difference, a level by its interval; intervals come from drawing "
        "subjects, widened where several differences must hold together, and an interval that leaves both sides open "
        "tests nothing. The paper's own digits are read as they stand.\n"
    )


def _in_points(answer: Answer) -> str:
    """The value in percent or percentage points, with its interval."""
    if not np.isfinite(answer.value):
        return "–"
    shown = f"{100 * answer.value:.1f}"
    if np.isfinite([answer.low, answer.high]).all():
        return f"{shown} [{100 * answer.low:.1f}, {100 * answer.high:.1f}]"
    return shown
