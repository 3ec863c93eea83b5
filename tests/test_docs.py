"""README.md and docs/: what they say of files, stages, params and scores is so."""

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bulbar.core.names import PROTOCOLS
from tests.pipelines import ROOT

PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
README, PIPELINE = (ROOT / name for name in ("README.md", "docs/pipeline.md"))
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
NODE = re.compile(r"\w+")


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """What a heading is linked to as."""
    headings = re.findall(r"^#+ (.*)$", text(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def stages(pipeline: str) -> dict[str, dict]:
    return YAML(typ="safe").load(ROOT / pipeline)["stages"]


def first_cells(page: Path, heading: str) -> list[str]:
    """The first column of the table below a heading."""
    table = text(page).split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [row.split("|")[1].strip() for row in table.splitlines()[2:]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target, anchor in LINK.findall(text(page)):
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


def test_every_page_is_named_in_the_readme():
    named = {target for target, _ in LINK.findall(text(README))}
    assert {f"docs/{page.name}" for page in PAGES if page.parent.name == "docs"} <= named


@pytest.mark.parametrize(("pipeline", "page"), [("dvc.yaml", PIPELINE), ("gender/dvc.yaml", ROOT / "docs/gender.md")])
def test_the_stages_are_told_in_the_order_of_the_pipeline(pipeline, page):
    assert first_cells(page, "stage") == [name for name in stages(pipeline) if name in first_cells(page, "stage")]
    assert {name.removesuffix("_external") for name in stages(pipeline)} == set(first_cells(page, "stage"))


def test_every_stage_is_drawn():
    drawing = text(README).split("```mermaid")[1].split("```")[0]
    arrows = [line for line in drawing.splitlines() if "-->" in line]
    assert {node for arrow in arrows for node in NODE.findall(arrow)} == set(first_cells(PIPELINE, "stage"))


def test_every_block_of_params_is_told():
    told = {name for cell in first_cells(PIPELINE, "block") for name in re.findall(r"`(\w+)`", cell)}
    assert told == set(YAML(typ="safe").load(ROOT / "params.yaml"))


def test_the_scores_in_the_readme_are_those_of_the_committed_run():
    found = {name: json.loads(text(ROOT / f"metrics/fusion/{name}.json")) for name in PROTOCOLS}
    if not json.loads(text(ROOT / "metrics/ingest.json"))["synthetic"]:
        pytest.skip("the README tells of the default run, and metrics/ holds another")
    columns = [
        ("selected", "audio"),
        ("published", "audio"),
        *(("selected", name) for name in ("clinical_common", "fused_common", "clinical_all", "fused_all")),
    ]
    rows = re.findall(r"^\| `(\w+_wise)`, (accuracy|AUC(?: per subject)?) \| (.*) \|$", text(README), re.MULTILINE)
    assert len(rows) == 4
    for protocol, score, told in rows:
        name = "accuracy" if score == "accuracy" else "roc_auc"
        unit = "per_subject" if "subject" in score else "per_recording"
        scores = [found[protocol][cell][model][unit][name] for cell, model in columns]
        assert [float(cell) / 100 for cell in told.split(" | ")] == pytest.approx(scores, abs=6e-4)  # to one decimal
