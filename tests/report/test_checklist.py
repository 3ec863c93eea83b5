import copy
import re

import numpy as np
import pandas as pd
import pytest

from bulbar.core.names import PROTOCOLS
from bulbar.report.checklist import facts
from bulbar.report.checklist.page import ITEMS, answered, markdown
from tests.checklists import COLUMNS, cohort, metrics
from tests.projects import repository_params
from tests.sweeps import subjects_and_recordings, with_folds

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
NEVER_APPLICABLE = ("12d", "16", "20c", "23b")
ANSWERED_BY_EVERY_RUN = "5a 7 8a 9a 9b 10 11 12a 12b 12c 12e 12f 12g 13 14 15 20a 20b 21 22 23a 24 26"


def run(*, synthetic: bool = True) -> dict:
    """All files of a made-up run: name -> (file, content)."""
    found = {name: (f"metrics/{name}.json", content) for name, content in metrics(synthetic=synthetic).items()}
    for protocol in PROTOCOLS:
        split = facts.of_split(with_folds(subjects_and_recordings(), protocol))
        found[f"folds/{protocol}"] = (f"data/folds/{protocol}.csv", split)
    return found | {
        "cohort": ("data/cohort/subjects.csv", facts.of_cohort(*cohort(), list(COLUMNS), ["age_years", "sex"])),
        "params": ("params.yaml", repository_params()),
        "requirements": ("requirements.txt", {"keras": "3.15.1", "tensorflow": "2.21.0"}),
    }


def changed(name: str, change) -> dict:
    """A run in which the content of one file is another."""
    found = copy.deepcopy(run())
    change(found[name][1])
    return found


def filled_in(found: dict, title: str) -> pd.DataFrame:
    return answered(found)[title].set_index("item")


def entry(found: dict, title: str, number: str) -> str:
    """An item's status and answer."""
    return ": ".join(filled_in(found, title).loc[number, ["status", "answer"]])


def page(found: dict, cohort: str = "synthetic cohort") -> str:
    return markdown(answered(found), cohort)


def rows_of(text: str, title: str) -> list[list[str]]:
    """The table below a heading, cell by cell."""
    table = text.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_items_are_those_of_the_guidelines():
    sections = {}
    for item in ITEMS["REFORMS"]:
        sections[item.section] = f"{sections.get(item.section, '')} {item.item}".strip()
    assert sections == REFORMS_SECTIONS
    assert len(ITEMS["REFORMS"]) == 32
    assert " ".join(item.item for item in ITEMS["TRIPOD+AI"]) == TRIPOD_AI_ITEMS
    assert len(set(re.findall(r"\d+", TRIPOD_AI_ITEMS))) == 27


@pytest.mark.parametrize("found", [run(), {}], ids=["all", "nothing"])
@pytest.mark.parametrize("title", ITEMS)
def test_every_item_stands_on_the_page_once_whatever_the_run_has_written(title, found):
    rows = rows_of(page(found), title)
    assert [row[0] for row in rows] == [item.item for item in ITEMS[title]]
    assert {len(row) for row in rows} == {6}
    for _, _, _, status, answer, files in rows:
        if status == "by the authors":
            assert answer.startswith(r"\_\_\_\_\_\_\_\_ *To write: ") and not files
        else:
            assert len(answer) > 20 and files


@pytest.mark.parametrize("synthetic", [True, False])
@pytest.mark.parametrize("title", ITEMS)
def test_a_whole_run_answers_every_item_that_has_an_answer(title, synthetic):
    status = filled_in(run(synthetic=synthetic), title)["status"]
    answers = {item.item for item in ITEMS[title] if item.answer}
    reasons = {item.item for item in ITEMS[title] if item.not_applicable} - answers
    assert set(status[status == "from the run"].index) == answers
    assert set(status[status == "not applicable"].index) == (reasons if synthetic else reasons & set(NEVER_APPLICABLE))
    if title == "TRIPOD+AI":
        assert set(ANSWERED_BY_EVERY_RUN.split()) <= answers


@pytest.mark.parametrize("missing", sorted(run()))
def test_no_item_claims_an_answer_from_a_file_that_is_not_there(missing):
    whole = run()
    file = whole[missing][0]
    rest = {name: found for name, found in whole.items() if name != missing}
    for title in ITEMS:
        before, after = filled_in(whole, title), filled_in(rest, title)
        assert not [files for files in after["files"] if file in files]
        independent = before["files"].map(lambda files: file not in files)
        pd.testing.assert_frame_equal(before[independent], after[independent])


