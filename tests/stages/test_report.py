"""The report of the committed run: its stage, what it is made of, and what the page holds."""

import itertools
import json
import math
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from jinja2 import Environment, FileSystemBytecodeCache
from ruamel.yaml import YAML

from bulbar.report import als, rendering
from stages import report
from tests.projects import ROOT, repository_params
from tests.reports import HOSTILE, Page, change, write_inputs

AXES = ("dropout_rate", "recall", "false_positive_rate", "epoch", "fold")
STAGE = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]["report"]


@pytest.fixture(scope="module", autouse=True)
def templates_compiled_once(tmp_path_factory):
    """Templates are compiled for the first page, and read for the others."""
    compiled = {html: FileSystemBytecodeCache(str(tmp_path_factory.mktemp("compiled"))) for html in (True, False)}

    def environment(*, html: bool) -> Environment:
        made = rendering.environment(html=html)
        made.bytecode_cache = compiled[html]
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bulbar.report.page.environment", environment)
        yield


@pytest.fixture(scope="module")
def project(templates_compiled_once, tmp_path_factory):
    folder = write_inputs(tmp_path_factory.mktemp("report"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        report.main()
    return folder


@pytest.fixture(scope="module")
def text(project):
    return (project / "report/index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


@pytest.fixture
def another(project, tmp_path, monkeypatch):
    """The same inputs, to change."""
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written() -> tuple[str, str]:
    report.main()
    return tuple((Path("report") / name).read_text(encoding="utf-8") for name in ("index.html", "summary.md"))


def test_the_stage_depends_on_all_that_the_page_is_made_of():
    named = {dep for dep in STAGE["deps"] if dep.startswith(("metrics", "plots", "reference", "data"))}
    assert named == set(report.READ["als"])
    assert not [dep for dep in named if dep.startswith("data")], "git holds no data: the page could not be made from it"


def test_the_stage_depends_on_every_block_of_params_but_those_of_machines_and_places():
    params = repository_params()
    assert set(STAGE["params"]) == set(params) - {"compute", "remote"}


def test_the_same_inputs_give_the_same_bytes(another):
    before = {path.name: path.read_bytes() for path in (another / "report").iterdir()}
    report.main()
    assert {path.name: path.read_bytes() for path in (another / "report").iterdir()} == before


def test_neither_place_nor_clock_enters_the_page(another):
    first = written()
    params = YAML(typ="safe").load(Path("params.yaml").read_text())
    params["cohort"]["root"], params["compute"]["workers"] = "/somewhere/else", 7
    params["remote"]["private"] = "elsewhere"
    YAML(typ="safe").dump(params, Path("params.yaml"))
    assert written() == first
    params["seed"] += 1
    YAML(typ="safe").dump(params, Path("params.yaml"))
    assert written() != first


def test_the_page_is_one_file_under_5_MB_and_the_summary_under_60_lines(project):
    assert (project / "report/index.html").stat().st_size < 5e6
    assert len((project / "report/summary.md").read_text(encoding="utf-8").splitlines()) <= 60


def test_no_address_leads_outside_the_repository(page, project):
    assert not list(page.all("iframe", "object", "embed"))
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    names = {element["id"] for element in page.elements if "id" in element.attributes}
    for link in page.all("a", "link"):
        file, _, key = link["href"].partition("#")
        if file:
            assert file == "data:," or (project / "report" / unquote(file)).is_file(), file
        else:
            assert key in names


def found(content: object, key: str) -> object:
    """What stands in a JSON file under keys joined by dots, of which keys may hold some themselves."""
    if not key:
        return content
    for name, inner in content.items() if isinstance(content, dict) else ():
        if key == name or key.startswith(f"{name}."):
            try:
                return found(inner, key[len(name) + 1 :])
            except KeyError:
                continue
    raise KeyError(key)


def test_every_number_stands_where_its_link_leads(page, project):
    checked = 0
    for link in page.all("a"):
        file, _, key = unquote(link["href"]).partition("#")
        if link.attributes.get("class") != "number" or not file.endswith(".json") or not key:
            continue
        value = found(json.loads((project / "report" / file).read_text()), key)
        shown = re.match(r"-?[\d,]+(\.\d+)?", link.text)
        if isinstance(value, float | int) and not isinstance(value, bool):
            assert shown, (key, link.text, value)
            points = key.startswith("comparisons.") and key.endswith("accuracy.difference")
            scale = 100 if "%" in link.text or "sweep" in file or points else 1
            digits = len((shown[1] or ".")[1:])
            assert abs(float(shown[0].replace(",", "")) - scale * value) <= 0.5001 * 10**-digits, (key, link.text)
            checked += 1
        elif value is None:
            assert link.text == "–"
    assert checked > 300


def test_every_accuracy_of_the_papers_table_4_stands_where_its_link_leads(page, project):
    printed = pd.read_csv(project / "reference/als_table4_accuracy.csv", dtype=str).set_index("code")
    shown = [link for link in page.all("a") if "als_table4_accuracy.csv#S" in link["href"]]
    assert len(shown) == 2 * 60
    for link in shown:
        code, rate = unquote(link["href"]).partition("#")[2].split(": ")
        assert link.text == f"({printed.loc[code, rate]})"


def test_the_verdict_names_the_probes_that_found_a_leak_and_the_summary_says_what_each_number_is_of(another):
    findings = json.loads((another / "metrics/audit.json").read_text())["findings"]
    summary = written()[1]
    sentence = re.search(r"^3\. .*$", summary, re.MULTILINE)[0]
    leaks = [(name, one) for name, by in findings.items() for one in by.values() if one["verdict"] == "leak"]
    assert leaks
    for name, leak in leaks:
        assert name.replace("_", " ") in sentence
        assert re.search(
            rf"\*\*leak\*\* \| {name.replace('_', ' ')}: .* {leak['value']:.3f} .*{leak['figure']}", summary
        )


def test_the_first_screen_holds_one_picture_and_a_table_of_four_models(text, project):
    first = Page(re.search(r'<section class="first".*?</section>', text, re.DOTALL)[0])
    assert len(list(first.all("img"))) == len(list(first.all("table"))) == 1
    for protocol in ("record_wise", "subject_wise"):
        scores = json.loads((project / f"metrics/appraise/{protocol}.json").read_text())["scores"]
        shown = [link for link in first.all("a") if link["href"].endswith(".auc.value") and protocol in link["href"]]
        for link, model in zip(shown, ("voice", "audio", "clinical_common", "fused_common"), strict=True):
            auc = scores[model]["auc"]
            assert link.text == f"{auc['value']:.2f} ({auc['low']:.2f} to {auc['high']:.2f})"


def test_every_section_is_folded_and_opens_with_a_sentence(text):
    sections = re.findall(r'<section class="folds".*?<summary>(.*?)</summary>', text, re.DOTALL)
    assert len(sections) == len(als.SECTIONS) > 8
    for summary, (name, section) in zip(sections, als.SECTIONS.items(), strict=True):
        assert f'<h2 id="{name}">{section.title}</h2> <span>{section.shows}</span>' in summary
        assert section.shows.endswith(".") and section.shows.count(". ") == 0


def test_the_summary_links_to_the_picture(project):
    summary = (project / "report/summary.md").read_text(encoding="utf-8")
    target = re.search(r"\]\((\S+overview\.png)\)", summary)[1]
    assert (project / "report" / target).is_file()


@pytest.mark.parametrize(("speech", "easier"), [("as_released", False), ([0.1, 0.2, 0.4, 0.3], True)])
def test_a_cohort_that_is_easier_than_reality_says_so(another, speech, easier):
    params = YAML(typ="safe").load(Path("params.yaml").read_text())
    params["phantom"]["speech"] = speech
    YAML(typ="safe").dump(params, Path("params.yaml"))
    assert ("easier than reality" in written()[0]) == easier


def test_every_score_of_table_5_is_on_the_page(page):
    table = pd.read_csv(ROOT / "plots/evaluate/table_5.csv")
    table = table[~table["scope"].str.endswith("of folds")]
    shown = [link.text for link in page.all("a") if "table_5.csv" in link["href"] and link["href"].endswith("accuracy")]
    expected = [f"{value:.1f}" for value in table[["accuracy", "balanced_accuracy"]].to_numpy().ravel()]
    assert sorted(text.split(" ")[0] for text in shown if text[0] != "(") == sorted(expected)


def test_the_verdict_is_three_sentences_of_the_runs_numbers(project):
    sentences = re.findall(r"^[123]\. .*$", (project / "report/summary.md").read_text(encoding="utf-8"), re.MULTILINE)
    scores = json.loads((project / "metrics/evaluate.json").read_text())
    findings = json.loads((project / "metrics/audit.json").read_text())["findings"]
    verdicts = [finding["verdict"] for probe in findings.values() for finding in probe.values()]
    assert len(sentences) == 3
    assert f"{100 * scores['record_wise']['selected']['audio_accuracy']:.1f} %" in sentences[0]
    assert "80.33 % and 100 %" in sentences[0]
    low, high = (scores["subject_wise"]["selected"][f"audio_subject_auc_{end}"] for end in ("low", "high"))
    assert f"{low:.2f} to {high:.2f}" in sentences[1]
    assert f"{len(verdicts)} findings: {verdicts.count('leak')} leak" in sentences[2]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.55, 0.8, "better than chance"),
        (0.3, 0.7, "not shown to be better than chance"),
        (0.1, 0.4, "worse than chance"),
        (None, None, "without an interval"),
    ],
)
def test_what_the_verdict_says_of_chance_follows_the_interval(another, low, high, words):
    file = another / "metrics/evaluate.json"
    scores = json.loads(file.read_text())
    scores["subject_wise"]["selected"] |= {"audio_subject_auc_low": low, "audio_subject_auc_high": high}
    file.write_text(json.dumps(scores))
    sentence = written()[1].splitlines()[5]
    assert f", {words}" in sentence or f"of which {words}" in sentence


