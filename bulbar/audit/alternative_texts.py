"""Alternative texts of the figures of `audit.figures`, each with a number, for readers who cannot see them.

Each drawing function has a function of the same name here. They are in a separate module so that the report, which
prints them, does not import matplotlib. `findings`: probe -> what it examined -> finding, from `audit.page.metrics`.
"""

from collections.abc import Mapping
from typing import Any

from bulbar.core.markdown import number_in_words

Findings = Mapping[str, Mapping[str, Mapping[str, Any]]]


def label_probes(findings: Findings) -> str:
    """The input or condition that alone predicts the label best."""
    values = {
        f"{probe.replace('_', ' ')}: {of}": finding["value"]
        for probe in ("missingness", "recording_conditions", "dead_bands")
        for of, finding in findings.get(probe, {}).items()
        if finding["value"] is not None and finding["figure"].startswith("AUC")
    }
    if not values:
        return "AUC of single inputs that might predict the label: none could be measured."
    best = max(values, key=lambda of: values[of])
    return (
        f"AUC with interval of {len(values)} single inputs that might predict the label. The highest is {best} "
        f"with {number_in_words(values[best])}; chance is 0.50."
    )


def nothing_to_learn(findings: Findings) -> str:
    """The AUC of each split when there is nothing to learn."""
    shuffles = findings.get("label_shuffle", {})
    means = " and ".join(f"{number_in_words(found['value'])} split {protocol}" for protocol, found in shuffles.items())
    return f"Histograms of AUC with labels shuffled between subjects: on average {means}; chance is 0.50."