@pytest.mark.parametrize("title", ITEMS)
def test_with_nothing_run_only_the_repository_itself_answers(title):
    items = filled_in({}, title)
    assert set(items.index[items["status"] != "by the authors"]) <= {"2b", "2d", "2e"}


@pytest.mark.parametrize(
    ("title", "number", "name", "change", "before", "after"),
    [
        ("REFORMS", "3b", "ingest", lambda c: c.update(synthetic=False), "not applicable: ", "by the authors: "),
        ("REFORMS", "3d", "ingest", lambda c: c.update(patients=31, controls=14), "ALS: 30 of 45", "ALS: 31 of 45"),
        ("REFORMS", "3d", "ingest", lambda c: c.update(patients="all but <5", controls="<5"),
         "30 of 45 subjects (66.7 %). It", "ALS: all but <5 of 45 subjects. It is"),
        ("REFORMS", "3d", "params", lambda c: c.update(positive_class="HC"), "that of ALS: 30 of", "that of HC: 15 of"),
        ("REFORMS", "3f", "ingest", lambda c: c.update(missing_recordings=9),
         "recordings: 7 of 97", "recordings: 9 of 97"),
        ("REFORMS", "3f", "cohort", lambda c: c["classes"]["HC"].update(empty_share=0.001),
         "0% for ALS and 33% for HC.", "0% for ALS and under 1% for HC."),
        ("REFORMS", "4a", "params", lambda c: c["cohort"].update(on_bad_recording="quarantine"),
         "<5 recordings, <5 subjects (rule: a bad recording stops the run;", "go into quarantine, with the reason;"),
        ("REFORMS", "5a", "ingest", lambda c: c.update(synthetic=False), "at most 3 epochs", "at most 100 epochs"),
        ("REFORMS", "5e", "params", lambda c: c["sweep"].update(dropout_rates=[0.3]), "× 6 dropout", "× 1 dropout"),
        ("REFORMS", "6b", "folds/subject_wise", lambda c: c.update(overlap=0.25), "0.0 % of test", "25.0 % of test"),
        ("REFORMS", "6c", "audit", lambda c: c["findings"]["missingness"]["clinical all"].update(verdict="clear"),
         "clinical all: leak", "Of 1 inputs and conditions that the audit probed, none predicts"),
        ("REFORMS", "7b", "params", lambda c: c["bootstrap"].update(draws=500), "2000 bootstrap", "500 bootstrap"),
        ("REFORMS", "8b", "ingest", lambda c: c.update(synthetic=False), "The voices are synthetic", "run: One cohort"),
        ("TRIPOD+AI", "12c", "selection/subject_wise", lambda c: c["pooled_winner"].update(accuracy_corrected=0.5),
         "it has 0.634 (0.512 to 0.741)", "it has 0.500"),
        ("TRIPOD+AI", "12d", "cohort", lambda c: c["columns"].append("centre"), "column for", "by the authors: "),
        ("TRIPOD+AI", "12f", "appraise/subject_wise",
         lambda c: c["calibration"]["audio"]["platt"].update(brier={"value": 0.25, "low": 0.2, "high": 0.3}),
         "0.203 (0.103 to 0.303) after", "0.250 (0.200 to 0.300) after"),
        ("TRIPOD+AI", "12f", "appraise/subject_wise",
         lambda c: c["calibration"]["audio"].update(platt={"absent": "no scaler can be fitted"}),
         "from the run: ", "not applicable: No model was recalibrated: no scaler can be fitted."),
        ("TRIPOD+AI", "13", "ingest", lambda c: c.update(patients="all but <5", controls="<5"),
         "class has 66.7 % of the subjects", "class has all but a few of the subjects"),
        ("TRIPOD+AI", "14", "appraise/subject_wise", lambda c: c["groups"]["audio"]["sex"]["M"].update(patients=18),
         "sex M (17 ALS, 9 HC): AUC 0.643", "sex M (18 ALS"),
        ("TRIPOD+AI", "20b", "cohort", lambda c: c["classes"]["HC"].update(age_mean=None, age_sd=None),
         "HC (15): age 57.0 (sd 4.5) years, recorded for 15;", "HC (15): age recorded for 15;"),
        ("TRIPOD+AI", "23a", "fusion/subject_wise",
         lambda c: c["selected"]["audio"]["per_subject"].update(roc_auc=0.777),
         "by subject, AUC per subject: `audio` 0.618 (0.518 to 0.718)", "subject: `audio` 0.777"),
    ],
)  # fmt: skip
def test_an_answer_changes_with_the_file_that_it_quotes(title, number, name, change, before, after):
    assert before in entry(run(), title, number)
    assert before not in entry(changed(name, change), title, number)
    assert after in entry(changed(name, change), title, number)


