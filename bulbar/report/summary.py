"""What the summary of a pull request holds besides the verdict."""

from typing import Any

from bulbar.report import appraisal, audited, explained, outside, paper, run
from bulbar.report.results import Results
from bulbar.report.verdict import AUDIT

GRAVE = ("leak", "suspect")
MOST_FINDINGS = 12


def parts(results: Results) -> dict[str, Any]:
    """Scores, grave findings, claims counted, what the network is worth, and digests."""
    findings = [row for row in audited.findings(results).rows if getattr(row[1], "word", "") in GRAVE]
    return {
        "scores": {protocol: scores(results, protocol) for protocol in run.PROTOCOLS},
        "findings": findings[:MOST_FINDINGS],
        "more_findings": max(len(findings) - MOST_FINDINGS, 0),
        "claims": claims(results),
        "explained": explained.paragraphs(results),
        "outside": outside.in_short(results),
        "worth": results.json(appraisal.APPRAISE.format("subject_wise"), "earns_its_place"),
        "params": run.digest_of(results.params),
        "inputs": results.json(run.INGEST, "digest"),
        "versions": {name: results.versions[name] for name in ("keras", "tensorflow", "scikit-learn", "numpy")},
        "counts": {key: results.number(run.INGEST, key, form=appraisal.count) for key in run.COUNTS},
    }


def scores(results: Results, protocol: str) -> list[dict[str, Any]]:
    """Accuracy and AUC of the selected cell's models per recording or, split by subject, per subject."""
    unit = "recording" if protocol == "record_wise" else "subject"
    table = paper.table_5(results, protocol)
    named = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return [row for row in named if str(row["Model"]).endswith(unit) and str(row["Of"]).startswith("selected")]


def claims(results: Results) -> dict[str, dict[str, int]]:
    """How many of the paper's claims hold, per protocol of the selected cell, and on its own digits."""
    counts: dict[str, dict[str, int]] = {}
    for claim in (results.json(AUDIT, "claims") or {}).values():
        for against, told in claim.items():
            if isinstance(told, dict) and "published" not in against:
                of = counts.setdefault(against.split(",")[0], dict.fromkeys(("held", "not held", "not testable"), 0))
                of[told["verdict"]] += 1
    return counts
