"""Where the files of a stage lie, for the main cohort and for another."""

from pathlib import Path

from bulbar.core.files import read_json


def stage_folder(name: str, role: str = "main") -> Path:
    """The folder of one stage's data for a cohort: data/NAME for the main one, data/ROLE/NAME for another."""
    return Path("data") / name if role == "main" else Path("data") / role / name


def cohort_block(role: str = "main") -> str:
    """The block of params.yaml that says whose release a role reads: `cohort`, or `cohort` inside the role's own."""
    return "cohort" if role == "main" else f"{role}.cohort"


def cohort_in_words(role: str = "main") -> str:
    """What every figure says of whose voices it shows: `synthetic cohort`, or `minsk2020 cohort`."""
    described = read_json(stage_folder("cohort", role) / "cohort.json")
    return "synthetic cohort" if described["synthetic"] else f"{described['source']} cohort"


def metrics_file(name: str, role: str = "main") -> Path:
    """One stage's metrics for a cohort: metrics/NAME.json for the main one, metrics/ROLE/NAME.json for another."""
    return (Path("metrics") if role == "main" else Path("metrics") / role) / f"{name}.json"
