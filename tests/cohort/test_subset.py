"""Drawing a subset: caps, shares and what the draw depends on, counted with pandas."""

import numpy as np
import pandas as pd
import pytest

from bulbar.cohort import minsk2020, subset, voc_als
from tests.releases import voc_als_rows, write_minsk2020, write_voc_als, write_voice

CLIPS, SPEAKERS = 3000, 200


def drawn(per_gender, cap, seed=1):
    rng = np.random.default_rng(0)
    speakers = rng.integers(0, SPEAKERS, CLIPS)
    male = speakers % 3 > 0
    names = np.array([f"clip{n}" for n in range(CLIPS)], dtype=object)
    wanted = per_gender and dict(zip(("male", "female"), per_gender, strict=True))
    settings = subset.Settings(per_gender=wanted, max_clips_per_speaker=cap)
    found = subset.choose(speakers, male, subset.keys(names, seed), settings)
    return pd.DataFrame({"speaker": speakers, "male": male, "within": found.within_cap, "chosen": found.chosen})


@pytest.mark.parametrize("cap", [1, 4, 1000])
def test_no_speaker_has_more_clips_than_the_cap_and_none_has_fewer_than_could_be(cap):
    table = drawn(None, cap)
    all_of = table.groupby("speaker").size()
    assert table.groupby("speaker")["within"].sum().eq(all_of.clip(upper=cap)).all()
    assert table["chosen"].equals(table["within"])


def test_each_gender_has_as_many_as_wanted_all_within_the_cap():
    table = drawn((300, 200), 5)
    assert table[table["chosen"]]["male"].value_counts().to_dict() == {True: 300, False: 200}
    assert table["within"][table["chosen"]].all()


def test_the_draw_spreads_evenly_over_the_speakers_and_over_the_clips_of_each():
    draws = [drawn((300, 200), 5, seed)["chosen"] for seed in range(200)]
    table = drawn(None, 5).assign(chance=np.mean(draws, axis=0))
    men = table[table["male"]].groupby("speaker")["chance"]
    expected = 300 / men.ngroups
    assert (men.size() >= 5).all() and 1 < expected < 5
    assert np.allclose(men.sum(), expected, atol=5 * np.sqrt(expected / 200))
    own = men.transform("mean")
    assert (abs(table["chance"][own.index] - own) < 5 * np.sqrt(own / 200)).all()


def test_who_gave_a_thousand_clips_is_drawn_no_more_often_than_who_gave_as_many_as_the_cap():
    """Within the cap are 80 clips of those who gave a thousand, 80 of those who gave four, 80 of those who gave one."""
    given = np.array([1000] * 20 + [4] * 20 + [1] * 80)
    speakers = np.repeat(np.arange(len(given)), given)
    settings = subset.Settings(per_gender={"male": 60, "female": 1}, max_clips_per_speaker=4)
    shares = []
    for seed in range(40):
        numbers = subset.keys(np.array([f"clip{n}" for n in range(len(speakers))], dtype=object), seed)
        found = subset.choose(speakers, np.ones(len(speakers), dtype=bool), numbers, settings)
        shares.append([(found.chosen & (given[speakers] == many)).sum() / 60 for many in (1000, 4, 1)])
    assert np.mean(shares, axis=0) == pytest.approx([80 / 240, 80 / 240, 80 / 240], abs=0.04)


def test_a_clip_s_number_depends_on_the_seed_and_its_name_alone():
    names = np.array(["a", "b", "c"], dtype=object)
    assert subset.keys(names[::-1], 1).tolist() == subset.keys(names, 1)[::-1].tolist()
    assert not set(subset.keys(names, 1)) & set(subset.keys(names, 2))


def test_a_release_of_another_kind_is_cut_down_alike(tmp_path):
    release = minsk2020.read(write_minsk2020(tmp_path, patients=range(1, 9), controls=range(1, 9)))
    settings = subset.Settings(per_gender={"male": 5, "female": 4}, max_clips_per_speaker=1)
    found = subset.of_release(release, settings, 1)
    sex_of = release.subjects.set_index("subject_id")["sex"]
    assert pd.Series([sex_of[file.subject_id] for file in found.files]).value_counts().to_dict() == {"M": 5, "F": 4}
    assert set(found.subjects["subject_id"]) == {file.subject_id for file in found.files}
    assert found.choice["within_cap"] == {"clips": 16, "male": 8, "female": 8}


def test_who_has_no_sex_recorded_is_left_out_and_counted_and_a_recording_without_a_row_stays(tmp_path):
    rows = voc_als_rows(4, 4)
    rows[0]["Sex"] = "-"
    write_voc_als(tmp_path, rows)
    write_voice(tmp_path / "phonationA/CT099_phonationA.wav", name="nobody")
    release = voc_als.read(tmp_path)
    found = subset.of_release(release, subset.Settings(per_gender=None, max_clips_per_speaker=9), 1)
    assert found.choice["sex_not_recorded"] == {"clips": 2}
    assert not {"CT001"} & ({file.subject_id for file in found.files} | set(found.subjects["subject_id"]))
    assert "CT099" in {file.subject_id for file in found.files}
    assert found.choice["subset"] == {"clips": 14, "male": 6, "female": 8}
