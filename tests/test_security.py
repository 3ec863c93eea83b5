"""What lint cannot see: nothing that is read may run, and what others wrote comes out as text. SECURITY.md says it."""

import ast
import json
import re
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from bulbar.core import files
from stages import ingest, preprocess_clinical
from stages.parts import params
from tests.pipelines import Pipeline, stages_run
from tests.projects import ROOT, write_params
from tests.releases import VOC_ALS_COLUMNS, voc_als_rows, write_voc_als

OURS = [path for folder in ("bulbar", "stages", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
PICKLING = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve"}
UNSAFE = {("allow_pickle", True), ("safe_mode", False), ("shell", True)}


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_is_pickled_or_read_in_a_way_that_may_run_it(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            assert not names & PICKLING
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("joblib.dump", "joblib.load", "torch.load", "pd.read_pickle"), called
            given = {(word.arg, word.value.value) for word in node.keywords if isinstance(word.value, ast.Constant)}
            assert not given & UNSAFE
            assert not called.endswith((".to_pickle", "enable_unsafe_deserialization"))
            if called == "YAML":
                assert "typ='safe'" in ast.unparse(node) or path.parent.name == "benchmarks"


def test_an_exception_from_the_lint_of_security_names_its_rule_and_says_why() -> None:
    said = [line.split("# nosec")[1] for path in OURS for line in path.read_text().splitlines() if "# nosec" in line]
    assert said and all(re.fullmatch(r" B\d{3} # \w.{10,}", one) for one in said), said


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "+1 <b>",
    "-x @someone $\\frac$ </script><script>alert2</script>",
]


PLACE = "a b $(touch harmed) `touch harmed` 'q' \"dq\" ; <img src=x onerror=alert(3)>"


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release with such words in every cell, folder and column name that takes words, in a place of such a name.

    Categories that begin with = or @ are refused as they are read: tests/broken_inputs.
    """
    monkeypatch.chdir(tmp_path)
    root = tmp_path / PLACE
    rows = voc_als_rows(3, 9)
    for place, row in enumerate(rows[3:]):
        for at, column in enumerate(("OnsetRegion", "Therapy", "GeneticTest", "KingClinicalStage")):
            row[column] = HOSTILE[(place + at) % len(HOSTILE)]
        row["=1+1 <b>"] = "x"
    rows.append({**rows[-1], "ID": "=PZ900"})
    write_voc_als(root, rows, tasks=("A",), audio_below="=cmd", columns=[*VOC_ALS_COLUMNS, "=1+1 <b>"])
    book = openpyxl.load_workbook(root / "VOC-ALS.xlsx")
    for cell in (cell for row in book["VOC-ALS_Data"].iter_rows() for cell in row if str(cell.value).startswith("=")):
        cell.data_type = "s"  # a string, no formula
    book.save(root / "VOC-ALS.xlsx")
    write_params(tmp_path, cohort={"root": str(root), "on_bad_recording": "quarantine"})
    return tmp_path


def test_what_a_hostile_release_says_is_text_in_every_table_and_the_same_text_for_the_stages(hostile: Path) -> None:
    ingest.main()
    preprocess_clinical.main()
    tables = sorted((hostile / "data").rglob("*.csv"))
    assert {"quarantine.csv", "recordings.csv", "subjects.csv"} <= {path.name for path in tables}
    for path in tables:
        for name, column in pd.read_csv(path, dtype=str, keep_default_na=False).items():
            for cell in [name, *column]:
                assert not re.match(r"[=+@\t\r\n]|-(?![\d.])", cell), (path, cell)
    subjects = files.read_table(hostile / "data/cohort/subjects.csv")
    assert set(subjects["therapy"].dropna()) == set(HOSTILE)
    recordings = files.read_table(hostile / "data/cohort/recordings.csv")
    root = Path(params.params()["cohort"]["root"])
    assert (
        all((root / path).is_file() for path in recordings["path"]) and recordings["path"].str.startswith("=cmd").all()
    )
    assert json.loads((hostile / "data/cohort/cohort.json").read_text())["unused_columns"] == ["=1+1 <b>"]
    assert not (hostile / "harmed").exists()


@pytest.mark.slow
def test_a_place_whose_name_a_shell_would_read_is_a_place_for_dvc_and_nothing_in_params_joins_a_command(tmp_path):
    pipeline = Pipeline(tmp_path / "project", tmp_path / "fit_cache")
    write_voc_als(pipeline.folder / "data/raw" / PLACE, voc_als_rows(3, 5), tasks=("A",))
    pipeline.change({"cohort.root": f"data/raw/{PLACE}"})
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
    assert stages_run(pipeline.dvc("repro", "ingest@main", "preprocess_audio@main")) == {
        "ingest@main", "preprocess_audio@main",
    }  # fmt: skip
    assert not [*pipeline.folder.rglob("harmed*"), *tmp_path.glob("harmed*")]
