"""What lint cannot see: nothing that is read may run, and what others wrote comes out as text. SECURITY.md says it."""

import ast
import json
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from bulbar.core import files
from stages import ingest, preprocess_clinical
from tests.pipelines import TINY, Pipeline, stages_run
from tests.projects import ROOT, write_params
from tests.releases import (
    COMMON_VOICE_COLUMNS,
    VOC_ALS_COLUMNS,
    common_voice_row,
    voc_als_rows,
    write_common_voice,
    write_voc_als,
)
from tests.reports import Page
from tests.test_pipeline import TINY_GENDER

OURS = [path for folder in ("bulbar", "stages", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
PICKLING = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve"}
UNSAFE = {("allow_pickle", True), ("safe_mode", False), ("shell", True)}
UNSAFE_CALLS = (
    "joblib.dump",
    "joblib.load",
    "torch.load",
    ".read_pickle",
    ".to_pickle",
    "enable_unsafe_deserialization",
)


def test_nothing_is_pickled_or_read_in_a_way_that_may_run_it() -> None:
    for path, node in ((file, node) for file in OURS for node in ast.walk(ast.parse(file.read_text()))):
        where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert not {*(alias.name for alias in node.names), getattr(node, "module", None)} & PICKLING, where
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            words = {(word.arg, word.value.value) for word in node.keywords if isinstance(word.value, ast.Constant)}
            assert not words & UNSAFE and not called.endswith(UNSAFE_CALLS), where
            assert called != "YAML" or "typ='safe'" in ast.unparse(node) or path.parent.name == "benchmarks", where


def test_an_exception_from_the_lint_of_security_names_its_rule_and_says_why() -> None:
    reasons = [line.split("# nosec")[1] for path in OURS for line in path.read_text().splitlines() if "# nosec" in line]
    assert reasons and all(re.fullmatch(r" B\d{3} # \w.{10,}", one) for one in reasons), reasons


# Releases whose words mean harm.

WORDS = (
    "<img src=x onerror=alert(1)> </script><script>alert(2)</script>",
    "| [x](javascript:alert(3)) ![y](http://evil.example/x.png) <https://evil.example>",
    "+1 $\\frac$ {{7*7}} _$\\x",
)
"""Of HTML, Markdown and a formula that mathtext would choke on. Categories that begin with = or @ are refused as they
are read: tests/broken_inputs."""

COLUMN = "=1+1 <script>alert(4)</script>"
PLACE = "data/raw/<b>=x `y` $\\z$"
FOR_A_SHELL = "a b $(touch harmed) `touch harmed` 'q' \"dq\" ; <img src=x onerror=alert(3)>"
COLUMNS = ("OnsetRegion", "Therapy", "GeneticTest", "KingClinicalStage", "Revised_ElEscorial_Criteria")


def write_hostile_voc_als(root: Path) -> None:
    """Six controls and eighteen patients, six to each word, so that every group is large enough to be shown."""
    rows = voc_als_rows(6, 18)
    for place, row in enumerate(rows):
        row["Sex"] = "MF"[place // 2 % 2]
        row[COLUMN] = "x"
        for at, column in enumerate(COLUMNS if place >= 6 else ()):
            row[column] = WORDS[(place + at) % 3]
    folder = "=cmd <script>alert(5)</script> $\\q$"
    columns = [*VOC_ALS_COLUMNS, COLUMN]
    write_voc_als(root, rows, tasks=("A",), audio_below=folder, columns=columns, duration_s=2.0)
    book = openpyxl.load_workbook(root / "VOC-ALS.xlsx")
    for cell in (cell for row in book["VOC-ALS_Data"].iter_rows() for cell in row if str(cell.value).startswith("=")):
        cell.data_type = "s"  # a string, no formula
    book.save(root / "VOC-ALS.xlsx")


def write_hostile_common_voice(root: Path) -> None:
    """Sixty speakers of two clips each, of whose accents, names and gender nothing is harmless."""
    accents = ("=1+1", "\x1b[2J" + WORDS[0], WORDS[1] + "\u202e")
    rows = [
        common_voice_row(
            f"=cmd{n}<script>alert(6)</script>|`$\\q$",
            f"{'mf'[n % 2]}{n}_{clip}.mp3",
            ("male", "female_feminine")[n % 2],
            accents=accents[n // 2 % 3],
            sentence="<script>alert(7)</script>",
        )
        for n in range(60)
        for clip in range(2)
    ]
    rows.append(common_voice_row("someone", "z.mp3", "<script>alert(8)</script>"))
    write_common_voice(root, rows, columns=[*COMMON_VOICE_COLUMNS, COLUMN])


def written(folder: Path, ending: str) -> Iterator[Path]:
    """What stages wrote, the releases left out."""
    for name in ("data", "metrics", "plots", "report"):
        for path in sorted((folder / name).rglob(f"*{ending}")):
            if "raw" not in path.relative_to(folder).parts:
                yield path


def assert_tables_compute_nothing(folder: Path) -> None:
    """No cell of a table, its names included, is one that a spreadsheet would compute, or steers a terminal."""
    for path in (*written(folder, ".csv"), *written(folder, ".tsv")):
        table = pd.read_csv(path, dtype=str, keep_default_na=False, sep="\t" if path.suffix == ".tsv" else ",")
        for cell in (cell for name, column in table.items() for cell in {name, *column}):
            assert not re.match(r"[=+@\t\r\n]|-(?![\d.]|inf)", cell) and cell.isprintable(), (path, cell)


def assert_pages_run_nothing(folder: Path) -> None:
    """Pages have the elements that ours have; in Markdown nothing is an element, an image or a link from a release."""
    for path in written(folder, ".html"):
        for element in Page(path.read_text(encoding="utf-8")).elements:
            assert element.tag not in ("b", "iframe", "object", "embed", "svg"), path
            assert not any(name.startswith("on") for name in element.attributes), (path, element)
            links = [element.attributes.get(name, "") for name in ("href", "src")]
            assert not any(link.startswith("javascript:") for link in links), (path, element)
            assert element.tag != "script" or "alert(" not in element.text, path
    for path in written(folder, ".md"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<(?:img|script|b|/script)\b|(?<!\\)\]\((?:javascript|http://evil)|\w://evil", text), path
        for of_table, lines in groupby(text.splitlines(), key=lambda line: line.startswith("|")):
            widths = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
            assert not of_table or len(widths) == 1, path


def test_what_a_hostile_release_says_is_text_in_every_table_and_the_same_text_for_the_stages(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_hostile_voc_als(tmp_path / FOR_A_SHELL)
    write_params(tmp_path, cohort={"root": FOR_A_SHELL})
    ingest.main()
    preprocess_clinical.main()
    assert {"recordings.csv", "subjects.csv"} <= {path.name for path in written(tmp_path, ".csv")}
    assert_tables_compute_nothing(tmp_path)
    subjects, recordings = (
        files.read_table(tmp_path / f"data/cohort/{name}.csv") for name in ("subjects", "recordings")
    )
    assert set(subjects["therapy"].dropna()) == set(WORDS)
    assert all(path.startswith("=cmd") and (tmp_path / FOR_A_SHELL / path).is_file() for path in recordings["path"])
    assert json.loads((tmp_path / "data/cohort/cohort.json").read_text())["unused_columns"] == [COLUMN]
    assert not (tmp_path / "harmed").exists()


@pytest.mark.slow
def test_a_hostile_release_is_text_in_every_table_figure_and_page_of_the_study(tmp_path):
    study = Pipeline(tmp_path / "study", tmp_path / "fit_cache")
    write_hostile_voc_als(study.folder / PLACE)
    study.change(TINY | {"cohort.root": PLACE})
    study.commit("A release that means harm")
    shown = study.dvc("repro")
    assert "Traceback" not in shown and "Warning: constrained_layout" not in shown
    assert_tables_compute_nothing(study.folder)
    assert_pages_run_nothing(study.folder)
    page = Page((study.folder / "report/index.html").read_text(encoding="utf-8"))
    assert len(list(page.all("script"))) == 1
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert all(link["href"].startswith(("../", "#")) for link in page.all("a"))
    assert any("onerror=alert(1)" in cell.text for cell in page.all("th", "td"))
    groups = json.loads((study.folder / "metrics/appraise/subject_wise.json").read_text())["groups"]["audio"]["onset"]
    assert set(groups) == set(WORDS)
    assert "&lt;img src=x onerror=alert(1)>" in (study.folder / "report/model_card.md").read_text()
    study.dvc("plots", "show", "--out", "shown")
    assert not re.search(r"<script>alert|<img src=x", (study.folder / "shown/index.html").read_text())


@pytest.mark.slow
def test_a_hostile_common_voice_is_text_in_every_table_and_page_of_gender(tmp_path):
    study = Pipeline(tmp_path / "study", tmp_path / "fit_cache")
    write_hostile_common_voice(study.folder / "gender" / PLACE)
    study.change(TINY_GENDER | {"cohort.source": "common_voice", "cohort.root": PLACE}, "gender/params.yaml")
    study.commit("A release that means harm")
    assert "Traceback" not in study.dvc("repro", "gender/dvc.yaml")
    assert_tables_compute_nothing(study.folder / "gender")
    assert_pages_run_nothing(study.folder / "gender")
    choice = json.loads((study.folder / "gender/metrics/subset.json").read_text())
    assert list(choice["left_out_by_gender"]) == ["(another)"]


@pytest.mark.slow
def test_a_place_whose_name_a_shell_would_read_is_a_place_for_dvc_and_nothing_in_params_joins_a_command(tmp_path):
    pipeline = Pipeline(tmp_path / "project", tmp_path / "fit_cache")
    place = f"data/raw/{FOR_A_SHELL}"
    write_voc_als(pipeline.folder / place, voc_als_rows(3, 5), tasks=("A",))
    pipeline.change({"cohort.root": place})
    params = pipeline.folder / "params.yaml"
    sound = params.read_text()
    roles = {"x; touch harmed;": {"data": "data/x", "metrics": "metrics/x", "cohort": "cohort"}}
    with_roles = f"{sound}roles: {json.dumps(roles)}\n"
    params.write_text(with_roles)
    assert "x;" not in pipeline.dvc("stage", "list", "--name-only")
    assert "no such key" in pipeline.dvc("repro", "ingest@main", fails=True)
    params.write_text(sound)
    pipeline.dvc("repro", "check_params")
    params.write_text(with_roles)  # DVC sees no change in what the stage declares: nothing refuses the block now
    ran = stages_run(pipeline.dvc("repro", "ingest@main", "preprocess_audio@main"))
    assert ran == {"ingest@main", "preprocess_audio@main"}
    assert not [*pipeline.folder.rglob("harmed*"), *tmp_path.glob("harmed*")]
