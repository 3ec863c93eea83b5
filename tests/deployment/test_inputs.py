import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bulbar.core.errors import BadInput
from bulbar.deployment import inputs
from bulbar.deployment.encoding import Category, StoredEncoder
from bulbar.features import audio

CLEANING = audio.Settings(min_duration_s=0.5)
ENCODER = StoredEncoder(
    numeric={"age_years": 60.0, "cantagallo_questionnaire": 10.0},
    categorical={"sex": Category(mode="M", categories=("F", "M"))},
    features=(),
)


def voice(path: Path, rate: int = 8000, seconds: float = 1.0, **how) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.3 * np.sin(2 * np.pi * 150 * np.arange(int(rate * seconds)) / rate)
    soundfile.write(path, tone, rate, **how)
    return str(path)


def faults(files, task=None) -> list:
    with pytest.raises(BadInput) as caught:
        inputs.recordings(files, task, CLEANING)
    return caught.value.problems


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("phonationA/CT001_phonationA.wav", "A"),
        ("rhythmKA/CT001_rhythmKA.wav", "KA"),
        ("ALS/008_i.wav", "I"),
        ("some_one_PA.flac", "PA"),
    ],
)
def test_the_task_is_read_off_the_name_as_the_releases_write_it(tmp_path, name, task):
    (found,) = inputs.recordings([voice(tmp_path / name)], None, CLEANING)
    assert found.task == task


def test_a_name_without_a_task_asks_for_one_and_takes_it(tmp_path):
    file = voice(tmp_path / "recording.wav")
    (fault,) = faults([file])
    assert fault.where == file and "--task A" in fault.remedy
    assert inputs.recordings([file], "pa", CLEANING)[0].task == "PA"
    (fault,) = faults([file], task="X")
    assert fault.where == "--task" and "A, E, I, O, U" in fault.expected


def test_all_that_is_wrong_is_reported_at_once_each_with_its_file(tmp_path):
    text, empty = tmp_path / "text_A.wav", tmp_path / "empty_A.wav"
    text.write_text("no audio")
    empty.touch()
    silent = tmp_path / "silent_A.wav"
    soundfile.write(silent, np.zeros(8000), 8000)
    short = voice(tmp_path / "short_A.wav", seconds=0.1)
    files = [str(text), str(empty), str(silent), short, str(tmp_path), str(tmp_path / "nowhere_A.wav")]
    found = {fault.where: fault.found for fault in faults(files, task="A")}
    assert set(files) <= set(found)
    assert found[str(tmp_path)] == "a folder" and found[files[-1]] == "no such file"
    assert found[str(silent)] == "only zeros" and found[short] == "0.1000 s"


def test_a_task_that_contradicts_a_file_s_name_is_refused(tmp_path):
    named, unnamed = voice(tmp_path / "someone_PA.wav"), voice(tmp_path / "take2.wav", seconds=2)
    (fault,) = faults([named, unnamed], task="a")
    assert (fault.where, fault.found) == (named, "task PA in its name")
    assert [one.task for one in inputs.recordings([named, unnamed], "pa", CLEANING)] == ["PA", "PA"]


def test_a_copy_of_a_recording_counts_once_whatever_it_is_called(tmp_path):
    first, other = voice(tmp_path / "one_A.wav"), voice(tmp_path / "one_I.wav", seconds=2)
    copied = shutil.copy(first, tmp_path / "one_O.wav")
    lossless = tmp_path / "one_U.flac"
    soundfile.write(lossless, *soundfile.read(first))
    found = faults([first, other, str(copied), str(lossless)])
    assert [(fault.where, fault.found) for fault in found] == [
        (str(copied), f"the same samples as {first}"),
        (str(lossless), f"the same samples as {first}"),
    ]


def test_what_is_no_sound_file_of_a_voice_is_named_and_no_crash(tmp_path):
    (tmp_path / "x_A.raw").write_bytes(bytes(16000))
    slow = voice(tmp_path / "slow_A.wav", rate=40, seconds=3)
    long = str(tmp_path / ("x" * 300 + "_A.wav"))
    no_text = os.fsdecode(os.fsencode(tmp_path) + b"/\xff_A.wav")
    shutil.copy(slow, no_text)
    headerless, crawling, unnamable, unshowable = faults([str(tmp_path / "x_A.raw"), slow, long, no_text])
    assert "without a header" in headerless.found and crawling.found == "40 Hz"
    assert unnamable.found == "no such file" and unshowable.remedy == "rename the file"


