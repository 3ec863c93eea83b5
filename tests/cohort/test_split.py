"""One split per protocol: shares, strata, and that no speaker is on two sides where speakers are split."""

import numpy as np
import pandas as pd
import pytest

from bulbar.cohort import split
from bulbar.core.errors import BadInput
from bulbar.core.names import PROTOCOLS

SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}


def recordings(speakers=100, seed=0):
    """Three of five speakers are men; each has 1 to 6 recordings."""
    rng = np.random.default_rng(seed)
    rows = [
        {"recording_id": f"{n:03d}_{clip}", "subject_id": f"s{n:03d}", "label": int(n % 5 < 3)}
        for n in range(speakers)
        for clip in range(rng.integers(1, 7))
    ]
    return pd.DataFrame(rows)


def assigned(protocol, table=None, seed=1, **settings):
    table = recordings() if table is None else table
    return split.assign(table, protocol, split.Settings(**settings), seed)


def test_by_recording_the_shares_and_the_classes_are_those_of_the_settings():
    table = assigned("record_wise")
    shares = table["part"].value_counts(normalize=True)
    assert shares.to_dict() == pytest.approx(SHARES, abs=1 / len(table) * 2)
    men = table.groupby("part")["label"].mean()
    assert np.allclose(men, table["label"].mean(), atol=0.01)


def test_by_recording_speakers_are_on_both_sides():
    parts = assigned("record_wise").groupby("subject_id")["part"].nunique()
    assert (parts > 1).any()


@pytest.mark.parametrize("seed", range(5))
def test_by_speaker_nobody_is_on_two_sides(seed):
    table = assigned("subject_wise", seed=seed)
    assert table.groupby("subject_id")["part"].nunique().max() == 1
    speakers = table.drop_duplicates("subject_id")
    assert speakers["part"].value_counts(normalize=True).to_dict() == pytest.approx(SHARES, abs=0.011)
    assert np.allclose(speakers.groupby("part")["label"].mean(), 0.6, atol=0.05)


def test_the_order_of_the_recordings_changes_no_part():
    table = recordings()
    mixed = table.sample(frac=1, random_state=0)
    for protocol in PROTOCOLS:
        one, other = (assigned(protocol, rows).set_index("recording_id")["part"] for rows in (table, mixed))
        assert one.sort_index().equals(other.sort_index())


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("men", [0, 1, 2])
def test_too_few_of_a_class_are_reported_with_both_counts(protocol, men):
    rows = [{"recording_id": f"{n}", "subject_id": f"s{n}", "label": int(n < men)} for n in range(30)]
    with pytest.raises(BadInput, match=f"{30 - men} female, {men} male"):
        assigned(protocol, pd.DataFrame(rows))


SUBJECTS = pd.DataFrame(
    {"subject_id": list("abcde"), "sex": ["M", "F", None, "F", "M"], "age_years": [39.0, 40.0, 75.0, np.nan, 15.0]}
)


def test_men_are_the_positive_class_and_who_has_no_sex_no_label():
    assert split.labels(SUBJECTS, split.Settings()).to_dict() == {"a": 1, "b": 0, "d": 0, "e": 1}
    assert split.Settings().classes == ("female", "male")


def test_age_bands_begin_where_the_params_say():
    two = split.Settings(target="age_band")
    assert split.labels(SUBJECTS, two).to_dict() == {"a": 0, "b": 1, "c": 1, "e": 0}
    assert two.classes == ("under 40", "40 and over")
    three = split.Settings(target="age_band", age_bands=(20, 60))
    assert split.labels(SUBJECTS, three).to_dict() == {"a": 1, "b": 1, "c": 2, "e": 0}
    assert three.classes == ("under 20", "20 to 59", "60 and over")


def test_sizes_count_recordings_classes_and_speakers():
    table = assigned("subject_wise")
    found = split.sizes(table, ("female", "male"))
    assert sum(part["recordings"] for part in found.values()) == len(table)
    assert sum(part["speakers"] for part in found.values()) == 100
    assert all(part["female"] + part["male"] == part["recordings"] for part in found.values())
