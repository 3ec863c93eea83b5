import copy
import re

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from bulbar.report.checklist import counts
from bulbar.report.checklist.facts import Fact
from bulbar.report.checklist.guidelines import GUIDELINES
from bulbar.report.checklist.items import fill_in
from bulbar.report.checklist.page import markdown
from tests.checklists import KINDS, cohort, metrics
from tests.projects import ROOT
from tests.sweeps import subjects_and_recordings, with_folds

ITEMS = {
    title: pd.read_csv(ROOT / f"reference/{guideline.table}.csv", dtype=str, keep_default_na=False)
    for title, guideline in GUIDELINES.items()
}
ANSWERS = {title: guideline.answers for title, guideline in GUIDELINES.items()}
REFORMS_SECTIONS = {  # Kapoor et al. 2024, Table 1
    "Study goals": "1a 1b 1c",
    "Computational reproducibility": "2a 2b 2c 2d 2e",
    "Data quality": "3a 3b 3c 3d 3e 3f 3g",
    "Data preprocessing": "4a 4b 4c",
    "Modeling": "5a 5b 5c 5d 5e 5f",
    "Data leakage": "6a 6b 6c",
    "Metrics and uncertainty": "7a 7b 7c",
    "Generalizability and limitations": "8a 8b",
}
TRIPOD_AI_ITEMS = (  # Collins et al. 2024, table 2
    "1 2 3a 3b 3c 4 5a 5b 6a 6b 6c 7 8a 8b 8c 9a 9b 9c 10 11 12a 12b 12c 12d 12e 12f 12g 13 14 15 16 17"
    " 18a 18b 18c 18d 18e 18f 19 20a 20b 20c 21 22 23a 23b 24 25 26 27a 27b 27c"
)
ANSWERED_BY_EVERY_RUN = "5a 7 8a 9a 9b 10 11 12a 12b 12c 12e 12f 12g 13 14 15 20a 20b 21 22 23a 24 26"


def run(*, synthetic: bool = True) -> dict[str, Fact]:
    """All facts of a made-up run."""
    found = {name: Fact(f"metrics/{name}.json", content) for name, content in metrics(synthetic=synthetic).items()}
    subjects, recordings = cohort()
    counted = counts.of_cohort(subjects, recordings, KINDS, ["age_years", "sex"])
    found["cohort"] = Fact("data/cohort/subjects.csv", counted)
    for protocol in ("record_wise", "subject_wise"):
        split = counts.of_split(with_folds(subjects_and_recordings(), protocol))
        found[f"folds/{protocol}"] = Fact(f"data/folds/{protocol}.csv", split)
    found["params"] = Fact("params.yaml", YAML(typ="safe").load(ROOT / "params.yaml"))
    found["requirements"] = Fact("requirements.txt", {"keras": "3.15.1", "tensorflow": "2.21.0"})
    return found


def filled(found: dict[str, Fact], title: str) -> pd.DataFrame:
    return fill_in(ITEMS[title], ANSWERS[title], found).set_index("item")


def answer(found: dict[str, Fact], title: str, item: str) -> str:
    return filled(found, title).loc[item, "answer"]


def page(found: dict[str, Fact], cohort: str = "synthetic cohort") -> str:
    return markdown({title: filled(found, title).reset_index() for title in ITEMS}, cohort)


def changed(name: str, change) -> dict[str, Fact]:
    found = run()
    content = copy.deepcopy(found[name].content)
    change(content)
    return {**found, name: Fact(found[name].file, content)}


def rows_of(text: str, title: str) -> list[list[str]]:
    """The table below a heading, cell by cell."""
    table = text.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][2:]
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]


def test_the_items_are_those_of_the_guidelines():
    of_section = ITEMS["REFORMS"].groupby("section", sort=False)["item"].agg(" ".join)
    assert of_section.to_dict() == REFORMS_SECTIONS
    assert len(ITEMS["REFORMS"]) == 32
    assert " ".join(ITEMS["TRIPOD+AI"]["item"]) == TRIPOD_AI_ITEMS
    assert ITEMS["TRIPOD+AI"]["item"].str.extract(r"(\d+)")[0].nunique() == 27


@pytest.mark.parametrize("title", ITEMS)
def test_every_item_stands_on_the_page_once_whatever_the_run_left_behind(title):
    for found in (run(), {}):
        rows = rows_of(page(found), title)
        assert [row[0].strip() for row in rows] == ITEMS[title]["item"].tolist()
        assert {len(row) for row in rows} == {6}


@pytest.mark.parametrize("title", ITEMS)
def test_no_answer_is_of_an_item_that_the_guideline_does_not_have(title):
    assert set(ANSWERS[title]) <= set(ITEMS[title]["item"])


