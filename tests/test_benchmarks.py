"""The benchmarks run, at sizes at which their numbers mean nothing; and what they compare with is the same work."""

import csv
import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from benchmarks import (
    front_end,
    large_release,
    many_clips,
    measuring,
    no_op,
    ours,
    recordings,
    roofline,
    samplers,
    scaling,
    sweep,
)
from benchmarks.measuring import Failed, Run
from benchmarks.plain import librosa_script
from bulbar.cohort import voc_als
from bulbar.features import audio, spectrogram
from bulbar.training import architectures
from bulbar.training.fit_cache import FitCache


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


def test_a_spread_is_the_median_and_the_ends():
    assert measuring.spread([3.0, 1.0, 2.0]) == "2.0 (1.0 to 3.0)"
    assert measuring.spread([2.0], 2) == "2.00"


def test_ratios_are_taken_turn_by_turn():
    assert measuring.ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]


def test_contenders_run_in_turns_and_the_order_turns_round():
    order: list[str] = []
    measuring.in_turns({name: lambda name=name: order.append(name) for name in "ab"}, 3)
    assert order == ["a", "b", "b", "a", "a", "b"]


def test_a_contender_that_fails_is_left_out_and_named():
    def fails() -> Run:
        raise Failed("no reason")

    found, failed = measuring.in_turns_without_failures({"good": lambda: run(1, [1.0]), "bad": fails}, 2)
    assert (list(found), len(found["good"]), failed) == (["good"], 2, ["bad"])


def test_a_process_is_timed_its_memory_watched_and_its_last_line_read(tmp_path):
    script = "import time; held = b'x' * 100_000_000; print('first'); time.sleep(0.5); print('[1, 2]')"
    found = measuring.run_command([sys.executable, "-c", script], folder=tmp_path, watch_memory=True)
    assert found.seconds >= 0.5 and found.answer == [1, 2]
    if sys.platform == "linux":
        assert 1.0e8 < found.peak_bytes < 1.6e8


@pytest.mark.skipif(sys.platform != "linux", reason="memory is watched on Linux only")
def test_pages_of_a_mapped_file_are_no_memory_of_its_own(tmp_path):
    np.save(tmp_path / "mapped.npy", np.ones((100, 1000, 250), np.float32))  # 100 MB
    script = "import numpy, time; mapped = numpy.load('mapped.npy', mmap_mode='r'); mapped.sum(); time.sleep(0.5)"
    found = measuring.run_command([sys.executable, "-c", script], folder=tmp_path, watch_memory=True)
    assert found.peak_own_bytes < 5e7 and found.peak_bytes > found.peak_own_bytes + 9e7


def test_processor_seconds_are_those_of_the_workers_too_and_not_of_waiting(tmp_path):
    child = "import time; [None for _ in iter(lambda: time.process_time() < 0.5, False)]"
    script = f"import subprocess, sys, time; time.sleep(1); subprocess.run([sys.executable, '-c', {child!r}])"
    found = measuring.run_command([sys.executable, "-c", script], folder=tmp_path)
    assert 0.5 <= found.processor_seconds < found.seconds - 0.9


def test_memory_counts_the_workers_too(tmp_path):
    child = "import time; held = b'x' * 100_000_000; time.sleep(0.6)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    found = measuring.run_command([sys.executable, "-c", script], folder=tmp_path, watch_memory=True)
    assert sys.platform != "linux" or found.peak_bytes > 1.0e8


def test_a_process_that_fails_says_what_it_printed(tmp_path):
    with pytest.raises(Failed, match="no such thing"):
        measuring.run_command([sys.executable, "-c", "raise SystemExit('no such thing')"], folder=tmp_path)


def test_the_machine_is_told_without_its_name_and_without_what_is_not_installed():
    told = measuring.machine("numpy", "no-such-package")
    assert f"numpy {np.__version__}" in told and "no-such-package" not in told
    assert Path.home().name not in told.split() and "/" not in told


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


def test_images_a_second_are_those_of_all_processes_together():
    assert sweep.images_a_second(run(9, [0.5, 0.5]), CELL, training_images=100, processes=2) == 400 / (2 / 2)


def test_rows_compare_with_the_plain_loop_turn_by_turn():
    found = {sweep.PLAIN: [run(60, [0.5, 0.5]), run(30, [0.5, 0.5])], "ours": [run(20, [0.5, 0.5])] * 2}
    _, of_cell = sweep.rows_of(CELL, found, 100, {sweep.PLAIN: 1, "ours": 2})
    assert of_cell[:5] == ("S5B", "0.3", "ours", "400 (400 to 400)", "2.00 (2.00 to 2.00)")
    _, in_all = sweep.total_rows(found, fits=2)
    assert in_all == ("ours", "20.0 (20.0 to 20.0)", "6.00 (6.00 to 6.00)", "2.25 (1.50 to 3.00)")


