"""The report of the committed run of the gender study: the same code as the ALS study's, with its own sections."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from ruamel.yaml import YAML

from bulbar.report import gender
from stages import report
from tests.projects import ROOT
from tests.reports import HOSTILE, Page, change, write_gender_inputs

STAGE = YAML(typ="safe").load((ROOT / "gender/dvc.yaml").read_text())["stages"]["report"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    folder = write_gender_inputs(tmp_path)
    monkeypatch.chdir(folder)
    return folder


def written() -> tuple[str, str]:
    report.main("gender")
    return tuple((Path("report") / name).read_text(encoding="utf-8") for name in ("index.html", "summary.md"))


def test_the_stage_depends_on_all_that_the_page_is_made_of():
    named = {dep for dep in STAGE["deps"] if dep.startswith(("metrics", "plots", "data"))}
    assert named == set(report.READ["gender"])
    assert not [dep for dep in named if dep.startswith("data")], "git holds no data: the page could not be made from it"


def test_the_page_is_small_without_network_and_all_links_lead_to_files_or_headings(place):
    html, summary = written()
    page = Page(html)
    assert len(html) < 2e6 and len(summary.splitlines()) <= 60
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    names = {element["id"] for element in page.elements if "id" in element.attributes}
    for link in page.all("a", "link"):
        file, _, key = link["href"].partition("#")
        assert file == "data:," or ((place / "report" / unquote(file)).is_file() if file else key in names), file


def test_the_first_screen_has_the_scores_of_table_1_and_the_sections_are_folded(place):
    html, _ = written()
    first = Page(re.search(r'<section class="first".*?</section>', html, re.DOTALL)[0])
    table = pd.read_csv("plots/evaluate/table_1.csv").query("unit == 'clip'")
    shown = {link["title"].split(": ", 1)[1]: link.text for link in first.all("a") if "overview.csv#" in link["href"]}
    for row in table.to_dict("records"):
        text = shown[f"{row['protocol']}, {row['model']}: accuracy"]
        number = re.match(r"(\d+(?:\.(\d+))?) %", text)
        assert float(number[1]) == pytest.approx(row["accuracy"], abs=0.51 * 10 ** -len(number[2] or ""))
    titles = re.findall(r'<section class="folds" aria-labelledby="(\w+)"', html)
    assert titles == list(gender.SECTIONS)
    assert all(section.shows.endswith(".") for section in gender.SECTIONS.values())


def test_the_verdict_is_three_sentences_and_follows_the_comparison_with_the_threshold(place):
    file = Path("plots/evaluate/above_baselines.csv")
    for verdict, words in (("beats it", "beats the threshold"), ("falls short", "falls short of the threshold")):
        table = pd.read_csv(file)
        table.loc[(table["protocol"] == "subject_wise") & (table["model"] == "cnn_lstm_tuned"), "verdict"] = verdict
        table.to_csv(file, index=False)
        sentences = re.findall(r"^[123]\. .*$", written()[1], re.MULTILINE)
        assert len(sentences) == 3 and f"the network {words}." in sentences[1]
        shown = "Of all" in sentences[2] and "1 is shown to beat" in sentences[2]
        assert shown == (verdict == "beats it")


def test_the_summary_links_to_the_picture_and_has_every_model(place):
    summary = written()[1]
    target = re.search(r"\]\((\S+overview\.png)\)", summary)[1]
    assert (place / "report" / target).is_file()
    words = pd.read_csv("plots/overview/overview.csv")["words"].unique()
    assert all(f"| {word} | " in summary for word in words)


def test_where_f0_cannot_decide_its_own_table_is_shown(place):
    rows = [
        {"protocol": "subject_wise", "scope": "five folds", "group": "155 to 185 Hz", "model": model, "unit": "speaker",
         "speakers": 15, "clips": 44, "accuracy": accuracy, "accuracy_low": 20.0, "accuracy_high": 90.0,
         "roc_auc": None, "roc_auc_low": None, "roc_auc_high": None,
         "points": points, "points_low": low, "points_high": high, "verdict": verdict}
        for model, accuracy, points, low, high, verdict in (
            ("mean_f0_threshold", 53.3, None, None, None, None), ("cnn", 86.7, 33.4, 6.7, 66.7, "beats it"),
        )
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv("plots/evaluate/f0_overlap.csv", index=False)
    html, _ = written()
    table = Page(re.search(r'<table id="overlap".*?</table>', html, re.DOTALL)[0])
    texts = [cell.text for cell in table.all("td")]
    assert "53.3 % (20.0 to 90.0)" in texts and "+33.4 (+6.7 to +66.7)" in texts and "beats it" in texts


def test_classes_of_age_have_a_page_without_the_papers_digits(place):
    Path("plots/evaluate/printed_scores.csv").unlink()
    table = pd.read_csv("plots/evaluate/table_1.csv")
    ours = table[[name for name in table if not name.endswith("_paper")]]
    ours.rename(columns=lambda name: name.replace("male_accuracy", "positive_accuracy")).to_csv(
        "plots/evaluate/table_1.csv", index=False
    )
    content = json.loads(Path("metrics/evaluate.json").read_text())
    content["target"] = "age_band"
    for protocol in ("record_wise", "subject_wise"):
        content[protocol]["f0_threshold_hz"] = None
    Path("metrics/evaluate.json").write_text(json.dumps(content))
    html, _ = written()
    assert "Accuracy of the positive class" in html and "The paper has no scores for these classes." in html


def test_markup_in_a_string_stays_text(place):
    change(Path("metrics/ingest.json"), lambda value: HOSTILE if isinstance(value, str) else value)
    page = Page(written()[0])
    assert len(list(page.all("script"))) == 1
    assert not [image for image in page.all("img") if not image["src"].startswith("data:image/png")]


def test_every_picture_says_what_it_shows_with_a_number(place):
    texts = [image["alt"] for image in Page(written()[0]).all("img")]
    assert len(set(texts)) == len(texts) > 8
    assert all(len(words) > 60 and re.search(r"\d", words) for words in texts)


def test_the_same_inputs_give_the_same_bytes_wherever_a_search_is_stored(place):
    before = written()
    params = YAML(typ="safe").load(Path("params.yaml").read_text())
    params["tune"]["storage"], params["cohort"]["watched"] = "postgresql://someone@host/studies", "/validated.tsv"
    YAML(typ="safe").dump(params, Path("params.yaml"))
    assert written() == before
