"""What is computed of studies that nobody ran, from paces that are known; and that they can be measured."""

import pytest

from benchmarks import expectations
from benchmarks.expectations import Pace, Study, hours, makespan, pace, passes
from benchmarks.measuring import Run
from tests.test_benchmarks import printed, tables


def fits(seconds: list[float], epochs: int, wall: float = 20.0) -> Run:
    answer = {f"S5B/{rate}": {"seconds": [one], "epochs": [epochs]} for rate, one in enumerate(seconds)}
    return Run(wall, None, answer)


def test_an_epoch_is_what_more_epochs_take_more_and_the_rest_is_tracing():
    assert pace(fits([4.0, 6.0], 1), fits([10.0, 12.0], 4)) == Pace(epoch=2.0, trace=3.0)


def test_start_up_is_what_the_process_took_besides_its_longest_fit():
    assert expectations.start_up(fits([4.0, 6.0], 1, wall=15.0)) == 9.0


@pytest.mark.parametrize(("workers", "fits"), [(1, 1), (2, 2), (7, 6), (16, 16), (29, 25), (256, 30)])
def test_as_many_fits_are_measured_at_once_as_there_are_workers_or_nearly(workers, fits):
    cells, folds = expectations.cells_and_folds(workers)
    assert cells * folds == fits and cells <= 6 and folds <= 5


def test_passes_are_those_of_the_two_protocols_on_voc_als():
    """979 are trained on and 245 watched and tested; by subject, a fifth of the 979 is watched."""
    assert passes(1224, "record_wise") == 3 * 980 + 244
    assert passes(1224, "subject_wise") == 3 * 784 + 196 + 244


def test_fits_go_to_the_worker_that_is_free_first():
    assert makespan([("S1B", 0.0, 3.0), ("S1B", 0.0, 1.0), ("S1B", 0.0, 1.0), ("S1B", 0.0, 1.0)], 2) == 3.0
    assert makespan([("S1B", 0.0, 1.0)] * 5, 2) == 3.0


def test_a_worker_traces_a_network_again_only_after_another():
    two_networks = [("S1B", 1.0, 1.0)] * 2 + [("S2B", 1.0, 1.0)] * 2
    assert makespan(two_networks, 1) == 6.0
    assert makespan(two_networks, 4) == 2.0


def test_hours_are_the_fits_over_the_cores_and_start_up_once_a_protocol():
    study = Study("as measured", 1000, epochs=10, most_epochs=10)
    of_subjects = passes(1000, "subject_wise") / passes(1000, "record_wise")
    seconds = 2 * 60 + 30 * 10 * 4.0 * (1 + of_subjects) / 3
    found = hours(study, {"S5B": Pace(epoch=4.0, trace=0.0)}, start=60, cores=3, measured_images=1000)
    assert found == pytest.approx(seconds / 3600)


def test_no_number_of_cores_is_faster_than_the_longest_fit():
    study = Study("as measured", 1000, epochs=10, most_epochs=100)
    of_subjects = passes(1000, "subject_wise") / passes(1000, "record_wise")
    found = hours(study, {"S5B": Pace(epoch=4.0, trace=5.0)}, start=0, cores=10_000, measured_images=1000)
    assert found == pytest.approx((2 * 5.0 + 100 * 4.0 * (1 + of_subjects)) / 3600)


def test_networks_are_handed_out_as_fits_are():
    assert expectations.large_first(["S5B", "S1B", "S1A", "S3A"]) == ["S1A", "S1B", "S3A", "S5B"]


def test_numbers_have_two_digits_or_all_before_the_point():
    assert [expectations.rounded(number) for number in (0.1234, 1.234, 12.34, 1234.5)] == ["0.12", "1.2", "12", "1234"]


def test_the_table_has_a_row_for_each_study_and_a_column_for_each_number_of_cores(capsys, monkeypatch):
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
    assert "One GPU: left out" in text


@pytest.mark.slow
def test_paces_are_measured_from_real_fits(capsys, monkeypatch):
    small = ("--networks", "S5B", "S4A", "--epochs", "12", "--images", "50", "--workers", "1")
    networks, expected = tables(printed(capsys, monkeypatch, expectations, *small))
    assert [row[0] for row in networks[1:]] == ["S5B", "S4A"]
    assert all(float(row[1]) > 0 for row in networks[1:])
    assert [row[1] for row in expected[1:]] == ["120"] * 3
    assert all(float(row[2]) >= float(row[3]) >= float(row[4]) for row in expected[1:])