def test_the_share_of_the_roof_counts_three_passes_of_what_is_trained_and_one_of_what_is_watched():
    multiply_adds, _ = architectures.cost(architectures.Network(architectures.ARCHITECTURES["S1B"], (128, 128)))
    found = roofline.reached(run(9, [0.5], epochs=1), "S1B", images=100, processes=1)
    assert found == multiply_adds * (3 * 80 + 20)
    products = Run(1.0, None, {"NumPy, float32": 2.0, "TensorFlow, float32": 3.0, "TensorFlow, bfloat16": 5.0})
    assert (roofline.roof(products, "float32"), roofline.roof(products, "mixed_bfloat16")) == (3.0, 5.0)


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
    only = ("--only", sweep.PLAIN, "ours, float32")
    one_cell = ("--networks", "S5B", "--dropout-rates", "0.3", "--folds", "1")
    text = printed(capsys, monkeypatch, sweep, *one_cell, "--images", "50", "--turns", "1", *only)
    of_networks, totals = tables(text)
    assert [row[:3] for row in of_networks[1:]] == [["S5B", "0.3", name] for name in (sweep.PLAIN, "ours, float32")]
    assert totals[1:] == [[sweep.PLAIN, "4.0", "15.00", "1.00"], ["ours, float32", "1.0", "60.00", "4.00"]]


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