def test_if_only_the_papers_protocol_was_run_its_scores_are_called_biased_and_no_scaler_is_claimed():
    found = {name: content for name, content in run().items() if not name.endswith("subject_wise")}
    assert "biased upwards" in entry(found, "TRIPOD+AI", "23a")
    assert "not applicable: No model was recalibrated: no scaler can be fitted." in entry(found, "TRIPOD+AI", "12f")


def test_a_cohort_is_counted_as_pandas_counts_it_and_few_people_are_not():
    subjects, recordings = cohort()
    found = facts.of_cohort(subjects, recordings, list(COLUMNS), ["age_years", "sex"])
    patients = subjects[subjects["label"] == "ALS"]
    assert found["classes"]["ALS"]["age_mean"] == pytest.approx(patients["age_years"].describe()["mean"])
    assert found["classes"]["ALS"]["age_sd"] == pytest.approx(patients["age_years"].describe()["std"])
    assert found["classes"]["ALS"]["sex"] == {"F": 10, "M": 20}
    assert found["classes"]["HC"]["sex"] == {"F": "<5", "M": "all but <5"}
    assert found["classes"]["HC"]["empty_share"] == pytest.approx(1 / 3)
    assert found["columns_of_one_class"] == ["fvc_percent"]
    assert found["tasks"] == {"A": 45, "PA": 45}


def test_a_share_of_empty_cells_reveals_no_count_under_five():
    subjects, recordings = cohort()
    patients = subjects.index[subjects["label"] == "ALS"]

    def empty_share(cells: int) -> float:
        """Of the patients, where so many have no FVC."""
        table = subjects.assign(fvc_percent=80.0)
        table.loc[patients[:cells], "fvc_percent"] = np.nan
        return facts.of_cohort(table, recordings, list(COLUMNS), [])["classes"]["ALS"]["empty_share"]

    assert {empty_share(cells) for cells in range(5)} == {0.0}
    assert empty_share(5) == pytest.approx(5 / (3 * 30))
    assert [empty_share(30 - cells) for cells in range(5)] == pytest.approx([1 / 3] * 5)


def test_the_age_of_fewer_than_five_is_not_given():
    subjects, recordings = cohort()
    few = subjects.groupby("label").head(4)
    found = facts.of_cohort(few, recordings, list(COLUMNS), ["age_years", "sex"])
    assert found["classes"]["HC"]["subjects"] == "<5"
    assert found["classes"]["HC"]["age_mean"] is None


def test_a_split_is_counted_part_by_part():
    table = with_folds(subjects_and_recordings(), "subject_wise")
    found = facts.of_split(table)
    tested = [table[table["fold"] == fold] for fold in range(1, 6)]
    patients = [rows.loc[rows["label"] == 1, "subject_id"].nunique() for rows in tested]
    assert set(patients) == {6}
    assert found["test"] == {"recordings": "18", "positive": "6", "negative": "<5"}
    assert found["overlap"] == 0
    assert facts.of_split(with_folds(subjects_and_recordings(), "record_wise"))["overlap"] > 0.5


@pytest.mark.parametrize("synthetic", [True, False])
def test_only_the_page_of_a_synthetic_cohort_warns_that_its_numbers_say_nothing_about_als(synthetic):
    text = page(run(synthetic=synthetic), "synthetic cohort" if synthetic else "voc_als cohort")
    assert ("Synthetic voices: no number on this page says anything about ALS" in text) == synthetic
    assert ("synthetic" in text.casefold()) == synthetic
    assert not re.findall(r".{20} [,.;:)](?= |$)", text)


def test_no_count_of_people_under_five_is_on_the_page():
    text = page(run())
    assert not re.findall(r"\b[1-4] (?:ALS|HC)\b|\bsex [FM] [1-4]\b|\bsubjects [1-4]\b|\b[1-4] missing", text)
    assert "<5 HC" in text
    assert "sex F (<5 ALS, 6 HC): too few to score" in text


@pytest.mark.parametrize(
    ("duplicates", "words"), [("fail", "stop the run"), ("quarantine", "are left out"), ("keep", "are kept")]
)
def test_what_becomes_of_equal_recordings_is_stated(duplicates, words):
    text = page(changed("params", lambda content: content["cohort"].update(duplicates=duplicates)))
    assert re.search(rf"recordings with the same samples [a-z ]*{words}\)", text)


def test_a_bar_in_an_answer_does_not_break_the_table():
    found = changed("audit", lambda content: content["findings"]["duplicates"]["recordings"].update(sentence="A | B"))
    row = next(row for row in rows_of(page(found), "REFORMS") if row[0] == "6b")
    assert r"A \| B" in row[4]
