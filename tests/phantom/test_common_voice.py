"""The synthetic readers: who they are, how far F0 separates their sexes, and what a real release has too."""

from collections import Counter

import numpy as np
import parselmouth
import pytest

from bulbar.phantom import common_voice, voice

DEFAULT = {"speakers": 100, "clips": (3, 5), "median_duration_s": 2.5, "f0_spread": 0.18, "max_epochs": 8}
SEED = 2025


def wanted(**changes):
    return common_voice.Settings.model_validate({**DEFAULT, **changes})


def people(**changes):
    return common_voice.people(wanted(**changes), SEED)


def f0_of(person):
    return voice.F0_HZ[person.sex]["A"] * person.speaker.f0_factor


def errors_of_best_threshold(everybody):
    """Share of wrong calls of the best threshold on F0 below which somebody is called a man."""
    values, is_man = np.array([f0_of(person) for person in everybody]), np.array([one.sex == "M" for one in everybody])
    return min(np.mean((values < limit) != is_man) for limit in np.sort(values))


def test_f0_overlaps_between_the_sexes_and_the_vocal_tract_separates_them_better():
    everybody = people(speakers=2000)
    assert 0.04 < errors_of_best_threshold(everybody) < 0.12
    is_man = np.array([person.sex == "M" for person in everybody])
    f4 = [voice.FORMANTS_HZ[one.sex]["A"][3] / one.speaker.tract for one in everybody]
    assert np.mean(np.array(f4)[~is_man]) / np.mean(np.array(f4)[is_man]) == pytest.approx(4299 / 3687, rel=0.02)


def test_without_a_spread_a_threshold_on_f0_separates_all():
    assert errors_of_best_threshold(people(speakers=400, f0_spread=0.01)) == 0


def test_praat_measures_the_f0_that_was_drawn():
    for clip in common_voice.clips(people(speakers=12), SEED)[::9]:
        samples = common_voice.read_out(clip, SEED) / 32768
        track = parselmouth.Sound(samples, voice.SAMPLE_RATE_HZ).to_pitch_ac(pitch_floor=55.0, pitch_ceiling=500.0)
        found = track.selected_array["frequency"]
        assert np.median(found[found > 0]) == pytest.approx(f0_of(clip.person), rel=0.2)


def test_men_and_women_by_turns_and_every_tenth_of_a_gender_that_is_not_used():
    everybody = people()
    assert Counter(person.sex for person in everybody) == {"M": 50, "F": 50}
    genders = Counter(person.gender for person in everybody)
    assert genders["male_masculine"] == 50 and genders["female_feminine"] == 40
    assert set(genders) == {"male_masculine", "female_feminine", "other", "non-binary", "do_not_wish_to_say", ""}
    assert len({person.client_id for person in everybody}) == 100
    assert {len(person.client_id) for person in everybody} == {128}


def test_speakers_have_several_clips_ages_and_accents():
    everybody = people()
    rows = common_voice.clips(everybody, SEED)
    counts = Counter(clip.person.client_id for clip in rows)
    assert (min(counts.values()), max(counts.values())) == (3, 5)
    assert {"twenties", "fourties", "sixties", ""} <= {person.age for person in everybody}
    assert len({person.accent for person in everybody}) == 4
    assert len({clip.name for clip in rows}) == len(rows)


def test_what_a_real_release_has_too():
    rows = common_voice.clips(people(), SEED)
    assert 0.04 < np.mean([clip.down_votes > 0 for clip in rows]) < 0.13
    assert any(not clip.there for clip in rows)
    assert all(clip.sentence.count('"') == 1 for clip in rows)
    stated = {}
    for clip in rows:
        stated.setdefault(clip.person.client_id, set()).add(clip.gender)
    assert sum(len(genders) > 1 for genders in stated.values()) == 1
    assert set(common_voice.row(rows[0])) == set(common_voice.COLUMNS)


def test_a_clip_depends_on_the_seed_and_on_no_other_clip():
    few, many = (common_voice.clips(people(speakers=speakers), SEED) for speakers in (12, 20))
    assert np.array_equal(common_voice.read_out(few[3], SEED), common_voice.read_out(many[3], SEED))
    assert not np.array_equal(common_voice.read_out(few[3], SEED), common_voice.read_out(few[3], SEED + 1))
