"""The findings of the audit, and the verdicts on the paper's claims."""

from typing import Any

from bulbar.report.results import Results, Value, three, whole

AUDIT = "metrics/audit.json"
KINDS = {
    **{"leak": "bad", "suspect": "doubtful", "confounder": "doubtful", "sign": "neutral", "clear": "good"},
    **{"held": "good", "not held": "bad", "not testable": "neutral"},
    **{"passes": "good", "fails": "bad", "undecided": "doubtful"},
}
"""Verdict -> colour class, for findings, claims and the sanity checks of maps."""

GRAVITY = ("leak", "suspect", "confounder", "sign", "clear", "not testable")


def verdict(results: Results, file: str, *keys: str) -> Value:
    """A verdict as a coloured word."""
    word = str(results.value(file, *keys))
    return Value(word, None, file, ".".join(keys), KINDS.get(word, "neutral"))


def findings(results: Results) -> list[dict[str, Any]]:
    """Each finding of the file, most serious first, with its probe, of, path of keys in the file, and form."""
    found = [
        {
            **finding,
            "probe": probe,
            "of": of,
            "path": ("findings", probe, of),
            "form": whole if isinstance(finding["value"], int) else three,
        }
        for probe, by in (results.json(AUDIT, "findings") or {}).items()
        for of, finding in by.items()
    ]
    return sorted(found, key=lambda finding: GRAVITY.index(finding["verdict"]))


def claims(results: Results) -> list[dict[str, Any]]:
    """Each claim of the paper, compared with each set of numbers, with its path of keys in the file."""
    return [
        {**found, **claim, "against": against, "path": ("claims", name, against)}
        for name, claim in (results.json(AUDIT, "claims") or {}).items()
        for against, found in claim.items()
        if isinstance(found, dict)
    ]


def claims_counted(results: Results) -> dict[str, dict[str, int]]:
    """Number of claims that hold: per protocol for the selected cell, and for the paper's own digits."""
    counts: dict[str, dict[str, int]] = {}
    for claim in claims(results):
        if "published" not in claim["against"]:
            of = counts.setdefault(
                claim["against"].split(",")[0], dict.fromkeys(("held", "not held", "not testable"), 0)
            )
            of[claim["verdict"]] += 1
    return counts


def against_chance(low: float | None, high: float | None) -> str:
    """An interval of an AUC compared with chance, in words."""
    if low is None or high is None:
        return "without an interval, so no comparison with chance is possible"
    if low > 0.5:
        return "better than chance"
    return "worse than chance" if high < 0.5 else "not shown to be better than chance"
