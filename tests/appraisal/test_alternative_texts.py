import math

import pandas as pd
import pytest

from bulbar.appraisal import alternative_texts

PAIRS = pd.DataFrame(
    {"comparison": ["audio vs a", "audio vs b_c", "a vs b_c"], "difference": [0.2, -0.3, math.nan],
     "low": [0.1, -0.5, math.nan], "high": [0.3, -0.1, math.nan]}
)  # fmt: skip
GROUPS = pd.DataFrame({"group": ["sex: F", "sex: M", "age: 70"], "auc": [0.7, 0.4, math.nan]})


def test_of_the_comparisons_it_counts_those_that_differ_from_0_and_names_the_lowest():
    assert alternative_texts.comparisons(PAIRS) == (
        "Differences of AUC with intervals for 3 pairs of models, per subject. Intervals above 0: 1; below 0: 1; the "
        "others contain 0. The lowest is audio vs b c with -0.30."
    )


@pytest.mark.parametrize(
    ("table", "expected"),
    [(GROUPS, "Of 2 groups, the lowest is sex: M with 0.40 and the highest is sex: F with 0.70"),
     (GROUPS.assign(auc=math.nan), "no group is large enough")],
)  # fmt: skip
def test_of_the_groups_it_names_the_lowest_and_the_highest_that_have_a_score(table, expected):
    assert expected in alternative_texts.groups(table)


@pytest.mark.parametrize(("ece", "expected"), [({"value": 0.14}, "audio 0.14"), (None, "audio not defined")])
def test_a_calibration_error_that_is_not_defined_is_reported_as_such(ece, expected):
    assert expected in alternative_texts.reliability({"audio": {"uncalibrated": {"ece": ece}}})


def test_of_two_cohorts_it_quotes_the_auc_per_subject_as_recorded():
    rows = [
        ("main", "external", "as_recorded", "audio", "per_subject", "roc_auc", 0.61),
        ("main", "external", "as_recorded", "voice", "per_subject", "roc_auc", 0.71),
        ("main", "external", "low_passed", "audio", "per_subject", "roc_auc", 0.62),
        ("main", "external", "as_recorded", "audio", "per_recording", "roc_auc", 0.63),
        ("main", "main", "as_recorded", "audio", "per_subject", "accuracy", 0.64),
        ("main", "main", "as_recorded", "audio", "per_subject", "roc_auc", math.nan),
    ]
    table = pd.DataFrame(rows, columns=["trained_on", "tested_on", "band", "model", "unit", "score", "value"])
    expected = "as recorded: audio main on external 0.61, voice main on external 0.71."
    assert alternative_texts.external(table).endswith(expected)
