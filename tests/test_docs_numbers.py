"""README.md and docs/: the scores they quote are those of the run that they name, and none is quoted unchecked."""

import json
import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from bulbar.core.names import PROTOCOLS
from tests.pipelines import ROOT

NUMBER = re.compile(r"[+−-]?\d+\.\d+(?: %)?|\d+ %")
"""What must be checked: decimals and percentages."""


class Run:
    """The metrics of a run, as its JSON files hold them."""

    def __init__(self, folder: str) -> None:
        self.folder = ROOT / folder

    def __call__(self, name: str, *keys: str):
        found = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        for key in keys:
            found = found[key]
        return found

    def scores(self, protocol: str, model: str, unit: str, cell: str = "published") -> dict:
        if model.startswith(("voice_", "age_sex", "majority")):
            return self(f"baselines/{protocol}", model, unit)
        return self(f"fusion/{protocol}", cell, model, unit)

    def finding(self, probe: str, of: str) -> dict:
        return self("audit", "findings", probe, of)


VOC_ALS, DEFAULT = Run("reference/voc_als_run/metrics"), Run("metrics")


def rounded(value: float, digits: int = 2, sign: str = "-") -> str:
    """To so many digits, a 5 upwards: as one rounds by hand what the JSON files hold."""
    there = Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{there:{sign}}".replace("-", "−")


def percent(share: float, digits: int = 1) -> str:
    return f"{rounded(100 * Decimal(str(share)), digits)} %"


def interval(value: float, low: float, high: float, sign: str = "-") -> str:
    return f"{rounded(value, sign=sign)} ({rounded(low, sign=sign)} to {rounded(high, sign=sign)})"


def auc(scores: dict, name: str = "roc_auc") -> str:
    return interval(scores[name], *scores["intervals"][name])


def of(found: dict, value: str = "value", sign: str = "-") -> str:
    return interval(found[value], found["low"], found["high"], sign)


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


ROWS = {
    "voice: published network": "audio",
    "voice: classic measures, linear model": "voice_linear",
    "clinical, `common` columns": "clinical_common",
    "voice and clinical, `common` columns": "fused_common",
    "clinical, `all` columns: **leak**": "clinical_all",
    "voice and clinical, `all` columns: **leak**": "fused_all",
}
PAPER = {"audio": "80.33 %", "fused_all": "100 %"}


def readme() -> list[str]:
    def cells(model: str) -> list[str]:
        by_recording = [VOC_ALS.scores(protocol, model, "per_recording") for protocol in PROTOCOLS]
        return [cell for one in by_recording for cell in (percent(one["accuracy"]), f"{rounded(one['roc_auc'])}")]

    subject = {model: auc(VOC_ALS.scores("subject_wise", model, "per_subject")) for model in ROWS.values()}
    ingested = VOC_ALS("ingest")
    shuffled = {protocol: VOC_ALS.finding("label_shuffle", protocol)["value"] for protocol in PROTOCOLS}
    return [
        f"{ingested['subjects']} people, {ingested['recordings']:,} recordings",
        row("majority class for everyone", "–", *cells("majority"), "–"),
        *(row(label, PAPER.get(name, "–"), *cells(name), subject[name]) for label, name in ROWS.items()),
        f"without any value: AUC {rounded(VOC_ALS.finding('missingness', 'clinical all')['value'])}.",
        f"{percent(VOC_ALS.finding('speaker_overlap', 'record_wise')['value'], 0)} of the test recordings",
        f"an AUC of {rounded(shuffled['record_wise'])}; `subject_wise` folds give {rounded(shuffled['subject_wise'])}:",
    ]


SUBJECT_ROWS = {
    "voice: published network": "audio",
    "voice: classic measures, linear model": "voice_linear",
    "voice: classic measures, random forest": "voice_forest",
    "age and sex": "age_sex",
    "clinical, `common` columns": "clinical_common",
    "voice and clinical, `common` columns": "fused_common",
}


def voc_als() -> list[str]:
    return [*people(), *claims(), *on_new_people(), *audited(), *other_cohort()]


def people() -> list[str]:
    main, external = VOC_ALS("ingest"), VOC_ALS("external/ingest")
    groups = f"({main['patients']} with ALS, {main['controls']} controls)"
    return [
        f"{main['subjects']} subjects {groups} and {main['recordings']:,} recordings",
        f"({external['patients']} patients, {external['controls']} controls)",
    ]


def difference(pair: str) -> str:
    found = VOC_ALS("appraise/subject_wise", "comparisons", pair, "per_subject", "roc_auc")
    return of(found, "difference", "+")


