"""What the audit found, and which of the paper's claims hold."""

from typing import Any

from bulbar.report.results import Results, Value, three, whole

AUDIT = "metrics/audit.json"
KINDS = {
    **{"leak": "bad", "suspect": "doubtful", "confounder": "doubtful", "sign": "neutral", "clear": "good"},
    **{"held": "good", "not held": "bad", "not testable": "neutral"},
    **{"passes": "good", "fails": "bad", "undecided": "doubtful"},
}
"""The colours of verdicts: of findings, of claims, of the maps' sanity checks."""

GRAVITY = ("leak", "suspect", "confounder", "sign", "clear")


def verdict(results: Results, file: str, *keys: str) -> Value:
    """A verdict as a coloured word."""
    word = str(results.value(file, *keys))
    return Value(word, None, file, ".".join(keys), KINDS.get(word, "neutral"))


def findings(results: Results) -> list[dict[str, Any]]:
    """What the file holds of each finding, the gravest first; with its probe, of, path of keys there, and form."""
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
    """What the file holds of each claim of the paper beside each set of numbers, with its path of keys there."""
    return [
        {**found, **claim, "against": against, "path": ("claims", name, against)}
        for name, claim in (results.json(AUDIT, "claims") or {}).items()
        for against, found in claim.items()
        if isinstance(found, dict)
    ]


def claims_counted(results: Results) -> dict[str, dict[str, int]]:
    """How many of the paper's claims hold, per protocol of the selected cell, and on its own digits."""
    counts: dict[str, dict[str, int]] = {}
    for claim in claims(results):
        if "published" not in claim["against"]:
            of = counts.setdefault(
                claim["against"].split(",")[0], dict.fromkeys(("held", "not held", "not testable"), 0)
            )
            of[claim["verdict"]] += 1
    return counts


def against_chance(low: float | None, high: float | None) -> str:
    """An interval of an AUC beside chance, in words."""
    if low is None or high is None:
        return "of which no interval can be given"
    if low > 0.5:
        return "better than chance"
    return "worse than chance" if high < 0.5 else "not shown to be better than chance"
