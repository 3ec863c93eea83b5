import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bulbar.voice.controls import ControlRanges


@pytest.fixture
def controls():
    generator = np.random.default_rng(2)
    subjects = pd.DataFrame({"subject_id": [f"S{n}" for n in range(80)], "age_years": generator.normal(60, 9, 80)})
    subjects["sex"] = np.where(generator.random(80) < 0.5, "M", "F")
    rows = pd.DataFrame({"A:x": 3 + 0.2 * subjects["age_years"].to_numpy() + generator.normal(0, 1.5, 80)})
    rows["A:few"] = [1.0, 2.0, 3.0, 4.0, *[np.nan] * 76]
    rows.index = pd.Index(subjects["subject_id"])
    return rows, subjects


def test_the_range_is_that_of_a_regression_on_the_controls_alone(controls):
    rows, subjects = controls
    names = subjects["subject_id"][:60].tolist()
    with_patients = rows.copy()
    with_patients.iloc[60:] += 100
    ranges = ControlRanges.of(with_patients, subjects, names)
    known = np.column_stack([np.ones(60), subjects["age_years"][:60], subjects["sex"][:60] == "M"])
    found, left, *_ = np.linalg.lstsq(known, rows["A:x"].to_numpy()[:60], rcond=None)
    low, high = ranges.expected("A:x", pd.Series({"age_years": 70.0, "sex_male": 1.0}))
    half = stats.norm.isf(0.025) * np.sqrt(left[0] / 57)
    assert (low, high) == pytest.approx((found @ [1, 70, 1] - half, found @ [1, 70, 1] + half), abs=1e-3)
    assert ranges.expected("A:few", pd.Series(dtype=float)) is None
    assert ControlRanges.model_validate_json(ranges.model_dump_json()) == ranges


def test_where_age_and_sex_are_not_known_the_controls_mean_stands_in(controls):
    rows, subjects = controls
    ranges = ControlRanges.of(rows, subjects, subjects["subject_id"].tolist())
    mean = {"age_years": subjects["age_years"].mean(), "sex_male": (subjects["sex"] == "M").mean()}
    unknown = ranges.expected("A:x", pd.Series({"age_years": np.nan}))
    assert unknown == pytest.approx(ranges.expected("A:x", pd.Series(mean)))