def test_a_whole_run_answers_most_of_reforms_and_what_tripod_ai_asks_of_data_methods_and_results():
    reforms, tripod_ai = filled(run(), "REFORMS"), filled(run(), "TRIPOD+AI")
    assert (reforms["status"] == "from the run").sum() >= 16
    assert set(tripod_ai.loc[ANSWERED_BY_EVERY_RUN.split(), "status"]) == {"from the run"}


@pytest.mark.parametrize("title", ITEMS)
def test_an_answer_from_the_run_has_words_and_files_and_an_item_for_the_authors_has_a_line_to_write_in(title):
    items = filled(run(), title)
    answered = items[items["status"] == "from the run"]
    assert answered["answer"].str.len().min() > 20
    assert answered["files"].map(len).min() > 0
    for row in rows_of(page(run()), title):
        if row[3].strip() == "by the authors":
            assert row[4].strip().startswith(r"\_\_\_\_\_\_\_\_ *To write: ")


@pytest.mark.parametrize("gone", sorted(run()))
def test_no_item_claims_an_answer_from_a_file_that_is_not_there(gone):
    whole = run()
    rest = {name: fact for name, fact in whole.items() if name != gone}
    for title in ITEMS:
        before, after = filled(whole, title), filled(rest, title)
        assert not [files for files in after["files"] if whole[gone].file in files]
        left = before["files"].map(lambda files: whole[gone].file not in files)
        pd.testing.assert_frame_equal(before[left], after[left])


def test_with_nothing_run_only_the_repository_itself_answers():
    for title in ITEMS:
        items = filled({}, title)
        assert items.loc[items["status"] != "by the authors"].index.isin(["2b", "2d", "2e"]).all()


@pytest.mark.parametrize(
    ("name", "change", "title", "item", "before", "after"),
    [
        ("ingest", lambda c: c.update(patients=31, controls=14), "REFORMS", "3d", "30 of 45", "31 of 45"),
        ("ingest", lambda c: c.update(missing_recordings=9), "REFORMS", "3f", "97 recordings, 7 missing", "9 missing"),
        ("params", lambda c: c["bootstrap"].update(draws=500), "REFORMS", "7b", "2000 bootstrap", "500 bootstrap"),
        ("params", lambda c: c["sweep"].update(dropout_rates=[0.3]), "REFORMS", "5e", "× 6 dropout", "× 1 dropout"),
        ("folds/subject_wise", lambda c: c.update(overlap=0.25), "REFORMS", "6b", "0.0 % of test", "25.0 % of test"),
        ("audit", lambda c: c["findings"]["missingness"]["clinical all"].update(verdict="clear"),
         "REFORMS", "6c", "clinical all: leak", "Of 1 inputs and conditions that the audit probed, none tells"),
        (
            "fusion/subject_wise",
            lambda c: c["selected"]["audio"]["per_subject"].update(roc_auc=0.777),
            "TRIPOD+AI", "23a", "by subject, AUC per subject: `audio` 0.618 (0.518 to 0.718)", "subject: `audio` 0.777",
        ),
        (
            "appraise/subject_wise",
            lambda c: c["calibration"]["audio"]["platt"].update(brier={"value": 0.25, "low": 0.2, "high": 0.3}),
            "TRIPOD+AI", "12f", "0.203 (0.103 to 0.303) after", "0.250 (0.200 to 0.300) after",
        ),
        (
            "appraise/subject_wise",
            lambda c: c["groups"]["audio"]["sex"]["M"].update(patients=18),
            "TRIPOD+AI", "14", "sex M (17 ALS, 9 HC): AUC 0.643", "sex M (18 ALS",
        ),
        ("selection/subject_wise", lambda c: c["pooled_winner"].update(accuracy_corrected=0.5), "TRIPOD+AI", "12c",
         "it has 0.634 (0.512 to 0.741)", "it has 0.500"),
    ],
)  # fmt: skip
def test_an_answer_changes_with_its_fact(name, change, title, item, before, after):
    assert before in answer(run(), title, item)
    assert before not in answer(changed(name, change), title, item)
    assert after in answer(changed(name, change), title, item)


def test_where_only_the_papers_protocol_was_run_its_scores_are_called_biased_and_no_scaler_is_claimed():
    found = {name: fact for name, fact in run().items() if not name.endswith("subject_wise")}
    assert "biased upwards" in answer(found, "TRIPOD+AI", "23a")
    assert filled(found, "TRIPOD+AI").loc["12f", "status"] == "not applicable"
    assert "no scaler can be fitted" in answer(found, "TRIPOD+AI", "12f")


