"""The reader of Common Voice: each rule of the release on a small one, and that millions of rows fit into memory."""

import subprocess
import sys

import pytest

from bulbar.cohort import check, common_voice, subset
from bulbar.core.errors import BadInput
from tests.pipelines import ROOT
from tests.releases import (
    COMMON_VOICE_COLUMNS,
    common_voice_row,
    common_voice_rows,
    write_common_voice,
)

ALL = subset.Settings(per_gender=None, max_clips_per_speaker=100)


def read(root, choosing=ALL, seed=1):
    return common_voice.read(root, choosing, seed)


def paths(release):
    return [file.path for file in release.files]


def table_of(root):
    return root / "validated.tsv"


def test_a_release_becomes_its_clips_and_their_speakers(tmp_path):
    release = read(write_common_voice(tmp_path))
    assert paths(release) == [
        f"clips/{name}.mp3" for name in ("f1_0", "f1_1", "f3_0", "f3_1", "m0_0", "m0_1", "m2_0", "m2_1")
    ]
    assert [file.recording_id for file in release.files][:2] == ["f1_0", "f1_1"]
    assert {file.task for file in release.files} == {"sentence"}
    subjects = release.subjects.set_index("subject_id")
    assert subjects["sex"].to_dict() == {"speaker0": "M", "speaker1": "F", "speaker2": "M", "speaker3": "F"}
    assert set(subjects["age_years"]) == {25.0}
    assert set(subjects["accent"]) == {"England English"}
    assert subjects["label"].isna().all()
    assert not release.faults and not release.structural
    assert release.unused_columns == [
        *("sentence_id", "sentence", "sentence_domain", "up_votes", "variant", "locale", "segment"),
    ]


def test_bare_quotes_in_sentences_swallow_no_row(tmp_path):
    rows = common_voice_rows(4, 2)
    for row, sentence in zip(rows, ['"', '""', 'a "b', '"c" d', "'", '"""', 'e\r"', "f\x85g"], strict=True):
        row["sentence"] = sentence
    assert len(read(write_common_voice(tmp_path, rows)).files) == 8


@pytest.mark.parametrize(
    ("gender", "sex"),
    [("male", "M"), ("male_masculine", "M"), ("female", "F"), ("female_feminine", "F"), ("Male", "M")],
)
def test_a_gender_that_is_used_becomes_a_sex(tmp_path, gender, sex):
    release = read(write_common_voice(tmp_path, [common_voice_row("one", "a.mp3", gender)]))
    assert release.subjects["sex"].tolist() == [sex]


@pytest.mark.parametrize("gender", ["other", "transgender", "non-binary", "do_not_wish_to_say", ""])
def test_any_other_gender_is_counted_and_left_out(tmp_path, gender):
    rows = [*common_voice_rows(), common_voice_row("else", "x.mp3", gender), common_voice_row("else", "y.mp3", gender)]
    release = read(write_common_voice(tmp_path, rows))
    assert release.choice["left_out_by_gender"] == {gender or "(empty)": 2}
    assert "else" not in set(release.subjects["subject_id"])
    assert release.choice["male_or_female"] == {"clips": 8, "male": 4, "female": 4}


def test_what_is_no_gender_of_a_release_is_counted_and_repeated_nowhere(tmp_path):
    """A shifted column holds sentences, or names: the counts stand in git."""
    rows = [common_voice_row(f"else{n}", f"x{n}.mp3", f"<b>Jane Doe, number {n}</b>") for n in range(3)]
    release = read(write_common_voice(tmp_path, [*common_voice_rows(), *rows]))
    assert release.choice["left_out_by_gender"] == {"(another)": 3}


def test_rows_that_were_voted_down_are_dropped(tmp_path):
    rows = common_voice_rows()
    rows[0]["down_votes"], rows[3]["down_votes"] = "1", "12"
    release = read(write_common_voice(tmp_path, rows))
    assert release.choice["rows"] == 8 and release.choice["no_down_votes"] == 6
    assert not {"clips/m0_0.mp3", "clips/f1_1.mp3"} & set(paths(release))


