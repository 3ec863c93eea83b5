from bulbar.cohort import minsk2020
from tests.releases import write_minsk2020


def test_a_code_in_both_groups_is_two_people(tmp_path):
    release = minsk2020.read(write_minsk2020(tmp_path))
    assert release.subjects["subject_id"].tolist() == ["ALS008", "ALS024", "ALS100", "HC002", "HC024"]
    assert {(file.subject_id, file.task, file.path) for file in release.files} >= {
        ("ALS024", "A", "ALS/024_a.wav"),
        ("HC024", "I", "HC/024_i.wav"),
    }
    assert len(release.files) == 10
    assert release.structural == []
    assert release.faults == []


def test_codes_and_months_may_be_strings_or_numbers(tmp_path):
    release = minsk2020.read(write_minsk2020(tmp_path, patients=(8, 100), controls=(2,)))
    assert release.subjects["months_since_onset"].tolist()[:2] == [13.0, 105.0]
    assert release.subjects["sex"].tolist() == ["M", "M", "M"]


def test_controls_have_age_and_sex_only(tmp_path):
    release = minsk2020.read(write_minsk2020(tmp_path))
    controls = release.subjects[release.subjects["label"] == "HC"]
    recorded = controls.notna().all()
    assert [name for name in release.clinical if recorded[name]] == ["age_years", "sex"] == release.common
    assert controls[["months_since_onset", "onset_region", "bulbar_signs"]].isna().all(axis=None)
