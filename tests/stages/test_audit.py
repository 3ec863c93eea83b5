import json

import pandas as pd
import pytest

from bulbar.core.names import PROTOCOLS
from stages import audit, select
from stages.parts import probes
from tests.projects import write_csv, write_params
from tests.sweeps import write_recordings, write_study

PROBES = {
    "missingness", "speaker_overlap", "recording_conditions", "duplicates", "dead_bands", "label_shuffle",
    "pseudo_labels", "collapse", "published_numbers", "selection",
}  # fmt: skip


ARCHITECTURES, DROPOUT_RATES = ["S1A", "S1B", "S2A", "S2B", "S3A", "S3B"], [0.3, 0.0]
"""A fifth of the sweep; the last at dropout 0.3 calls everyone a patient."""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Six recordings of patients are filed under controls' names, too."""
    root = write_study(tmp_path_factory.mktemp("study"), architectures=ARCHITECTURES, dropout_rates=DROPOUT_RATES)
    write_recordings(root)
    write_params(root, spectrogram={"mel_bands": 16, "frames": 16}, bootstrap={"draws": 100})
    label_of = pd.read_csv(root / "data/folds/record_wise.csv", index_col="recording_id")["label"]
    patients, controls = (label_of.index[label_of == label][:6] for label in (1, 0))
    pairs = {"first": controls, "second": patients, "kind": "exact", "correlation": 1.0, "lag_s": 0.0}
    write_csv(root / "data/conditions/duplicates.csv", pd.DataFrame(pairs))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for protocol in PROTOCOLS:
            select.main(protocol)
        audit.main()
    return root


@pytest.fixture(scope="module")
def found(study):
    return json.loads((study / "metrics/audit.json").read_text())


def test_every_probe_of_the_issue_has_a_finding(found):
    assert found["synthetic"] is True
    assert set(found["findings"]) == PROBES


def test_cells_filled_for_patients_alone_are_a_leak_and_the_common_ones_are_not(found):
    verdicts = {name: finding["verdict"] for name, finding in found["findings"]["missingness"].items()}
    assert verdicts == {"clinical all": "leak", "clinical common": "clear"}


def test_speakers_are_on_both_sides_of_a_split_by_recording_alone(found):
    shares = {name: finding["value"] for name, finding in found["findings"]["speaker_overlap"].items()}
    assert shares["record_wise"] > 0.5
    assert shares["subject_wise"] == 0


def test_random_labels_within_a_class_are_learned_where_a_split_knows_the_speakers(found):
    verdicts = {of: finding["verdict"] for of, finding in found["findings"]["pseudo_labels"].items()}
    assert verdicts == {
        "record_wise, patients": "leak", "record_wise, controls": "leak",
        "subject_wise, patients": "clear", "subject_wise, controls": "clear",
    }  # fmt: skip


def test_the_p_of_a_shuffle_rests_on_as_many_shuffles_as_asked(found):
    p = found["findings"]["missingness"]["clinical all"]["p"]
    assert p == pytest.approx(1 / 1000, abs=1e-4)
    assert found["findings"]["label_shuffle"]["record_wise"]["details"]["shuffles"] == 999


def test_the_page_says_whose_voices_and_holds_every_finding_and_claim(study, found):
    page = (study / "metrics/audit.md").read_text()
    assert page.startswith("# Audit, synthetic cohort\n")
    sentences = [finding["sentence"] for probe in found["findings"].values() for finding in probe.values()]
    assert all(sentence in page for sentence in sentences)
    assert all(f"“{claim['quote']}”" in page for claim in found["claims"].values())


def test_the_corrected_score_of_the_winner_is_the_one_that_select_states(study, found):
    winner = json.loads((study / "metrics/selection/subject_wise.json").read_text())["pooled_winner"]
    of_audit = found["findings"]["selection"]["subject_wise, accuracy"]["details"]
    assert of_audit["corrected"] == winner["accuracy_corrected"]
    assert [of_audit["low"], of_audit["high"]] == winner["intervals"]["accuracy"]


def test_the_baselines_stand_beside_the_voice_s_own_score(found):
    voice = next(claim for claim in found["claims"].values() if "80.33" in claim["quote"])
    assert "voice_linear" in voice["subject_wise, selected cell"]["because"]


def test_nobody_is_named_in_what_git_holds(study):
    subjects = pd.read_csv(study / "data/clinical/subjects.csv")["subject_id"]
    text = (study / "metrics/audit.md").read_text() + (study / "metrics/audit.json").read_text()
    assert not [subject for subject in subjects if subject in text]


def test_three_pictures_are_drawn(study):
    assert {path.name for path in (study / "plots/audit").iterdir()} == {
        "label_probes.png",
        "shuffles.png",
        "table_4_folds.png",
    }


def test_recordings_under_the_names_of_both_groups_are_a_leak(found):
    (finding,) = found["findings"]["duplicates"].values()
    assert (finding["verdict"], finding["value"], finding["details"]["across_labels"]) == ("leak", 6, 6)
    assert "6 under both labels, one of which is wrong" in finding["sentence"]


@pytest.mark.parametrize("classes", [("HC", "ALS"), ("ALS", "HC")])
def test_the_paper_counts_patients_whatever_class_is_our_positive_one(study, monkeypatch, classes):
    monkeypatch.chdir(study)
    (figure_12,) = (found for found in probes.probe_paper(classes) if found.of == "Figure 12 and Table 5")
    assert "163 of them from patients: the one fold of 244" in figure_12.sentence
    assert figure_12.verdict == "suspect"
