"""Answers on how much of a score may be no sign of the disease: what leaks, what is duplicated, what limits it."""

from typing import Any

from bulbar.report.checklist.facts import Facts
from bulbar.report.checklist.wording import SPLIT, percent


def learned_from(facts: Facts) -> str:
    """Whether anything is learned from test subjects, per protocol."""
    own = "No image uses a statistic of another recording."
    words = {
        "record_wise": "no. Clinical scales come from the whole table, and early stopping watches the test fold",
        "subject_wise": "yes. Scales, medians and modes come from the training subjects, early stopping and selection"
        " from validation subjects",
    }
    return " ".join([own, *(f"{SPLIT[protocol]}: {words[protocol]}." for protocol, _ in facts.of_protocols("folds"))])


def dependencies(facts: Facts) -> str:
    """Speaker overlap and duplicates."""
    said = [
        f"{SPLIT[protocol]}: {percent(split['overlap'])} of test recordings are of a subject trained on."
        for protocol, split in facts.of_protocols("folds")
    ]
    if "audit" in facts:
        said += [finding["sentence"] for finding in _findings(facts) if finding["probe"] == "duplicates"]
    return " ".join(said)


OF_INPUTS = ("missingness", "recording_conditions", "dead_bands")
"""The audit's probes of what a model is told; the others look at scores, splits and the paper's tables."""


def legitimacy(facts: Facts) -> str:
    """Which inputs tell the label by themselves, by the audit."""
    probed = [one for one in _findings(facts) if one["probe"] in OF_INPUTS]
    told = [f"{one['of']}: {one['verdict']}" for one in probed if one["verdict"] != "clear"]
    columns = facts["cohort"]
    alone = (
        f"{len(columns['columns_of_one_class']) or 'No'} of {len(columns['columns'])} clinical columns are filled in"
        f" for one class alone; `common` keeps {', '.join(columns['common'])}. The release's acoustic columns enter no"
        " model."
    )
    found = (
        f"these tell the diagnosis by themselves: {'; '.join(told)}" if told else "none tells the diagnosis by itself"
    )
    return f"{alone} Of {len(probed)} inputs and conditions that the audit probed, {found}."


def limits(facts: Facts) -> str:
    """What the audit says against the scores."""
    against = ("leak", "confounder", "suspect")
    ours = [one for one in _findings(facts) if one["probe"] != "published_numbers"]
    grave = [one["sentence"] for one in ours if one["verdict"] in against]
    voices = "The voices are synthetic: no score says anything about ALS. " if facts.synthetic else ""
    size = f"One cohort of {facts['ingest']['subjects']} subjects."
    return voices + " ".join([size, *grave])


def _findings(facts: Facts) -> list[dict[str, Any]]:
    """The audit's findings, one after another, each with its probe and what it looked at."""
    return [
        {"probe": probe, "of": of, **finding}
        for probe, by_of in facts["audit"]["findings"].items()
        for of, finding in by_of.items()
    ]