def test_two_people_and_one_file_twice_are_refused(tmp_path):
    first, second = voice(tmp_path / "ALS/008_a.wav"), voice(tmp_path / "HC/008_a.wav", seconds=2)
    assert faults([first, second])[0].expected == "recordings of one person"
    assert [(fault.where, fault.found) for fault in faults([first, first])] == [(first, "one file twice")]
    names = ("phonationA/PZ001_phonationA.wav", "rhythmPA/PZ001_rhythmPA.wav")
    together = [voice(tmp_path / name, seconds=seconds) for seconds, name in enumerate(names, start=1)]
    assert len(inputs.recordings(together, None, CLEANING)) == 2


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", json.dumps({"age_years": 61, "sex": "f", "cantagallo_questionnaire": None})),
        ("p.csv", "age_years,sex,cantagallo_questionnaire\n61,F,\n"),
    ],
)
def test_a_person_s_values_are_read_from_json_and_csv(tmp_path, name, text):
    assert inputs.person(write(tmp_path / name, text), ENCODER) == {"age_years": 61.0, "sex": "F"}


@pytest.mark.parametrize(
    ("text", "cantagallo"),
    [
        ("age_years;sex;cantagallo_questionnaire\r\n61,5;F;12\r\n", 12.0),  # Excel, German, Italian, French
        ("\ufeffage_years;sex;cantagallo_questionnaire\r\n61,5;F;12\r\n", 12.0),  # its "CSV UTF-8"
        ('"age_years";"sex";"cantagallo_questionnaire"\n61,5;"F";12,0\n', 12.0),  # LibreOffice, all text in quotes
        ("age_years;sex;cantagallo_questionnaire;\r\n61,5;F;;\r\n;;;\r\n", None),  # empty cells beside and below
        ("age_years;sex\r\n61.5;F\r\n", None),  # Excel, Swiss
        ("sex;cantagallo_questionnaire;age_years\n f ; 1,234 ; 61,5 \n", 1.234),
        ("age_years\tsex\n61,5\tF\n", None),
        ('age_years,sex\n"61,5",F\n', None),
    ],
)
def test_a_table_is_read_as_spreadsheet_programs_save_it_where_the_comma_is_the_decimal_sign(
    tmp_path, text, cantagallo
):
    expected = {"age_years": 61.5, "sex": "F"} | ({"cantagallo_questionnaire": cantagallo} if cantagallo else {})
    (tmp_path / "p.csv").write_bytes(text.encode())
    assert inputs.person(tmp_path / "p.csv", ENCODER) == expected


def test_bytes_of_another_encoding_are_named(tmp_path):
    (tmp_path / "p.csv").write_bytes("age_years;größe\n61;F\n".encode("cp1252"))
    with pytest.raises(BadInput, match="save it as CSV UTF-8"):
        inputs.person(tmp_path / "p.csv", ENCODER)


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("p.json", '{"age_years": 161}', "years from 0 to 120"),
        ("p.json", '{"sex": "X"}', "one of F, M"),
        ("p.json", '{"fvc_percent": 80}', "a column that the models read"),
        ("p.json", "[1]", "JSON of type list"),
        ("p.json", "[" * 100_000, "invalid JSON"),
        ("p.json", '{"age_years": 40, "age_years": 80}', "occurs twice"),
        ("p.json", '{"age_years": 1' + "0" * 400 + "}", "years from 0 to 120"),
        ("p.json", '{"age_years": 1' + "0" * 5000 + "}", "invalid JSON"),
        ("p.json", "{}", "none"),
        ("p.csv", "age_years\n60\n61\n", "2 rows"),
        ("p.csv", "age_years,sex\n60\n", "1 cells in the row and 2 in the header"),
        ("p.csv", "age_years,sex\n61,5,F\n", "decimal comma"),
        ("p.csv", "age_years,sex\n61;F\n", "separated by ',', not by ';'"),
        ("p.csv", "age_years;sex\n61,F\n", "separated by ';', not by ','"),
        ("p.csv", "age_years;sex,cantagallo_questionnaire\n61;F,3\n", "more than one separator"),
        (
            "p.csv",
            "age_years;sex\n61.500;F\n",
            "a decimal point or a thousands separator, which is unclear: age_years 61.500",
        ),
        ("p.csv", 'sex,cantagallo_questionnaire\nF,"1,234"\n', "write a decimal point, not a comma"),
        ("p.json", '{"age_years": "61,5"}', "write a decimal point, not a comma"),
        ("p.csv", "", "0 rows"),
        ("p.csv", "age_years,age_years\n40,80\n", "occurs twice"),
        ("p.csv", f"age_years,sex\n{'1' * 200_000},F\n", "invalid CSV"),
    ],
)
def test_what_is_wrong_with_a_clinical_file_is_named(tmp_path, name, text, word):
    with pytest.raises(BadInput, match=r"p[.]") as caught:
        inputs.person(write(tmp_path / name, text), ENCODER)
    assert word in str(caught.value)


def test_a_clinical_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadInput, match="No such file"):
        inputs.person(tmp_path / "nobody.csv", ENCODER)
