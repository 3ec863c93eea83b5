import os
import signal
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from bulbar.core import parallel


def slow_square(number: int) -> int:
    time.sleep(0.02 * (number % 3))
    return number * number


def process_and_threads(_: int) -> tuple[int, str | None]:
    return os.getpid(), os.environ.get("OMP_NUM_THREADS")


def product(seed: int) -> bytes:
    """Of two matrices: its last bits depend on how many threads share the sum."""
    draws = np.random.default_rng(seed)
    return (draws.random((128, 1025), dtype=np.float32) @ draws.random((1025, 700), dtype=np.float32)).tobytes()


def refuse(number: int) -> int:
    raise ArithmeticError(f"number {number}")


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items_however_many_workers(workers):
    results = parallel.map_ordered(slow_square, range(12), label="squares", workers=workers)
    assert list(results) == (np.arange(12) ** 2).tolist()


@pytest.mark.parametrize("workers", [1, 2])
def test_items_that_are_handed_over_together_come_back_one_by_one_in_order(workers):
    taken = []

    def many():
        for number in range(100):
            taken.append(number)
            yield number

    results = parallel.map_ordered(slow_square, many(), label="squares", workers=workers, at_once=5)
    assert next(results) == 0 and len(taken) < 100
    assert list(results) == (np.arange(1, 100) ** 2).tolist()


def test_unordered_results_are_the_same_ones():
    results = parallel.map_ordered(slow_square, range(12), label="squares", workers=2, ordered=False)
    assert sorted(results) == (np.arange(12) ** 2).tolist()


def test_work_is_done_in_other_processes_of_one_thread_each():
    found = list(parallel.map_ordered(process_and_threads, range(8), label="processes", workers=2))
    assert os.getpid() not in {process for process, _ in found}
    assert {threads for _, threads in found} == {"1"}


def test_one_worker_and_two_give_the_same_bits():
    one, two = (list(parallel.map_ordered(product, range(4), label="products", workers=n)) for n in (1, 2))
    assert one == two


@pytest.mark.parametrize("workers", [1, 2])
def test_items_are_taken_as_workers_become_free(workers):
    taken = []

    def many():
        for number in range(60):
            taken.append(number)
            yield number

    results = parallel.map_ordered(slow_square, many(), label="squares", workers=workers)
    assert [next(results) for _ in range(10)] == (np.arange(10) ** 2).tolist()
    assert len(taken) <= 10 + 6 * workers
    assert len(list(results)) == 50


def die_at(number: int, fatal: set[int], folder: Path, times: int) -> int:
    """The square of a number; the worker that is given a fatal one dies, the first `times` times."""
    died = len(list(folder.glob(f"{number}-*")))
    if number in fatal and died < times:
        (folder / f"{number}-{died}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


@pytest.mark.parametrize("at_once", [1, 3])
def test_where_a_worker_dies_the_work_goes_on_and_the_results_are_the_same(tmp_path, at_once):
    taken = []

    def numbers():
        for number in range(30):
            taken.append(number)
            yield number

    work = partial(die_at, fatal={7, 19}, folder=tmp_path, times=1)
    with pytest.warns(RuntimeWarning, match="squares: a worker died") as told:
        found = list(parallel.map_ordered(work, numbers(), label="squares", workers=2, at_once=at_once))
    assert found == [number**2 for number in range(30)]
    assert taken == list(range(30))
    assert 1 <= len(told) <= 2
    assert len(list(tmp_path.iterdir())) == 2


def test_work_in_which_workers_die_each_time_is_given_up_with_what_is_undone_and_what_to_do(tmp_path):
    work = partial(die_at, fatal={7}, folder=tmp_path, times=99)
    with pytest.warns(RuntimeWarning), pytest.raises(parallel.WorkersLost) as told:
        list(parallel.map_ordered(work, range(30), label="squares", workers=2))
    [problem] = told.value.problems
    assert problem.where == "squares"
    assert "each of 3 attempts" in problem.found
    assert "compute.workers" in problem.remedy
    assert len(list(tmp_path.iterdir())) == parallel.ATTEMPTS


@pytest.mark.parametrize("workers", [1, 2])
def test_what_goes_wrong_in_a_worker_reaches_the_caller(workers):
    with pytest.raises(ArithmeticError, match=r"number \d"):
        list(parallel.map_ordered(refuse, range(3), label="refusals", workers=workers))


def test_the_bar_names_the_work_and_counts_it(capsys):
    list(parallel.map_ordered(slow_square, range(3), label="squares", total=3))
    printed = capsys.readouterr().err
    assert "squares: 100%" in printed
    assert "3/3" in printed


def test_no_work_is_no_error():
    assert list(parallel.map_ordered(slow_square, [], label="nothing", total=0)) == []


def test_every_core_of_this_process_works_unless_a_number_is_given():
    assert parallel.Settings().n_workers == len(os.sched_getaffinity(0))
    assert parallel.Settings(workers=3).n_workers == 3
    with pytest.raises(ValidationError, match="workers"):
        parallel.Settings(workers=0)


def test_fits_stay_here_and_are_tried_three_times_unless_said_otherwise():
    assert (parallel.Settings().backend, parallel.Settings().attempts) == ("loky", 3)
    assert parallel.Settings(backend="dask", attempts=1).backend == "dask"
    with pytest.raises(ValidationError, match="backend"):
        parallel.Settings(backend="spark")
    with pytest.raises(ValidationError, match="attempts"):
        parallel.Settings(attempts=0)


def test_four_fits_share_a_gpu_unless_said_otherwise():
    assert parallel.Settings().fits_per_gpu == 4
    with pytest.raises(ValidationError, match="fits_per_gpu"):
        parallel.Settings(fits_per_gpu=0)


def test_kept_fits_lie_where_the_environment_says_else_the_params_else_the_users_cache(tmp_path, monkeypatch):
    named = parallel.Settings(fit_cache=tmp_path / "params")
    monkeypatch.setenv("BULBAR_CACHE", str(tmp_path / "environment"))
    assert named.fit_cache_folder == parallel.Settings().fit_cache_folder == tmp_path / "environment"
    monkeypatch.delenv("BULBAR_CACHE")
    assert named.fit_cache_folder == tmp_path / "params"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert parallel.Settings().fit_cache_folder == tmp_path / "cache/bulbar/fits"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parallel.Settings(fit_cache=Path("~/fits")).fit_cache_folder == tmp_path / "fits"