@pytest.mark.parametrize("second", ["female", "other"])
def test_a_speaker_with_two_genders_is_left_out_and_counted_even_where_one_was_voted_down(tmp_path, second):
    rows = [*common_voice_rows(), common_voice_row("speaker0", "z.mp3", second, down_votes="3")]
    release = read(write_common_voice(tmp_path, rows))
    assert release.choice["speakers_of_two_genders"] == 1
    assert release.choice["one_gender"] == {"clips": 6, "male": 2, "female": 4}
    assert "speaker0" not in set(release.subjects["subject_id"])


@pytest.mark.parametrize("second", ["male_masculine", "", "do_not_wish_to_say"])
def test_a_renamed_gender_or_none_stated_is_no_second_gender(tmp_path, second):
    rows = [*common_voice_rows(), common_voice_row("speaker0", "z.mp3", second)]
    assert read(write_common_voice(tmp_path, rows)).choice["speakers_of_two_genders"] == 0


def test_a_row_whose_clip_is_missing_is_counted_named_and_never_drawn(tmp_path):
    release = read(write_common_voice(tmp_path, missing=["m0_0.mp3", "f3_1.mp3"]))
    assert release.choice["missing_clips"] == 2
    assert release.missing == ["clips/m0_0.mp3", "clips/f3_1.mp3"]
    assert release.choice["clip_there_once"] == {"clips": 6, "male": 3, "female": 3}
    assert not set(release.missing) & set(paths(release))


@pytest.mark.parametrize("step", [1, -1])
def test_a_clip_that_two_speakers_claim_is_neither_s_whatever_the_order(tmp_path, step):
    rows = [*common_voice_rows(), common_voice_row("speaker1", "m0_0.mp3", "female")]
    release = read(write_common_voice(tmp_path, rows[::step]))
    assert release.choice["clips_of_two_speakers"] == 1
    assert release.choice["clip_there_once"] == {"clips": 7, "male": 3, "female": 4}
    assert "clips/m0_0.mp3" not in paths(release)


def test_a_clip_that_stands_twice_is_taken_once(tmp_path):
    rows = common_voice_rows()
    assert len(read(write_common_voice(tmp_path, [*rows, rows[0]])).files) == 8


def link(clip, target):
    clip.unlink()
    clip.symlink_to(target)


def test_links_within_the_release_and_into_dvc_s_cache_are_followed_and_the_clips_may_lie_elsewhere(tmp_path):
    root = write_common_voice(tmp_path / "release")
    kept = tmp_path / "cache/files/md5/0a/1b2c"
    kept.parent.mkdir(parents=True)
    (root / "clips/m0_0.mp3").rename(kept)
    (root / "clips/m0_0.mp3").symlink_to(kept)
    link(root / "clips/m0_1.mp3", "f1_0.mp3")
    (root / "clips").rename(tmp_path / "disk")
    (root / "clips").symlink_to(tmp_path / "disk")
    release = read(root)
    assert not release.faults and len(release.files) == 8


def test_blank_lines_are_no_rows(tmp_path):
    root = write_common_voice(tmp_path)
    table_of(root).write_text(table_of(root).read_text().replace("\n", "\n\n") + "\r\n")
    release = read(root)
    assert not release.faults
    assert release.choice["rows"] == len(release.files) == 8


@pytest.mark.parametrize("end", ["\n", ""])
def test_a_header_alone_is_no_cohort_and_every_step_is_counted(tmp_path, end):
    root = write_common_voice(tmp_path)
    table_of(root).write_text(table_of(root).read_text().partition("\n")[0] + end)
    with pytest.raises(BadInput, match=r"none is left: 0 rows, 0 male_or_female, .*0 subset"):
        check.cohort_of(read(root), [], quarantine=True, by="sex")


def test_another_s_table_is_refused_after_a_thousand_bad_rows(tmp_path):
    rows = [common_voice_row("one", "a.mp3", down_votes="?") for _ in range(1001)]
    with pytest.raises(BadInput, match="more than 1000 bad rows"):
        read(write_common_voice(tmp_path, rows))