def claims() -> list[str]:
    by_recording, by_subject = (VOC_ALS(f"sweep/{protocol}", "S1B", "0.3") for protocol in PROTOCOLS)
    best, mean = (percent(by_recording[name]) for name in ("highest_fold_accuracy", "mean_accuracy"))
    new, majority = percent(by_subject["accuracy"]), percent(VOC_ALS("sweep/subject_wise", "majority_accuracy"))
    fused, alone = (
        percent(VOC_ALS.scores("record_wise", name, "per_recording")["accuracy"])
        for name in ("fused_all", "clinical_all")
    )
    missing = VOC_ALS.finding("missingness", "clinical all")
    leaking, columns = (missing["details"][name] for name in ("columns_that_leak_alone", "columns"))
    lost = VOC_ALS("explain", "fused_all")
    values, cells = (rounded(lost[f"auc_lost_by_{name}"]) for name in ("values", "recording"))
    over_voice, over_clinical = (difference(f"fused_common vs {name}") for name in ("audio", "clinical_common"))
    return [
        f"accuracy 80.33 % | best fold {best}, mean of the folds {mean}; split by subject {new}, below the majority's"
        f" {majority}",
        f"accuracy 100 % | {fused}, but clinical columns without voice also reach {alone} |",
        f"changes by {over_voice} over voice and by {over_clinical} over clinical columns",
        f"{leaking} of its {columns} clinical columns",
        f"has an AUC of {of(missing)}.",
        f"costs it an AUC of {values}. Shuffling which cells are recorded as well costs another {cells}.",
        f"voice has a share of {percent(lost['shap_share_voice'])}.",
    ]


def on_new_people() -> list[str]:
    def subject_row(label: str, model: str) -> str:
        scores = VOC_ALS.scores("subject_wise", model, "per_subject")
        rates = [percent(scores[name]) for name in ("balanced_accuracy", "sensitivity", "specificity")]
        return row(label, auc(scores), auc(scores, "roc_auc_pooled"), *rates)

    pooled = VOC_ALS.scores("subject_wise", "audio", "per_subject")["roc_auc_pooled"]
    point = VOC_ALS("appraise/subject_wise", "operating_points", "audio", "specificity_0.9")
    reached, sensitivity = (percent(point[name]["value"]) for name in ("specificity", "sensitivity"))
    groups = VOC_ALS("appraise/subject_wise", "groups", "audio")
    bulbar, spinal = (of(groups["onset"][name]["roc_auc"]) for name in ("bulbar", "spinal"))
    linear, forest = (difference(f"audio vs voice_{name}") for name in ("linear", "forest"))
    return [
        *(subject_row(label, model) for label, model in SUBJECT_ROWS.items()),
        f"is {linear} for the linear model and {forest} for the forest",
        f"over all folds, the AUC falls to {rounded(pooled)}.",
        f"chosen for 90 % specificity it reaches {reached}, and finds {sensitivity} of the patients",
        f"Their AUC is {of(groups['ALSFRS-R speech']['4 (normal)']['roc_auc'])}.",
        f"With bulbar onset it is {bulbar}, with spinal onset {spinal}.",
    ]


def audited() -> list[str]:
    names = {"all possible leaks": "all possible leaks together"}
    alone = {name: VOC_ALS.finding("recording_conditions", name) for name in ("level", "noise", "clipping", *names)}
    matched = alone["level"]["details"]["matched"]
    band = VOC_ALS("explain", "costliest_band")
    hidden = f"{band['from_hz']:,.0f} to {band['to_hz']:,.0f} Hz"
    age, sex = (rounded(VOC_ALS.finding("recording_conditions", name)["value"]) for name in ("age", "sex"))
    return [
        *(row(names.get(name, name), of(found), rounded(found["p"], 3)) for name, found in alone.items()),
        f"Among {matched['pairs']} pairs of patients and controls with the same level, the network's AUC is"
        f" {rounded(matched['roc_auc'])} instead of {rounded(matched['roc_auc_all'])}.",
        f"{percent(VOC_ALS.finding('dead_bands', 'sources')['value'], 0)} of the bands",
        f"most AUC, {rounded(band['auc_drop'])}, when the band from {hidden} is hidden",
        f"Age (AUC {age}) and sex ({sex})",
    ]