def test_an_audit_without_a_leak_has_none(another):
    change(another / "metrics/audit.json", lambda value: "clear" if value in ("leak", "suspect") else value)
    assert "findings: no leak and no suspect." in written()[1]


def test_headings_come_in_order(page):
    levels = [int(heading.tag[1]) for heading in page.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_every_picture_says_what_it_shows_with_a_number(page):
    texts = [image["alt"] for image in page.all("img")]
    assert len(texts) > 20 and len(set(texts)) == len(texts)
    assert all(len(words) > 60 and re.search(r"\d", words) for words in texts)


def test_tables_have_captions_and_heads(page):
    tables = len(list(page.all("table")))
    assert tables > 12
    assert len(list(page.all("caption"))) == len(list(page.all("thead"))) == tables
    assert {head["scope"] for head in page.all("th")} == {"row", "col"}


def words_of(text, heading):
    """The paragraphs of a section, as one text."""
    section = re.search(rf'<section class="folds" aria-labelledby="{heading}">(.*?)</section>', text, re.DOTALL)[1]
    return " ".join(" ".join(paragraph.text.split()) for paragraph in Page(f"<div>{section}</div>").all("p"))


def test_the_page_says_which_maps_may_be_read(text, project):
    sanity = json.loads((project / "metrics/explain.json").read_text())["sanity"]
    words = words_of(text, "explanations")
    for name, method in (("integrated gradients", "integrated_gradients"), ("Grad-CAM", "grad_cam")):
        assert f"{name} {sanity[method]['verdict']} (similarity {sanity[method]['likeness']:.2f})" in words


def test_what_shuffled_columns_cost_stands_with_its_interval(text, project):
    table = pd.read_csv(project / "plots/explain/permutation.csv").query("group == 'All columns'").set_index("model")
    for model in ("fused_all", "fused_common"):
        for by in ("by_values", "by_recording"):
            value, low, high = (table.loc[model, f"{by}{end}"] for end in ("", "_low", "_high"))
            assert f"{value:.2f} ({low:.2f} to {high:.2f})" in words_of(text, "explanations")


def test_explanations_lead_to_the_tables_that_their_figures_show(page):
    shown = {caption.text for caption in page.all("figcaption")}
    for title, table in (("SHAP shares of the fused models", "shap_groups"), ("Deletion curves", "deletion")):
        assert f"{title}plots/explain/{table}.csv" in shown


def test_a_map_that_points_at_nothing_does_not_beat_random_order(another):
    file = another / "metrics/explain.json"
    explained_by = json.loads(file.read_text())
    explained_by["deletion_less_than_random"] = {"area": -0.04, "low": -0.09, "high": 0.01}
    file.write_text(json.dumps(explained_by))
    alternative = next(image["alt"] for image in Page(written()[0]).all("img") if "Deletion" in image["alt"])
    assert "-0.04 (-0.09 to 0.01)" in alternative and "below" not in alternative


VOC_ALS = {
    "costliest_band": {
        "from_hz": 7476.2247,
        "to_hz": 11025.0,
        "auc_drop": 0.0505,
        "auc_drop_low": 0.0101,
        "auc_drop_high": 0.0902,
        "share_dead": 1.0,
    },
    "dead_bands": {
        "share_of_image": 0.3125,
        "auc_drop": {"value": 0.061, "low": 0.021, "high": 0.102, "p": 0.01},
        "log_loss_rise": {"value": 0.043, "low": -0.012, "high": 0.095, "p": 0.12},
    },
}
"""The costliest band of a run on VOC-ALS, which is sampled at 8 kHz; what hiding all dead bands costs is made up."""


def explained(another: Path, of_run: dict, *, masked: bool = False) -> list[str]:
    """The explanations on the page and in the summary, of a run with these numbers."""
    file = another / "metrics/explain.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | of_run))
    params = YAML(typ="safe").load(Path("params.yaml").read_text())
    params["spectrogram"]["mask_dead_bands"] = masked
    YAML(typ="safe").dump(params, Path("params.yaml"))
    html, summary = written()
    return [words_of(html, "explanations"), " ".join(summary.split())]


def test_a_costliest_band_above_the_recordings_bandwidth_holds_no_voice(another):
    for text in explained(another, VOC_ALS):
        assert "bandwidth contain no voice, only noise: 31.2 % of the image" in text
        costliest = "The most important band is one of them: hiding 7,476 to 11,025 Hz"
        assert f"{costliest}, above the bandwidth of 100.0 % of the recordings" in text
        assert re.search(r"an AUC of 0\.05[01] \(0\.010 to 0\.090\)", text)
        assert "AUC per subject falls by 0.061 (0.021 to 0.102)" in text
        assert "log loss rises by 0.043 (-0.012 to 0.095)" in text


@pytest.mark.parametrize(
    "changed", [{"share_dead": 0.2}, {"auc_drop": 0.0}, {"auc_drop": None}, {"share_dead": None}], ids=str
)
def test_a_costliest_band_that_holds_voice_or_costs_nothing_holds_voice(another, changed):
    for text in explained(another, VOC_ALS | {"costliest_band": VOC_ALS["costliest_band"] | changed}):
        assert "most important band" not in text and "31.2 % of the image" in text


@pytest.mark.parametrize("masked", [True, False])
def test_the_report_says_whether_the_networks_of_the_run_saw_the_bands_without_voice(another, masked):
    for text in explained(another, VOC_ALS, masked=masked):
        assert f"spectrogram.mask_dead_bands: {str(masked).lower()}" in text


def test_the_audit_s_finding_on_the_bands_without_voice_stands_beside_what_hiding_them_costs(another):
    file = another / "metrics/audit.json"
    audit = json.loads(file.read_text())
    content = {"verdict": "suspect", "figure": "AUC per subject", "value": 0.652, "low": 0.561, "high": 0.737}
    audit["findings"]["dead_bands"]["content"] = content | {"p": 0.002, "sentence": "That level …", "details": {}}
    file.write_text(json.dumps(audit))
    for text in explained(another, VOC_ALS):
        assert "a predictor of the label: suspect, AUC 0.65 (0.56 to 0.74)." in text.replace("**", "")


def test_where_every_band_may_hold_voice_and_where_an_image_has_no_bands_no_cost_is_stated(another):
    for text in explained(another, {"dead_bands": {"share_of_image": 0.0}}):
        assert "No mel band lies above a recording’s bandwidth" in text
    for text in explained(another, {"dead_bands": None}):
        assert "bandwidth" not in text.replace("bandwidth_hz", "")


def test_the_page_says_which_cohorts_and_which_network_are_compared(text, project):
    words = words_of(text, "external")
    params = YAML(typ="safe").load((project / "params.yaml").read_text())
    assert f"{params['published']['architecture']} at dropout {params['published']['dropout_rate']}" in words
    for role, file in (("main", "ingest"), ("external", "external/ingest")):
        content = json.loads((project / f"metrics/{file}.json").read_text())
        assert f"{content['subjects']} people recorded at {content['sample_rates_hz']} Hz" in words.split(role, 1)[1]
    assert f"{params['external']['bandwidth_hz']:,.0f} Hz" in {link.text for link in Page(text).all("a")}


def test_the_summary_holds_the_explanations_and_the_other_cohort(project):
    summary = (project / "report/summary.md").read_text(encoding="utf-8")
    content = {name: json.loads((project / f"metrics/{name}.json").read_text()) for name in ("explain", "external")}
    assert f"Grad-CAM {content['explain']['sanity']['grad_cam']['verdict']} (similarity" in summary
    assert (
        "Cells that are not recorded have a share of "
        f"{100 * content['explain']['fused_all']['shap_share_not_recorded']:.1f} %" in summary
    )
    for direction, words in (("main_to_external", "tested on external"), ("external_to_main", "tested on main")):
        sentence = summary.split(f"{words}: ", 1)[1].split(" Trained on")[0]
        for model, numbers in content["external"][direction]["as_recorded"].items():
            assert f"{model.replace('_', ' ')} {numbers['subject_auc']:.2f} (" in sentence


def test_a_run_without_a_second_cohort_leads_to_why(another):
    (another / "metrics/external.json").write_text('{"synthetic": false, "compared": false}')
    (another / "plots/external/external.png").unlink()
    scores = another / "plots/external/scores.csv"
    scores.write_text(scores.read_text().splitlines()[0] + "\n")
    html, summary = written()
    assert '<a class="number" href="../metrics/external.md#"' in html
    assert "No second cohort" in html and "No second cohort" in summary


def test_the_page_says_whose_voices_these_are(another):
    assert all("Synthetic voices" in text for text in written())
    ingest = another / "metrics/ingest.json"
    ingest.write_text(json.dumps(json.loads(ingest.read_text()) | {"synthetic": False, "source": "minsk2020"}))
    for text in written():
        assert "Synthetic voices" not in text and "minsk2020 cohort" in text


def test_markup_in_a_string_stays_text(another):
    change(
        another / "metrics/audit.json",
        lambda value: value + HOSTILE if isinstance(value, str) and len(value) > 30 else value,
    )
    change(another / "metrics/spread/subject_wise.json", lambda value: HOSTILE if isinstance(value, str) else value)
    change(another / "metrics/ingest.json", lambda value: HOSTILE if isinstance(value, str) else value)
    html, _ = written()
    page = Page(html)
    assert len(list(page.all("script"))) == 1
    assert not [image for image in page.all("img") if not image["src"].startswith("data:image/png")]
    assert any("window.taken" in paragraph.text for paragraph in page.all("p"))


def test_a_run_in_which_no_score_is_defined_has_a_page(another):
    for file in (another / "metrics").rglob("*.json"):
        change(file, lambda value: None if isinstance(value, float) else value)
    for file in (another / "plots").rglob("*.csv"):
        table = pd.read_csv(file)
        scores = [name for name in table.select_dtypes("float") if name not in AXES]
        table.assign(**dict.fromkeys(scores, math.nan)).to_csv(file, index=False)
    html, summary = written()
    assert "nan" not in re.sub(r"base64,[^\"]+|<script>.*</script>", "", html, flags=re.DOTALL).lower().replace(
        "nano", ""
    ).replace("domi", "")
    assert "without an interval, so no comparison" in summary


def test_no_person_is_named(text, project):
    named = re.compile(r"\b(?:CT|PZ)\d{3}\b|\b(?:ALS|HC)\d{3}\b|subject_id|recording_id")
    without_pictures = re.sub(r"base64,[^\"]+", "", text)
    assert not named.findall(without_pictures + (project / "report/summary.md").read_text(encoding="utf-8"))
