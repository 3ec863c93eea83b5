import pytest

from bulbar.audit import alternative_texts


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"format": 0.55, "sex": 0.71, "age": None}, "2 single inputs that might predict the label. The highest "
         "is recording conditions: sex with 0.71"),
        ({"format": None}, "none could be measured"),
    ],
)  # fmt: skip
def test_it_names_what_predicts_the_label_best_among_what_could_be_measured(values, expected):
    share = {"value": 0.9, "figure": "empty share of the image"}
    aucs = {of: {"value": value, "figure": "AUC per subject"} for of, value in values.items()}
    findings = {"recording_conditions": aucs, "dead_bands": {"sources": share}}
    assert expected in alternative_texts.label_probes(findings)


def test_each_split_s_mean_over_the_shuffles_is_quoted():
    findings = {"label_shuffle": {"record_wise": {"value": 0.77}, "subject_wise": {"value": 0.5}}}
    assert "0.77 split record_wise and 0.50 split subject_wise" in alternative_texts.nothing_to_learn(findings)