def test_made_up_recordings_are_what_their_tables_say(tmp_path):
    recordings.write_release(tmp_path / "release", 3, 1.0, 22050)
    recordings.write_tables(tmp_path / "two", tmp_path / "release", 2, 1.0, 1, 22050)
    with (tmp_path / "two/data/cohort/recordings.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 and len({row["subject_id"] for row in rows}) == 2
    for row in rows:
        about = soundfile.info(tmp_path / "release" / row["path"])
        assert (about.samplerate, about.duration) == (int(row["sample_rate_hz"]), float(row["duration_s"]))


@pytest.mark.slow
def test_dvc_repro_and_dvc_exp_run_are_timed_in_a_copy_and_in_an_empty_repository(capsys, monkeypatch):
    (rows,) = tables(printed(capsys, monkeypatch, no_op, "--stages", "phantom", "--turns", "1"))
    repositories = ("empty pipeline", "finished project")
    commands = ("dvc repro", "dvc exp run")
    assert [row[0] for row in rows[1:]] == [f"{name}, {where}" for name in commands for where in repositories]


@pytest.mark.slow
def test_ours_and_the_plain_loop_print_the_same_kind_of_answer(tmp_path, capsys):
    sweep.write_images(tmp_path, 50, 128)
    ours.main(str(tmp_path), "1", "1", "0", "float32", "1", CELL)
    for answer in (
        json.loads(capsys.readouterr().out),
        measuring.run_module("benchmarks.plain.keras_loop", tmp_path, 1, 1, 0, CELL).answer,
    ):
        assert answer[CELL]["epochs"] == [1] and len(answer[CELL]["accuracy"]) == len(answer[CELL]["seconds"]) == 1


@pytest.mark.slow
def test_pytorch_trains_the_same_network(tmp_path):
    torch = pytest.importorskip("torch")
    from benchmarks.plain import torch_loop

    made = torch_loop.network("S5B", 0.3)
    _, weights = architectures.cost(architectures.Network(architectures.ARCHITECTURES["S5B"], (128, 128)))
    assert sum(part.numel() for part in made.parameters()) == weights + 257  # and the sigmoid unit's
    assert made(torch.zeros(2, 1, 128, 128)).shape == (2, 1)


@pytest.mark.slow
def test_the_roofline_prints_a_row_for_each_network(capsys, monkeypatch):
    small = ("--epochs", "1", "--images", "50", "--workers", "1", "--side", "256", "--turns", "1")
    text = printed(capsys, monkeypatch, roofline, "--networks", "S5B", "--precisions", "float32", *small)
    products, networks = tables(text)
    assert len(products) == 4 and [row[:2] for row in networks[1:]] == [["S5B", "float32"]]


@pytest.mark.slow
def test_the_front_end_prints_both_contenders_and_the_same_image(capsys, monkeypatch):
    small = ("--recordings", "3", "--duration", "2", "--workers", "1", "--turns", "1")
    text = printed(capsys, monkeypatch, front_end, *small)
    (rows,) = tables(text)
    assert [row[0] for row in rows[1:]] == ["librosa script", "two stages"]
    assert float(re.search(r"Largest difference.*: (\S+)", text)[1]) < 1e-4


@pytest.mark.slow
def test_scaling_prints_each_stage_at_each_size(capsys, monkeypatch):
    small = ("--recordings", "3", "--times", "1", "2", "--duration", "2", "--workers", "1", "--turns", "1")
    (rows,) = tables(printed(capsys, monkeypatch, scaling, *small))
    assert [row[:2] for row in rows[1:]] == [[stage, size] for stage in front_end.STAGES for size in ("3", "6")]


@pytest.mark.slow
def test_many_clips_print_each_stage_at_each_number_and_say_what_is_computed(capsys, monkeypatch):
    small = ("--clips", "20", "40", "--duration", "1", "--workers", "1", "--corpus", "1000")
    text = printed(capsys, monkeypatch, many_clips, *small)
    measured, computed = tables(text)
    assert [row[:2] for row in measured[1:]] == [[stage, size] for stage in many_clips.STAGES for size in ("20", "40")]
    assert [row[0] for row in computed[1:]] == list(many_clips.STAGES)
    assert "Computed, not measured: 1000 clips" in text


def test_growth_is_one_where_time_is_linear_and_two_where_it_is_quadratic_at_twice_the_size():
    found = {
        10: Run(9.0, None, None, None, 1.0),
        20: Run(9.0, None, None, None, 2.0),
        40: Run(9.0, None, None, None, 8.0),
    }
    assert large_release.growth(found) == {10: "", 20: "1.00", 40: "2.00"}


def test_a_large_release_is_sound_and_no_two_of_its_recordings_are_the_same(tmp_path):
    paths = large_release.write_release(tmp_path / "whole", 6, 40, 0.6, 1)
    folder = large_release.write_project(tmp_path / "project", tmp_path / "whole", paths[:32], 1)
    release = voc_als.read(folder / "release")
    assert not release.faults
    assert not release.structural
    assert len(release.files) == 32
    assert len(release.subjects) == 4
    assert len({(tmp_path / "whole" / path).read_bytes() for path in paths}) == 40


@pytest.mark.slow
def test_a_large_release_prints_each_stage_at_each_size_the_reader_and_dvc(capsys, monkeypatch):
    small = ("--recordings", "160", "320", "--pairs", "160", "--subjects", "50", "--workers", "1")
    stages, reader, dvc = tables(printed(capsys, monkeypatch, large_release, *small))
    both = [[stage, size] for stage in large_release.STAGES for size in ("160", "320")]
    assert [row[:2] for row in stages[1:]] == [*both, [large_release.PAIRS, "160"]]
    assert reader[1][:2] == ["voc_als", "50"]
    assert [row[1] for row in dvc[1:]] == ["160", "320"] * 2


def test_a_sampler_s_seconds_count_each_of_its_fits_once(tmp_path):
    kept = FitCache(tmp_path)
    for name, seconds in {"aa": 2.0, "bb": 3.0}.items():
        kept.place(name).mkdir(parents=True)
        (kept.place(name) / "seconds.txt").write_text(f"{seconds}\n")
    trials = pd.DataFrame(
        {
            "sampler": ["grid", "grid", "random", "random", "random", "random"],
            "trial": [1, 2, 1, 2, 3, 4],
            "state": ["complete"] * 5 + ["failed"],
            "fit": ["aa", "bb", "bb", "bb", "aa", np.nan],
            "best_so_far": [0.5, 0.4, 0.4, 0.4, 0.4, 0.4],
        }
    )
    found = samplers.with_seconds(trials, kept)
    assert found["seconds"].tolist() == [2, 5, 3, 3, 5, 5]
    rows = samplers.summary(found).set_index("sampler")
    assert rows.loc["grid", ["distinct fits", "seconds", "found at trial", "found after seconds"]].tolist() == [
        2,
        5,
        2,
        5,
    ]
    assert rows.loc["random", ["distinct fits", "found at trial", "found after seconds"]].tolist() == [2, 1, 3]
    assert rows.loc["random", ["trials", "failed"]].tolist() == [4, 1]


@pytest.fixture
def searched(tmp_path, monkeypatch):
    """What the stage `tune` has left of one protocol: a grid of four points, one second each."""
    monkeypatch.setenv("BULBAR_CACHE", str(tmp_path / "kept"))
    losses = [0.4, 0.1, 0.3, 0.2]
    trials = pd.DataFrame({"sampler": "grid", "trial": [1, 2, 3, 4], "state": "complete", "validation_loss": losses})
    trials["best_so_far"] = trials["validation_loss"].cummin()
    trials["fit"] = [f"fit{number}" for number in trials["trial"]]
    (tmp_path / "gender/data/tune/record_wise").mkdir(parents=True)
    trials.to_csv(tmp_path / "gender/data/tune/record_wise/trials.csv", index=False)
    (tmp_path / "gender/data/cohort").mkdir()
    (tmp_path / "gender/data/cohort/cohort.json").write_text('{"synthetic": true, "source": "common_voice"}')
    for name in trials["fit"]:
        place = FitCache(tmp_path / "kept").place(name)
        place.mkdir(parents=True)
        (place / "seconds.txt").write_text("1.0\n")
    return tmp_path


def test_samplers_print_a_table_and_the_replay_in_seconds_and_draw_the_curves(searched, capsys, monkeypatch):
    arguments = ("--pipeline", str(searched / "gender"), "--plot", str(searched / "curves.png"))
    text = printed(capsys, monkeypatch, samplers, *arguments)
    ((_, grid),) = tables(text)
    assert grid[:6] == ["grid", "4", "0", "0", "4", "4.0"]
    assert "record_wise · synthetic cohort" in text
    assert (searched / "curves_record_wise.png").read_bytes()[:4] == b"\x89PNG"
    assert re.search(r"after [23] s \(1 to 4\) of the 4 s that the whole grid takes", text)  # one best point of four
