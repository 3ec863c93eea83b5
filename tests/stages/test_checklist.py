import re
from pathlib import Path

import pandas as pd
import pytest

from bulbar.core.names import PROTOCOLS
from stages import checklist
from tests.checklists import write_run


@pytest.fixture
def project(tmp_path, monkeypatch):
    write_run(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written() -> str:
    checklist.main()
    return Path("metrics/checklist.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("project")
def test_the_page_is_the_same_twice_and_says_what_it_answered(capsys):
    first = written()
    assert written() == first
    counted = re.search(r"REFORMS (\d+) of 32, TRIPOD\+AI (\d+) of 52", capsys.readouterr().out)
    assert counted
    assert [row.split(" | ")[2] for row in first.splitlines() if re.match(r"\| (REFORMS|TRIPOD)", row)] == list(
        counted.groups()
    )


def test_the_page_names_no_subject_no_recording_and_no_place_of_the_machine(project):
    text = written()
    recordings = pd.read_csv("data/cohort/recordings.csv")
    assert not [name for name in recordings["subject_id"] if name in text]
    assert str(project) not in text
    assert not re.findall(r"(?<![\w`])/\w+/", text)
    assert "data/raw" not in text


@pytest.mark.usefixtures("project")
def test_every_file_that_an_answer_names_is_there_or_is_the_repositorys_own():
    named = set(re.findall(r"`((?:metrics|data)/[^`]+)`", written()))
    assert len(named) > 10
    assert not [name for name in named if not Path(name).exists()]


def test_a_stage_that_has_not_run_leaves_its_items_to_the_authors(project):
    row = re.compile(r"^\| 14 \| Fairness .*$", re.MULTILINE)
    assert "from the run" in row.search(written())[0]
    for protocol in PROTOCOLS:
        (project / f"metrics/appraise/{protocol}.json").unlink()
    assert "by the authors" in row.search(written())[0]
