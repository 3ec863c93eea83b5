"""What each figure of `audit.figures` shows, in words and with a number, for whoever does not see it.

One function for each drawing function, of the same name. They are apart from the drawing, so that the report, which
quotes them, loads none of it. findings: probe -> what it looked at -> finding, as `audit.page.metrics`.
"""

from collections.abc import Mapping
from typing import Any

from bulbar.core.markdown import number_in_words

Findings = Mapping[str, Mapping[str, Mapping[str, Any]]]


def label_probes(findings: Findings) -> str:
    """Which input or condition alone predicts the label best."""
    values = {
        f"{probe.replace('_', ' ')}: {of}": finding["value"]
        for probe in ("missingness", "recording_conditions", "dead_bands")
        for of, finding in findings.get(probe, {}).items()
        if finding["value"] is not None and finding["figure"].startswith("AUC")
    }
    if not values:
        return "AUC of what might predict the label by itself: none could be measured."
    best = max(values, key=lambda of: values[of])
    return (
        f"AUC with interval of {len(values)} things that might predict the label by themselves. The highest is {best} "
        f"with {number_in_words(values[best])}; chance is 0.50."
    )


def nothing_to_learn(findings: Findings) -> str:
    """What each split scores when there is nothing to learn."""
    shuffles = findings.get("label_shuffle", {})
    means = " and ".join(f"{number_in_words(found['value'])} split {protocol}" for protocol, found in shuffles.items())
    return f"Histograms of AUC with labels shuffled between subjects: on average {means}; nothing to learn is 0.50."