def other_cohort() -> list[str]:
    sides = VOC_ALS("external")

    def cells(direction: str, prefix: str) -> list[str]:
        found = [sides[direction][band] for band in ("as_recorded", "low_passed")]
        if prefix == "within":
            return [rounded(one["subject_auc_within"]) for one in found]
        return [interval(*(one[f"subject_auc{end}"] for end in ("", "_low", "_high"))) for one in found]

    balanced = sides["main_to_external"]["low_passed"]["subject_balanced_accuracy"]
    return [
        row("VOC-ALS", "VOC-ALS, out of fold", *cells("main_to_external", "within")),
        row("VOC-ALS", "Minsk2020", *cells("main_to_external", "outside")),
        row("Minsk2020", "Minsk2020, out of fold", *cells("external_to_main", "within")),
        row("Minsk2020", "VOC-ALS", *cells("external_to_main", "outside")),
        f"(balanced accuracy {rounded(balanced)})",
    ]


DEFAULT_ROWS = {
    "majority class for everyone": "majority",
    "age and sex": "age_sex",
    "recording conditions": "conditions",
    "voice: classic measures, voice model": "voice",
    "voice: published network, S1B at 0.3": "published audio",
    "voice: selected network": "audio",
    "clinical, `common` columns": "clinical_common",
    "voice and clinical, `common` columns": "fused_common",
    "clinical, `all` columns: **leak**": "clinical_all",
    "voice and clinical, `all` columns: **leak**": "fused_all",
}


def default_run() -> list[str]:
    def cells(model: str) -> list[str]:
        scores = [DEFAULT(f"appraise/{protocol}", "scores", model) for protocol in PROTOCOLS]
        return [cell for one in scores for cell in (percent(one["accuracy"]["value"]), of(one["auc"]))]

    main = DEFAULT("ingest")
    accuracies = [
        cell["accuracy"]
        for by_rate in DEFAULT("sweep/subject_wise").values()
        if isinstance(by_rate, dict)
        for cell in by_rate.values()
        if isinstance(cell, dict)
    ]
    majority = DEFAULT("sweep/subject_wise", "majority_accuracy")
    missing = DEFAULT.finding("missingness", "clinical all")["value"]
    by_recording, by_subject = (rounded(DEFAULT.finding("label_shuffle", name)["value"]) for name in PROTOCOLS)
    shares = [percent(DEFAULT.finding("collapse", name)["value"], 0) for name in PROTOCOLS]
    return [
        f"{main['subjects']} synthetic subjects ({main['patients']} with ALS), {main['recordings']} recordings",
        *(row(label, *cells(model)) for label, model in DEFAULT_ROWS.items()),
        f"from {percent(min(accuracies))} to {percent(max(accuracies))}; the majority class has {percent(majority)}.",
        f"In {shares[0]} of the `record_wise` cells and {shares[1]} of the `subject_wise` cells",
        f"predicts the label (AUC {rounded(missing)}, a leak)",
        f"an AUC of {by_recording} with `record_wise` folds and {by_subject} with `subject_wise` folds",
    ]


PAGES = {
    "README.md": (readme, {"3.11", "3.13", "0.3", "95 %", "0.50"}),
    "docs/voc_als.md": (voc_als, {"0.3", "80.33 %", "100 %"}),
    "docs/default_run.md": (default_run, {"0.3", "66.94 %", "90 %", "95 %"}),
}
"""What each page quotes, and the numbers in it that no run measured."""


def prose(page: str) -> str:
    """A page with the blanks between its words made one each; code and addresses left out."""
    text = (ROOT / page).read_text(encoding="utf-8")
    text = re.sub(r"```.*?```|\]\([^)]*\)", " ", text, flags=re.DOTALL)
    return " ".join(text.split())


@pytest.mark.parametrize("page", PAGES)
def test_every_score_on_a_page_is_the_one_that_the_run_measured(page):
    quoted, own = PAGES[page]
    if page == "docs/default_run.md" and not DEFAULT("ingest", "synthetic"):
        pytest.skip("the page describes the default run, and metrics/ holds another")
    rest = prose(page)
    assert [quote for quote in quoted() if " ".join(quote.split()) not in rest] == []
    for quote in sorted(quoted(), key=len, reverse=True):
        rest = rest.replace(quote, " ")
    assert set(NUMBER.findall(rest)) <= own


def test_the_aggregates_that_the_pages_quote_are_small_and_hold_no_row_of_a_person():
    folder = ROOT / "reference/voc_als_run"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1e6
    assert {path.suffix for path in files} == {".json", ".md", ".png"}

    def keys(content) -> set[str]:
        if isinstance(content, dict):
            return set(content).union(*map(keys, content.values()))
        return set().union(*map(keys, content)) if isinstance(content, list) else set()

    for path in (path for path in files if path.suffix == ".json"):
        assert not {"subject_id", "recording_id", "file", "sha256", "path"} & keys(json.loads(Path(path).read_text()))
