"""Answers on the run's code, data and software, and how they can be had again."""

from bulbar.report.checklist.facts import Facts
from bulbar.report.checklist.wording import joined


def data_set(facts: Facts) -> str:
    """Which release was read, and how large it is."""
    read = facts["ingest"]
    facts.cite("dvc.lock")
    made = "A synthetic cohort in the shape of the" if facts.synthetic else "The"
    return (
        f"{made} release read as `{read['source']}`: {read['subjects']} subjects, {read['recordings']} recordings"
        f" ({read['tasks']}), {read['hours']:.2f} h. dvc.lock holds the hash of every file that was read."
    )


def code(facts: Facts) -> str:
    """How each number leads back to the code that made it."""
    facts.cite("dvc.yaml", "dvc.lock")
    return "Each number is the output of a stage; dvc.lock holds the hashes of the code, settings and inputs behind it."


def infrastructure(facts: Facts) -> str:
    """The software, and what does not change results."""
    pinned, training = facts["requirements"], facts["params"]["train"]
    backend = training["keras_backend"]
    versions = [f"{name} {pinned[name]}" for name in ("keras", backend, "numpy", "scikit-learn") if name in pinned]
    return (
        f"{joined(versions)}; all packages at fixed versions. Precision {training['precision']}, one thread per"
        " worker: the number of workers changes no result."
    )


def readme(facts: Facts) -> str:
    """Where the instructions are."""
    facts.cite("README.md")
    return "README.md leads from a clone to every result in two commands, and says how to bring one's own data."


def script(facts: Facts) -> str:
    """What makes every result."""
    facts.cite("Makefile", "dvc.yaml")
    return "`make repro` runs every stage, from the release to this page, and leaves out what is up to date."
