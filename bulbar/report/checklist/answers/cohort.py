"""Answers on the people and recordings: where they come from, how many there are, who is missing or left out."""

import numpy as np

from bulbar.core.disclosure import shown
from bulbar.report.checklist.facts import Facts, NotRun
from bulbar.report.checklist.items import NotApplicable
from bulbar.report.checklist.wording import joined, percent


def source(facts: Facts) -> str:
    """Where the voices come from."""
    one = "One cohort serves for training and testing, divided into folds."
    if facts.synthetic:
        return f"A voice synthesiser: the stage `phantom` made voices, clinical columns and diagnoses. {one}"
    return f"The release read as `{facts['ingest']['source']}`; the diagnosis is the release's own. {one}"


def outcome(facts: Facts) -> str:
    """What is predicted, and how often it occurs."""
    read, positive = facts["ingest"], facts["params"]["positive_class"]
    count = {"ALS": read["patients"], "HC": read["controls"]}[positive]
    share = f" ({percent(count / read['subjects'])})" if isinstance(count, int) else ""
    return (
        f"The diagnosis at the time of recording: ALS or healthy control (HC). The probability is that of {positive}:"
        f" {count} of {read['subjects']} subjects{share}."
        " It is defined alike for everyone, and has no time horizon."
    )


def samples(facts: Facts) -> str:
    """Subjects and recordings of each class."""
    parts = [
        f"{label}: {of_class['subjects']} subjects, {of_class['recordings']} recordings"
        for label, of_class in facts["cohort"]["classes"].items()
    ]
    tasks = [f"{task} {n}" for task, n in facts["cohort"]["tasks"].items()]
    return f"{'; '.join(parts)}. Recordings by task: {', '.join(tasks)}."


def sample_size(facts: Facts) -> str:
    """All that the release has; no calculation."""
    return f"All sound recordings of the release; no size was calculated. {samples(facts)}"


def missing_values(facts: Facts) -> str:
    """Empty clinical cells by class, and recordings that are not there."""
    cohort, read = facts["cohort"], facts["ingest"]
    facts.need("clinical")
    shares = [f"{_about(c['empty_share'])} for {label}" for label, c in cohort["classes"].items()]
    return (
        f"Of the cells of {len(cohort['columns'])} clinical columns, {joined(shares)} are empty."
        f" {len(cohort['columns_of_one_class']) or 'No'} columns are filled in for one class alone. Of"
        f" {read['expected_recordings']} recordings, {shown(read['missing_recordings'])} missing."
    )


def _about(share: float) -> str:
    """A share in whole percent: columns of which few cells are empty, or filled in, are not in it to the cell."""
    return f"{share:.0%}" if share == 0 or share >= 0.005 else "under 1%"


def exclusions(facts: Facts) -> str:
    """What was set aside, by which rule."""
    read, chosen = facts["ingest"], facts["params"]["cohort"]
    rules = {"fail": "a bad recording stops the run", "quarantine": "bad recordings and rows are set aside, with why"}
    of_equal = {
        "fail": "recordings with the same samples stop the run",
        "quarantine": "recordings with the same samples under several subjects or tasks are left out",
        "keep": "recordings with the same samples are kept",
    }
    return (
        f"Set aside: recordings {shown(read['quarantined_recordings'])}, subjects"
        f" {read['quarantined_subjects'] or 'none'} (rule: {rules[chosen['on_bad_recording']]};"
        f" {of_equal[chosen.get('duplicates', 'fail')]})."
    )


def checks(facts: Facts) -> str:
    """How corrupt recordings and impossible values are found."""
    shortest = facts["params"]["audio"]["min_duration_s"]
    return (
        f"Every file is read through, and refused if it is damaged, all zeros or shorter than {shortest:g} s, also once"
        " its silence is removed. All are compared sample for sample. Every subject needs an ID of its own, a known"
        " label and sex, and numbers where numbers belong; whether a number is plausible is not checked."
        f" {exclusions(facts)}"
    )


def characteristics(facts: Facts) -> str:
    """Age and sex of each class, and what is not recorded."""
    parts = []
    for label, people in facts["cohort"]["classes"].items():
        age = (
            f"{people['age_mean']:.1f} (sd {people['age_sd']:.1f}) years, recorded for {people['age_recorded']}"
            if np.isfinite(people["age_mean"])
            else f"recorded for {people['age_recorded']}"
        )
        sexes = ", ".join(f"{sex} {n}" for sex, n in people["sex"].items())
        parts.append(f"{label} ({people['subjects']}): age {age}; sex {sexes}.")
    facts.need("clinical")
    return " ".join([*parts, "For how many each clinical column is recorded stands in the second file."])


def flow(facts: Facts) -> str:
    """From the release to the folds."""
    read, rows = facts["ingest"], facts["audio"]["recordings"]
    return (
        f"{samples(facts)} {exclusions(facts)} {rows} recordings went through preprocessing to the folds. Of"
        f" {read['expected_recordings']} expected, {shown(read['missing_recordings'])} missing. There is no follow-up."
    )


def participants(facts: Facts) -> str | NotApplicable:
    """Of a synthetic cohort there are no people to describe; else a person has to."""
    if facts.synthetic:
        return NotApplicable("The cohort is synthetic: nobody took part, and it stands for nobody.")
    raise NotRun("a description of the participants")


def second_cohort(facts: Facts) -> NotApplicable:
    """There is none: training and test data do not differ in source."""
    facts.need("ingest")
    return NotApplicable("One cohort, divided into folds: there is no second one to compare it with.")


CLUSTERS = {"centre", "center", "site", "hospital", "country", "device"}


def clusters(facts: Facts) -> str | NotApplicable:
    """Centres or devices, where the cohort names any."""
    if CLUSTERS & set(facts["cohort"]["columns"]):
        raise NotRun("a comparison between clusters")
    return NotApplicable("The cohort's table names no centre, site or device.")