def test_a_cohort_is_counted_as_pandas_counts_it_and_few_people_are_not():
    subjects, recordings = cohort()
    found = counts.of_cohort(subjects, recordings, KINDS, ["age_years", "sex"])
    patients = subjects[subjects["label"] == "ALS"]
    assert found["classes"]["ALS"]["age_mean"] == pytest.approx(patients["age_years"].describe()["mean"])
    assert found["classes"]["ALS"]["age_sd"] == pytest.approx(patients["age_years"].describe()["std"])
    assert found["classes"]["ALS"]["sex"] == {"F": 10, "M": 20}
    assert found["classes"]["HC"]["sex"] == {"F": "<5", "M": "all but <5"}
    assert found["classes"]["HC"]["empty_share"] == pytest.approx(1 / 3)
    assert found["columns_of_one_class"] == ["fvc_percent"]
    assert found["tasks"] == {"A": 45, "PA": 45}


def test_a_share_of_empty_cells_tells_no_count_under_five():
    subjects, recordings = cohort()
    patients = subjects.index[subjects["label"] == "ALS"]

    def empty_share(cells: int) -> float:
        """Of the patients, where so many have no FVC."""
        table = subjects.assign(fvc_percent=80.0)
        table.loc[patients[:cells], "fvc_percent"] = np.nan
        return counts.of_cohort(table, recordings, KINDS, [])["classes"]["ALS"]["empty_share"]

    assert {empty_share(cells) for cells in range(5)} == {0.0}
    assert empty_share(5) == pytest.approx(5 / (3 * 30))
    assert [empty_share(30 - cells) for cells in range(5)] == pytest.approx([1 / 3] * 5)


def test_the_age_of_fewer_than_five_is_not_given():
    subjects, recordings = cohort()
    few = subjects.groupby("label").head(4)
    found = counts.of_cohort(few, recordings, KINDS, ["age_years", "sex"])
    assert found["classes"]["HC"]["subjects"] == "<5"
    assert np.isnan(found["classes"]["HC"]["age_mean"])


def test_a_split_is_counted_part_by_part():
    table = with_folds(subjects_and_recordings(), "subject_wise")
    found = counts.of_split(table)
    tested = [table[table["fold"] == fold] for fold in range(1, 6)]
    patients = [rows.loc[rows["label"] == 1, "subject_id"].nunique() for rows in tested]
    assert found["test"]["positive"] == (min(patients), max(patients))
    assert found["test"]["recordings"] == (min(map(len, tested)), max(map(len, tested)))
    assert found["overlap"] == 0
    assert counts.of_split(with_folds(subjects_and_recordings(), "record_wise"))["overlap"] > 0.5


def test_a_class_of_a_few_people_is_counted_in_words_and_no_share_tells_it():
    text = page(changed("ingest", lambda content: content.update(patients="all but <5", controls="<5")))
    assert "that of ALS: all but <5 of 45 subjects. It is" in text
    assert "The larger class has all but a few of the subjects" in text


def test_a_share_of_empty_cells_is_told_in_whole_percent():
    assert "33% for HC are empty" in page(run())


def test_no_count_of_people_under_five_is_on_the_page():
    text = page(run())
    assert not re.findall(r"\b[1-4] (?:ALS|HC)\b|\bsex [FM] [1-4]\b|\bsubjects [1-4]\b|\b[1-4] missing", text)
    assert "<5 HC" in text
    assert "Set aside: recordings <5, subjects <5" in text
    assert "sex F (<5 ALS, 6 HC): too few to score" in text


@pytest.mark.parametrize(
    ("duplicates", "said"), [("fail", "stop the run"), ("quarantine", "are left out"), ("keep", "are kept")]
)
def test_what_becomes_of_equal_recordings_is_said(duplicates, said):
    text = page(changed("params", lambda content: content["cohort"].update(duplicates=duplicates)))
    assert re.search(rf"recordings with the same samples [a-z ]*{said}\)", text)


def test_a_synthetic_cohort_is_named_so_and_has_no_participants_to_describe():
    assert "Synthetic voices: no number on this page says anything about ALS" in page(run())
    assert filled(run(), "TRIPOD+AI").loc["17", "status"] == "not applicable"
    real = run(synthetic=False)
    assert "Synthetic" not in page(real, "voc_als cohort")
    assert filled(real, "TRIPOD+AI").loc["17", "status"] == "by the authors"
    assert filled(real, "TRIPOD+AI").loc["17", "files"] == []


def test_a_bar_in_an_answer_does_not_break_the_table():
    found = changed("audit", lambda content: content["findings"]["duplicates"]["recordings"].update(sentence="A | B"))
    row = next(row for row in rows_of(page(found), "REFORMS") if row[0].strip() == "6b")
    assert r"A \| B" in row[4]


def test_a_cohort_with_centres_is_not_said_to_have_none():
    assert filled(run(), "TRIPOD+AI").loc["12d", "status"] == "not applicable"
    found = changed("cohort", lambda content: content["columns"].append("centre"))
    assert filled(found, "TRIPOD+AI").loc["12d", "status"] == "by the authors"
