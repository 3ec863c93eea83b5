import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

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


def test_work_is_done_in_other_processes_of_one_thread_each():
    found = list(parallel.map_ordered(process_and_threads, range(8), label="processes", workers=2))
    assert os.getpid() not in {process for process, _ in found}
    assert {threads for _, threads in found} == {"1"}


def test_one_worker_and_two_give_the_same_bits():
    one, two = (list(parallel.map_ordered(product, range(4), label="products", workers=n)) for n in (1, 2))
    assert one == two


def counted(n: int, taken: list[int]) -> Iterator[int]:
    """Numbers that are noted in `taken` as they are taken."""
    for number in range(n):
        taken.append(number)
        yield number


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("options", [{}, {"at_once": 2}, {"ordered": False}], ids=["one", "two", "any order"])
def test_items_are_taken_as_workers_become_free_and_results_come_in_order(workers, options):
    results = parallel.map_ordered(
        slow_square, counted(60, taken := []), label="squares", workers=workers, total=60, **options
    )
    found = [next(results) for _ in range(10)]
    assert len(taken) <= 10 + 6 * workers * options.get("at_once", 1)
    found += results
    assert (found if options.get("ordered", True) else sorted(found)) == (np.arange(60) ** 2).tolist()


def die_at(number: int, fatal: set[int], folder: Path, times: int) -> int:
    """The square of a number; the worker that is given a fatal one dies, the first `times` times."""
    died = len(list(folder.glob(f"{number}-*")))
    if number in fatal and died < times:
        (folder / f"{number}-{died}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


@pytest.mark.parametrize("at_once", [1, 3])
def test_where_a_worker_dies_the_work_goes_on_and_the_results_are_the_same(tmp_path, at_once):
    work = partial(die_at, fatal={7, 19}, folder=tmp_path, times=1)
    with pytest.warns(RuntimeWarning, match="squares: a worker died") as warned:
        found = list(parallel.map_ordered(work, counted(30, taken := []), label="squares", workers=2, at_once=at_once))
    assert found == [number**2 for number in range(30)]
    assert taken == list(range(30))
    assert 1 <= len(warned) <= 2
    assert len(list(tmp_path.iterdir())) == 2


def test_work_in_which_workers_die_each_time_is_given_up_with_what_is_undone_and_what_to_do(tmp_path):
    work = partial(die_at, fatal={7}, folder=tmp_path, times=99)
    with pytest.warns(RuntimeWarning), pytest.raises(parallel.WorkersLost) as raised:
        list(parallel.map_ordered(work, range(30), label="squares", workers=2))
    [problem] = raised.value.problems
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


def test_the_defaults_are_every_core_of_this_process_three_attempts_and_four_fits_on_a_gpu():
    default = parallel.Settings()
    assert default.n_workers == len(os.sched_getaffinity(0)) and parallel.Settings(workers=3).n_workers == 3
    assert (default.backend, default.attempts, default.fits_per_gpu) == ("loky", 3, 4)


def test_cached_fits_lie_where_the_environment_points_else_the_params_else_the_users_cache(tmp_path, monkeypatch):
    named = parallel.Settings(fit_cache=tmp_path / "params")
    monkeypatch.setenv("BULBAR_CACHE", str(tmp_path / "environment"))
    assert named.fit_cache_folder == parallel.Settings().fit_cache_folder == tmp_path / "environment"
    monkeypatch.delenv("BULBAR_CACHE")
    assert named.fit_cache_folder == tmp_path / "params"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert parallel.Settings().fit_cache_folder == tmp_path / "cache/bulbar/fits"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parallel.Settings(fit_cache=Path("~/fits")).fit_cache_folder == tmp_path / "fits"
