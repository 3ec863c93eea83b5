"""A release whose words mean harm, through both pipelines to their pages, figures and tables: they come out as text."""

import json
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from tests.pipelines import TINY, Pipeline
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

WORDS = (
    "<img src=x onerror=alert(1)> </script><script>alert(2)</script>",
    "| [x](javascript:alert(3)) ![y](http://evil.example/x.png) <https://evil.example>",
    "+1 $\\frac$ {{7*7}} _$\\x",
)
"""Of HTML, Markdown and a formula that mathtext would choke on; what begins with = or @ no category may."""

COLUMN = "=1+1 <script>alert(4)</script>"
PLACE = "data/raw/<b>=x `y` $\\z$"
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


def files(folder: Path, ending: str) -> Iterator[Path]:
    """What stages wrote, the releases left out."""
    for name in ("data", "metrics", "plots", "report"):
        for path in sorted((folder / name).rglob(f"*{ending}")):
            if (folder / "data/raw") not in path.parents and (folder / "data/external/raw") not in path.parents:
                yield path


def assert_tables_compute_nothing(folder: Path) -> None:
    """No cell of a table, its names included, is one that a spreadsheet would compute, or steers a terminal."""
    for path in (*files(folder, ".csv"), *files(folder, ".tsv")):
        table = pd.read_csv(path, dtype=str, keep_default_na=False, sep="\t" if path.suffix == ".tsv" else ",")
        for name, column in table.items():
            for cell in {name, *column}:
                assert not re.match(r"[=+@\t\r\n]|-(?![\d.]|inf)", cell), (path, cell)
                assert cell.isprintable(), (path, cell)


def assert_pages_run_nothing(folder: Path) -> None:
    """Pages have the elements that ours have; in Markdown nothing is an element, an image or a link from a release."""
    for path in files(folder, ".html"):
        elements = Page(path.read_text(encoding="utf-8")).elements
        assert not {element.tag for element in elements} & {"b", "iframe", "object", "embed", "svg"}, path
        for element in elements:
            for name, value in element.attributes.items():
                assert not name.startswith("on"), (path, element)
                assert name not in ("href", "src") or not value.startswith("javascript:"), (path, element)
            assert element.tag != "script" or "alert(" not in element.text, path
    page = folder / "report/index.html"
    if page.exists():
        read = Page(page.read_text(encoding="utf-8"))
        assert len(list(read.all("script"))) == 1
        assert all(image["src"].startswith("data:") for image in read.all("img"))
        assert all(link["href"].startswith(("../", "#")) for link in read.all("a"))
        assert any("onerror=alert(1)" in cell.text for cell in read.all("th", "td"))
    for path in files(folder, ".md"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<(?:img|script|b|/script)\b|(?<!\\)\]\((?:javascript|http://evil)|\w://evil", text), path
        for of_table, lines in groupby(text.splitlines(), key=lambda line: line.startswith("|")):
            widths = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
            assert not of_table or len(widths) == 1, path


@pytest.mark.slow
def test_a_hostile_release_is_text_in_every_table_figure_and_page_of_the_study(tmp_path):
    study = Pipeline(tmp_path / "study", tmp_path / "fit_cache")
    write_hostile_voc_als(study.folder / PLACE)
    study.change(TINY | {"cohort.root": PLACE})
    study.commit("A release that means harm")
    said = study.dvc("repro")
    assert "Traceback" not in said and "Warning: constrained_layout" not in said
    assert_tables_compute_nothing(study.folder)
    assert_pages_run_nothing(study.folder)
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
    said = study.dvc("repro", "gender/dvc.yaml")
    assert "Traceback" not in said
    assert_tables_compute_nothing(study.folder / "gender")
    assert_pages_run_nothing(study.folder / "gender")
    choice = json.loads((study.folder / "gender/metrics/subset.json").read_text())
    assert list(choice["left_out_by_gender"]) == ["(another)"]