def test_the_columns_of_older_releases_are_read(tmp_path):
    old = ["client_id", "path", "sentence", "up_votes", "down_votes", "age", "gender", "accent", "locale", "segment"]
    rows = [row | {"accent": "scotland"} for row in common_voice_rows()]
    release = read(write_common_voice(tmp_path, rows, columns=old))
    assert len(release.files) == 8
    assert set(release.subjects["accent"]) == {"scotland"}


def test_the_oldest_paths_have_no_ending(tmp_path):
    rows = [row | {"path": row["path"].removesuffix(".mp3")} for row in common_voice_rows()]
    release = read(write_common_voice(tmp_path, rows))
    assert paths(release)[0] == "clips/f1_0.mp3"


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path):
    plain = read(write_common_voice(tmp_path))
    text = table_of(tmp_path).read_bytes()
    table_of(tmp_path).write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))
    again = read(tmp_path)
    assert paths(again) == paths(plain)
    assert again.subjects.equals(plain.subjects)


@pytest.mark.parametrize(
    ("age", "years"), [("teens", 15), ("fourties", 45), ("forties", 45), ("nineties", 95), ("", None)]
)
def test_an_age_band_becomes_the_middle_of_its_years(tmp_path, age, years):
    (found,) = read(write_common_voice(tmp_path, [common_voice_row("one", "a.mp3", age=age)])).subjects["age_years"]
    assert found == years or (years is None and found != found)


def test_of_two_ages_the_more_frequent_one_stands(tmp_path):
    ages = ["thirties", "twenties", "thirties"]
    rows = [common_voice_row("one", f"{n}.mp3", age=age) for n, age in enumerate(ages)]
    assert read(write_common_voice(tmp_path, rows)).subjects["age_years"].tolist() == [35.0]


def test_the_draw_is_the_seed_s_and_no_row_order_s(tmp_path):
    rows = common_voice_rows(20, 5)
    choosing = subset.Settings(per_gender={"male": 10, "female": 8}, max_clips_per_speaker=2)
    first = read(write_common_voice(tmp_path / "one", rows), choosing)
    turned = read(write_common_voice(tmp_path / "two", rows[::-1]), choosing)
    assert paths(first) == paths(turned) and len(first.files) == 18
    assert first.subjects.equals(turned.subjects)
    assert paths(read(tmp_path / "one", choosing, seed=2)) != paths(first)


MEASURE = """
import json, resource, sys
from pathlib import Path
from bulbar.cohort import common_voice, subset
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
choosing = subset.Settings(per_gender={"male": 60, "female": 50}, max_clips_per_speaker=1)
release = common_voice.read(Path(sys.argv[1]), choosing, 1)
print(json.dumps([release.choice["rows"], (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024]))
"""


@pytest.mark.slow
def test_two_million_rows_cost_about_twenty_bytes_each(tmp_path):
    """0.7 GB of table in less than 0.4 GB of memory; clips are never opened."""
    (tmp_path / "clips").mkdir()
    with table_of(tmp_path).open("w") as table:
        table.write("\t".join(COMMON_VOICE_COLUMNS) + "\n")
        for n in range(2_000_000):
            row = common_voice_row(f"{n % 60_000:0128x}", f"common_voice_en_{n}.mp3", ("male", "female")[n % 2])
            row |= {
                "sentence": f'"{n} was gone with all the others before the morning came',
                "sentence_id": f"{n:064x}",
            }
            table.write("\t".join(row.get(name, "") for name in COMMON_VOICE_COLUMNS) + "\n")
    for n in range(0, 2_000_000, 5000):
        (tmp_path / f"clips/common_voice_en_{n + n // 5000 % 2}.mp3").touch()
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, tmp_path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    rows, megabytes = map(int, run.stdout.strip().strip("[]").split(","))
    assert rows == 2_000_000
    assert megabytes < 400
