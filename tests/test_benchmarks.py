"""The benchmarks run, at sizes at which their numbers mean nothing; and what they compare with is the same work."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from benchmarks import (
    expectations,
    front_end,
    large_release,
    many_clips,
    measuring,
    no_op,
    ours,
    recordings,
    samplers,
    sweep,
    voice_measures,
)
from benchmarks.expectations import Pace, Study
from benchmarks.measuring import Failed, Run
from benchmarks.plain import librosa_script
from bulbar.cohort import voc_als
from bulbar.features import audio, spectrogram
from bulbar.training.fit_cache import FitCache
from tests.projects import write_cohort, write_csv


def printed(capsys, monkeypatch, benchmark, *arguments: str) -> str:
    """What a benchmark prints when it is run with some arguments."""
    monkeypatch.setattr(sys, "argv", ["benchmark", *arguments])
    benchmark.main()
    return capsys.readouterr().out


def tables(text: str) -> list[list[list[str]]]:
    """The rows of each Markdown table in a text, its head first."""
    blocks = re.findall(r"(?:^\|.*\|$\n?)+", text, flags=re.MULTILINE)
    rows = [[[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()] for block in blocks]
    return [[head, *body] for head, _, *body in rows]


CELL = "S5B/0.3"


def run(seconds: float, accuracy: list[float], epochs: int = 2) -> Run:
    """A run made up: one second a fit."""
    fits = {"seconds": [1.0] * len(accuracy), "epochs": [epochs] * len(accuracy), "accuracy": accuracy}
    return Run(seconds, None, {CELL: fits})


def test_a_spread_is_the_median_and_the_ends_and_ratios_are_taken_turn_by_turn():
    assert measuring.spread([3.0, 1.0, 2.0]) == "2.0 (1.0 to 3.0)"
    assert measuring.spread([2.0], 2) == "2.00"
    assert measuring.ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]


def test_contenders_run_in_turns_and_the_order_turns_round():
    order: list[str] = []
    measuring.in_turns({name: lambda name=name: order.append(name) for name in "ab"}, 3)
    assert order == ["a", "b", "b", "a", "a", "b"]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is watched on Linux only")
def test_a_process_and_its_workers_are_timed_and_their_memory_is_watched_without_pages_of_files(tmp_path):
    np.save(tmp_path / "mapped.npy", np.ones((100, 1000, 250), np.float32))  # 100 MB
    child = "import time; held = b'x' * 50_000_000; [None for _ in iter(lambda: time.process_time() < 0.3, False)]"
    script = (
        "import numpy, subprocess, sys, time; mapped = numpy.load('mapped.npy', mmap_mode='r'); mapped.sum()\n"
        f"subprocess.run([sys.executable, '-c', {child!r}]); time.sleep(0.3); print('[1, 2]')"
    )
    found = measuring.run_command([sys.executable, "-c", script], folder=tmp_path, watch_memory=True)
    assert found.answer == [1, 2] and 0.3 <= found.processor_seconds < found.seconds - 0.2
    assert 5e7 < found.peak_own_bytes < 1.2e8 and found.peak_bytes > found.peak_own_bytes + 9e7
    with pytest.raises(Failed, match="no such thing"):
        measuring.run_command([sys.executable, "-c", "raise SystemExit('no such thing')"], folder=tmp_path)


def test_the_machine_is_described_without_its_name():
    found = measuring.machine("numpy")
    assert f"numpy {np.__version__}" in found and Path.home().name not in found.split() and "/" not in found


def test_the_plain_script_makes_the_same_image_as_the_two_stages(tmp_path):
    path = tmp_path / "voice.wav"
    soundfile.write(path, recordings.voice(0, 3.0), recordings.SAMPLE_RATE_HZ, subtype="PCM_16")
    cleaned = audio.clean(path, audio.Settings(min_duration_s=0.5))
    audio.write(tmp_path / "clean.wav", cleaned, 22050)
    ours = spectrogram.image_of_file(tmp_path / "clean.wav", spectrogram.Settings())[0]
    assert len(cleaned) < 0.95 * 3.0 * 22050  # there was silence to remove
    np.testing.assert_allclose(librosa_script.mel_image(path), ours, atol=1e-4)


def test_scores_are_equal_within_one_standard_error_of_the_plain_loop():
    plain = [[0.7, 0.8, 0.9]]  # its standard error is 0.1 / sqrt(3) = 0.058
    assert sweep.equal_scores(plain, [[0.75, 0.85, 0.95]]).startswith("yes (+0.050, SE 0.058)")
    assert sweep.equal_scores(plain, [[0.8, 0.9, 0.9]]).startswith("**no** (+0.067")
    assert sweep.equal_scores([[2 / 3] * 5], [np.full(5, 2 / 3, np.float32).tolist()]).startswith("yes")
    assert sweep.equal_scores([[0.7]], [[0.7]]) == "one fold: cannot say"


def test_rows_compare_with_the_plain_loop_turn_by_turn():
    found = {sweep.PLAIN: [run(60, [0.5, 0.5]), run(30, [0.5, 0.5])], "ours": [run(20, [0.5, 0.5])] * 2}
    _, of_cell = sweep.rows_of(CELL, found, 100, {sweep.PLAIN: 1, "ours": 2})
    assert of_cell[:5] == ("S5B", "0.3", "ours", "400 (400 to 400)", "2.00 (2.00 to 2.00)")
    _, in_all = sweep.total_rows(found, fits=2)
    assert in_all == ("ours", "20.0 (20.0 to 20.0)", "6.00 (6.00 to 6.00)", "2.25 (1.50 to 3.00)")


def test_made_up_images_have_every_fold_and_overlapping_classes(tmp_path):
    sweep.write_images(tmp_path, 100, 16)
    images, labels, fold_of = (np.load(tmp_path / f"{name}.npy") for name in ("images", "labels", "folds"))
    assert images.shape == (100, 16, 16) and images.dtype == np.float32 and 0 <= images.min() < images.max() <= 1
    assert np.bincount(fold_of).tolist() == [0, 20, 20, 20, 20, 20]
    band = images[:, 4:8].mean(axis=(1, 2))
    assert band[labels == 0].mean() < band[labels == 1].mean() < band[labels == 0].max()


def test_the_sweep_prints_a_row_for_each_contender(capsys, monkeypatch):
    answers = {"benchmarks.plain.keras_loop": run(4, [0.5]), "benchmarks.ours": run(1, [0.5])}
    monkeypatch.setattr(sweep, "run_module", lambda module, *given: answers[module])
    small = ("--networks", "S5B", "--dropout-rates", "0.3", "--folds", "1", "--images", "50", "--turns", "1")
    of_networks, totals = tables(printed(capsys, monkeypatch, sweep, *small))
    names = [sweep.PLAIN, "ours, float32", "ours, mixed_bfloat16"]
    assert [row[:3] for row in of_networks[1:]] == [["S5B", "0.3", name] for name in names]
    assert totals[1:3] == [[sweep.PLAIN, "4.0", "15.00", "1.00"], ["ours, float32", "1.0", "60.00", "4.00"]]


def test_more_clips_are_computed_on_the_line_through_the_fewest_and_the_most():
    assert many_clips.on_the_line({10: 2.0, 50: 100.0, 110: 4.0}, 1110) == pytest.approx(24.0)
    assert many_clips.on_the_line({10: 5.0, 110: 4.0}, 1110) == 4.0  # falls by chance: never under what was seen
    assert many_clips.on_the_line({10: 5.0}, 20) == 10.0


def test_what_is_computed_takes_start_up_once_and_shares_the_work():
    def both(seconds: float, megabytes: float) -> dict[str, Run]:
        return dict.fromkeys(many_clips.STAGES, Run(seconds, None, None, round(megabytes * 1e6), 2 * seconds))

    rows = many_clips.computed_rows({1000: both(46, 300), 2000: both(82, 301)}, 101_000, workers=2)
    assert rows[0] == ("preprocess_audio", "1.01", "1.01", "400")  # (10 + 36 × 101) s; 299 MB + 1 for each 1000
    found = {1000: dict.fromkeys(many_clips.STAGES, Run(2.0, 5 * 10**8, None, 3 * 10**8, 3.0))}
    assert many_clips.measured_rows(found)[0][1:] == ("1000", "2.0", "3.0", "3.00", "300", "500")


@pytest.mark.slow
def test_ours_and_the_plain_loop_print_the_same_kind_of_answer(tmp_path, capsys):
    sweep.write_images(tmp_path, 50, 128)
    ours.main(str(tmp_path), "1", "1", "0", "float32", "1", CELL)
    for answer in (
        json.loads(capsys.readouterr().out),
        measuring.run_module("benchmarks.plain.keras_loop", tmp_path, 1, 1, 0, CELL).answer,
    ):
        assert answer[CELL]["epochs"] == [1] and len(answer[CELL]["accuracy"]) == len(answer[CELL]["seconds"]) == 1


def test_growth_is_one_where_time_is_linear_and_two_where_it_is_quadratic_at_twice_the_size():
    found = {size: Run(9.0, None, None, None, seconds) for size, seconds in ((10, 1.0), (20, 2.0), (40, 8.0))}
    assert large_release.growth(found) == {10: "", 20: "1.00", 40: "2.00"}


def test_a_large_release_is_sound_and_no_two_of_its_recordings_are_the_same(tmp_path):
    paths = large_release.write_release(tmp_path / "whole", 6, 24, 0.6, 1)
    folder = large_release.write_project(tmp_path / "project", tmp_path / "whole", paths[:16], 1)
    release = voc_als.read(folder / "release")
    assert not release.faults and not release.structural
    assert (len(release.files), len(release.subjects)) == (16, 2)
    assert len({(tmp_path / "whole" / path).read_bytes() for path in paths}) == 24


def test_samplers_print_a_table_in_which_a_fit_counts_once_and_the_replay_in_seconds(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("BULBAR_CACHE", str(tmp_path / "fits"))
    grid = pd.DataFrame({"sampler": "grid", "state": "complete", "validation_loss": [0.4, 0.1, 0.3, 0.2]})
    again = pd.DataFrame({"sampler": "random", "state": ["complete", "failed"], "validation_loss": [0.1, np.nan]})
    trials = pd.concat([grid.assign(fit=list("abcd")), again.assign(fit=["b", None]), again[:1].assign(fit="b")])
    trials["trial"] = trials.groupby("sampler").cumcount() + 1
    trials["best_so_far"] = trials.groupby("sampler")["validation_loss"].cummin().ffill()
    write_csv(tmp_path / "data/tune/record_wise/trials.csv", trials)
    write_cohort(tmp_path, [{"subject_id": "one"}])
    for name in "abcd":
        place = FitCache(tmp_path / "fits").place(name)
        place.mkdir(parents=True)
        (place / "seconds.txt").write_text("1.0\n")
    text = printed(capsys, monkeypatch, samplers, "--pipeline", str(tmp_path))
    ((_, of_grid, of_random),) = tables(text)
    assert of_grid[:6] == ["grid", "4", "0", "0", "4", "4.0"] and of_random[:6] == ["random", "3", "0", "1", "1", "1.0"]
    assert "record_wise · synthetic cohort" in text
    assert re.search(r"after [23] s \(1 to 4\) of the 4 s that the whole grid takes", text)  # one best point of four


def each(names, sizes: str) -> list[list[str]]:
    return [[name, size] for name in names for size in sizes.split()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("benchmark", "arguments", "firsts"),
    [
        (
            no_op,
            "--stages phantom --turns 1",
            [[[f"{name}, {place}"] for name in no_op.COMMANDS for place in ("empty pipeline", "finished project")]],
        ),
        (
            front_end,
            "--recordings 3 --duration 2 --workers 1 --turns 1",
            [[["librosa script"], ["two stages"]]],
        ),
        (
            many_clips,
            "--clips 20 40 --duration 1 --workers 1 --corpus 1000",
            [each(many_clips.STAGES, "20 40"), [[stage] for stage in many_clips.STAGES]],
        ),
        (
            large_release,
            "--recordings 160 320 --pairs 160 --subjects 50 --workers 1",
            [
                [*each(large_release.STAGES, "160 320"), [large_release.PAIRS, "160"]],
                [["voc_als", "50"]],
                each(["ingest by dvc repro", "dvc repro, nothing to do"], "160 320"),
            ],
        ),
    ],
)
def test_a_benchmark_prints_a_row_for_each_contender_and_size(capsys, monkeypatch, benchmark, arguments, firsts):
    found = tables(printed(capsys, monkeypatch, benchmark, *arguments.split()))
    assert [[row[: len(first[0])] for row in rows[1:]] for rows, first in zip(found, firsts, strict=True)] == firsts


# What to expect: computed of studies that nobody ran, from paces that are known.


def fits(seconds: list[float], epochs: int, wall: float = 20.0) -> Run:
    answer = {f"S5B/{rate}": {"seconds": [one], "epochs": [epochs]} for rate, one in enumerate(seconds)}
    return Run(wall, None, answer)


def test_an_epoch_is_what_more_epochs_take_more_the_rest_is_tracing_and_start_up_what_the_process_took_besides():
    found = expectations.pace(fits([4.0, 6.0], 1), fits([10.0, 12.0], 4))
    assert found == Pace(epoch=2.0, trace=3.0)
    assert expectations.start_up(fits([4.0, 6.0], 1, wall=15.0)) == 9.0


@pytest.mark.parametrize(("workers", "fits"), [(1, 1), (2, 2), (7, 6), (16, 16), (29, 25), (256, 30)])
def test_as_many_fits_are_measured_at_once_as_there_are_workers_or_nearly(workers, fits):
    cells, folds = expectations.cells_and_folds(workers)
    assert cells * folds == fits and cells <= 6 and folds <= 5


def test_passes_are_those_of_the_two_protocols_on_voc_als():
    """979 are trained on and 245 watched and tested; by subject, a fifth of the 979 is watched."""
    assert expectations.passes(1224, "record_wise") == 3 * 980 + 244
    assert expectations.passes(1224, "subject_wise") == 3 * 784 + 196 + 244


@pytest.mark.parametrize(
    ("fits", "workers", "seconds"),
    [
        ([("S1B", 0.0, 3.0), *[("S1B", 0.0, 1.0)] * 3], 2, 3.0),  # to the worker that is free first
        ([("S1B", 0.0, 1.0)] * 5, 2, 3.0),
        ([*[("S1B", 1.0, 1.0)] * 2, *[("S2B", 1.0, 1.0)] * 2], 1, 6.0),  # traced again only after another network
        ([*[("S1B", 1.0, 1.0)] * 2, *[("S2B", 1.0, 1.0)] * 2], 4, 2.0),
    ],
)
def test_fits_end_when_the_last_worker_is_done(fits, workers, seconds):
    assert expectations.makespan(fits, workers) == seconds


@pytest.mark.parametrize(
    ("pace", "most_epochs", "start", "cores", "seconds"),
    [
        (Pace(epoch=4.0, trace=0.0), 10, 60, 3, lambda share: 2 * 60 + 30 * 10 * 4.0 * (1 + share) / 3),
        (
            Pace(epoch=4.0, trace=5.0),
            100,
            0,
            10_000,
            lambda share: 2 * 5.0 + 100 * 4.0 * (1 + share),
        ),  # the longest fit
    ],
)
def test_hours_are_the_fits_over_the_cores_and_at_least_the_longest_fit(pace, most_epochs, start, cores, seconds):
    study = Study("as measured", 1000, epochs=10, most_epochs=most_epochs)
    share = expectations.passes(1000, "subject_wise") / expectations.passes(1000, "record_wise")
    found = expectations.hours(study, {"S5B": pace}, start=start, cores=cores, measured_images=1000)
    assert found == pytest.approx(seconds(share) / 3600)


def test_networks_are_handed_out_as_fits_are_and_numbers_have_two_digits_or_all_before_the_point():
    assert expectations.large_first(["S5B", "S1B", "S1A", "S3A"]) == ["S1A", "S1B", "S3A", "S5B"]
    assert [expectations.rounded(number) for number in (0.1234, 1.234, 12.34, 1234.5)] == ["0.12", "1.2", "12", "1234"]


def test_expectations_have_a_row_for_each_study_and_a_column_for_each_number_of_cores(capsys, monkeypatch):
    """A minute an epoch: 600 fits of 30 epochs and the same size by both protocols would be 300 hours of one core."""
    monkeypatch.setattr(
        expectations, "measure", lambda folder, code, epochs, cells, folds: fits([60.0 * epochs], epochs, 70 * epochs)
    )
    text = printed(capsys, monkeypatch, expectations, "--images", "1224", "--cores", "1", "300")
    networks, expected = tables(text)
    assert len(networks) == 11 and networks[1][1:] == ["60.00", "16", "0.0"]
    assert expected[0] == ["study", "fits", "1 cores", "300 cores"]
    assert [row[1] for row in expected[1:]] == ["600"] * 3
    default, voc_als, ten_times = ([float(cell) for cell in row[2:]] for row in expected[1:])
    assert 250 < voc_als[0] < 300 and ten_times[0] == pytest.approx(10 * voc_als[0], rel=0.01)
    assert voc_als[1] == pytest.approx(2 * 100 / 60, rel=0.1)  # the longest fit, of 100 epochs, and less by subject
    assert default[0] < voc_als[0] / 60


def test_the_voice_measures_are_timed_and_the_seven_are_the_same_either_way(capsys, monkeypatch):
    (rows,) = tables(printed(capsys, monkeypatch, voice_measures, "--duration", "1", "--turns", "1"))
    assert [row[0] for row in rows[1:]] == 3 * ["vowel"] + 3 * ["train"]
    for kind, samples in voice_measures.recordings(2.0).items():
        expected = voice_measures.by_commands(samples, train=kind == "train")
        found = voice_measures.ours(voice_measures.praat, samples, train=kind == "train")
        assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-3)
