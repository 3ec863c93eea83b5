"""Searches in journals and databases, by processes that come at once and are killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
import sqlalchemy

from bulbar.core.errors import BadInput, CannotGoOn
from bulbar.tuning import storage as study_storage
from tests.disks import small_disk

ROOT = Path(__file__).parents[2]
SEARCH = """
import sys, time
from pathlib import Path
from bulbar.tuning import search as tuning
from bulbar.tuning import storage as study_storage
from bulbar.tuning import trials
from tests.tuning.test_search import SETTINGS, Trainer

class Slow(Trainer):
    def __call__(self, points, max_epochs):
        time.sleep(float(sys.argv[4]))
        return super().__call__(points, max_epochs)

url, folder, out = sys.argv[1] or None, Path(sys.argv[2]), Path(sys.argv[3])
settings, train = SETTINGS.model_copy(update={"trials": 12}), Slow()
with study_storage.opened(url, folder, "toy") as storage:
    study = tuning.search("tpe", settings, train, name="toy", storage=storage, seed=1)
    trials.table_of(study, "tpe", settings).to_csv(out)
print(sum(len(points) for points, _ in train.batches))
"""


def searching(url: str | None, folder: Path, out: str, seconds: float = 0.3, **environment: str) -> subprocess.Popen:
    """A process that searches, each of its batches so many seconds long; prints how many points it has trained at."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SEARCH, url or "", str(folder), str(folder / out), str(seconds)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def trained(process: subprocess.Popen) -> int:
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return int(printed)


@pytest.fixture(params=["journal", "database"])
def url(request):
    """Of a place without the study `toy`."""
    if request.param == "journal":
        yield None
        return
    yield (named := request.getfixturevalue("database"))
    with contextlib.suppress(KeyError):
        optuna.delete_study(study_name="toy", storage=named)


@pytest.mark.slow
def test_two_processes_at_one_search_have_the_trials_of_one(url, tmp_path):
    alone = searching(None, tmp_path / "alone", "trials.csv", 0)
    (tmp_path / "alone").mkdir()
    both = [searching(url, tmp_path, f"{name}.csv") for name in "ab"]
    assert sum(trained(process) for process in both) == trained(alone) == 12
    expected = (tmp_path / "alone/trials.csv").read_bytes()
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes() == expected


@pytest.mark.slow
def test_a_process_that_is_killed_keeps_nobody_waiting_and_its_search_goes_on(url, tmp_path):
    (tmp_path / "alone").mkdir()
    whole = trained(searching(None, tmp_path / "alone", "trials.csv", 0))
    killed = searching(url, tmp_path, "killed.csv", 2)
    deadline = time.monotonic() + 120
    while not _has_trials(url, tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    killed.kill()
    killed.wait()
    assert not (tmp_path / "killed.csv").exists()
    assert 0 < trained(searching(url, tmp_path, "resumed.csv", 0)) <= whole
    assert (tmp_path / "resumed.csv").read_bytes() == (tmp_path / "alone/trials.csv").read_bytes()


def _has_trials(url: str | None, folder: Path) -> bool:
    """Whether anything has been drawn yet, read past the lock."""
    try:
        if url is None:
            return "toy" in (folder / "toy.journal").read_text() and (folder / "toy.journal").stat().st_size > 1500
        return len(optuna.load_study(study_name="toy", storage=url).get_trials()) > 2
    except Exception:  # not there yet, in as many ways as there are storages
        return False


def test_who_has_to_wait_is_warned(url, tmp_path):
    with study_storage.opened(url, tmp_path, "toy"):
        command = [sys.executable, "-c", SEARCH, url or "", str(tmp_path), str(tmp_path / "trials.csv"), "0"]
        waiting = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert waiting.stderr is not None
        assert "study toy: another process uses it" in waiting.stderr.readline()
        assert waiting.poll() is None
    assert trained(waiting) == 12


HOLD = """
import sys, time
from pathlib import Path
import optuna
from bulbar.tuning import storage as study_storage

with study_storage.opened(sys.argv[1] or None, Path(sys.argv[2]), "toy") as storage:
    study = optuna.create_study(study_name="toy", storage=storage, load_if_exists=True)
    print("locked", flush=True)
    while True:  # a kill meets it in the middle of a write, or between two
        study.tell(trial := study.ask(), trial.suggest_float("x", 0, 1))
"""


def test_a_lock_dies_with_its_holder_however_it_is_killed_and_the_study_is_whole(url, tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", HOLD, url or "", str(tmp_path)]
    for killed in range(1, 3):
        holding = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert holding.stdout is not None
        assert holding.stdout.readline() == "locked\n"
        waiting = subprocess.Popen([*command[:-3], COUNT, *command[-2:]], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        time.sleep(2)
        assert waiting.poll() is None, "the second waits while the first lives"
        holding.send_signal(signal.SIGKILL)
        holding.wait()
        printed, _ = waiting.communicate(timeout=60)
        assert waiting.returncode == 0
        trials, running = map(int, printed.split())
        assert trials >= killed
        assert running <= killed, "one that a kill has cut off, each time"


COUNT = """
import sys
from pathlib import Path
import optuna
from bulbar.tuning import storage as study_storage

with study_storage.opened(sys.argv[1] or None, Path(sys.argv[2]), "toy") as storage:
    study = optuna.create_study(study_name="toy", storage=storage, load_if_exists=True)
    numbers = [trial.number for trial in study.trials]
    assert numbers == list(range(len(numbers)))
    study.tell(trial := study.ask(), trial.suggest_float("x", 0, 1))
    print(len(numbers), sum(not trial.state.is_finished() for trial in study.trials))
"""


def tried(folder: Path, trials: int, url: str | None = None) -> int:
    """How many trials a study has, after so many more."""
    with study_storage.opened(url, folder, "toy") as storage:
        study = optuna.create_study(study_name="toy", storage=storage, load_if_exists=True)
        for _ in range(trials):
            study.tell(trial := study.ask(), trial.suggest_float("x", 0, 1))
        return len(study.trials)


@pytest.mark.parametrize("lost", [1, 20])
def test_a_journal_whose_last_line_was_cut_off_is_read_and_written_on(tmp_path, lost):
    assert tried(tmp_path, 3) == 3
    journal = tmp_path / "toy.journal"
    journal.write_bytes(journal.read_bytes()[:-lost])
    assert tried(tmp_path, 2) == 5
    assert tried(tmp_path, 0) == 5


def test_a_full_disk_under_a_journal_is_named_and_the_search_goes_on_when_there_is_room(tmp_path):
    with small_disk(tmp_path / "disk", 16) as disk:
        with pytest.raises(CannotGoOn, match=r"toy\.journal(.|\n)*free some space there"):
            tried(disk.folder, 300)
        disk.resize(4000)
        known = tried(disk.folder, 0)
        assert known > 3
        assert tried(disk.folder, 2) == known + 2


def test_searches_of_other_names_do_not_wait(url, tmp_path):
    with study_storage.opened(url, tmp_path, "one"), study_storage.opened(url, tmp_path, "other") as storage:
        assert storage.get_all_studies() is not None


def test_several_may_come_first_to_a_new_database(database, tmp_path):
    opening = (
        "import sys, time; from pathlib import Path; from bulbar.tuning import storage as study_storage\n"
        "time.sleep(max(0, float(sys.argv[3]) - time.time()))\n"
        "with study_storage.opened(sys.argv[2], Path(), sys.argv[1]) as storage: storage.get_all_studies()"
    )
    with sqlalchemy.create_engine(database, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sqlalchemy.text("CREATE DATABASE another"))
    url, at_once = database.replace("/postgres", "/another"), str(time.time() + 8)
    command = [sys.executable, "-c", opening]
    opened = [subprocess.Popen([*command, name, url, at_once], cwd=ROOT) for name in ("one", "two", "three")]
    assert [process.wait() for process in opened] == [0, 0, 0]


def test_a_password_in_params_is_refused_and_not_repeated(tmp_path, monkeypatch):
    url = "postgresql://me:secret@nowhere.invalid/studies"
    with pytest.raises(BadInput, match="BULBAR_STORAGE") as refused, study_storage.opened(url, tmp_path, "toy"):
        pass
    assert "secret" not in str(refused.value)
    monkeypatch.setenv("BULBAR_STORAGE", url)
    unreached = pytest.raises(BadInput, match="a database that can be reached")
    with unreached as refused, study_storage.opened(None, tmp_path, "toy"):
        pass
    assert "secret" not in str(refused.value)


def test_the_environment_s_url_goes_before_that_of_params(database, tmp_path, monkeypatch):
    monkeypatch.setenv("BULBAR_STORAGE", database)
    assert tried(tmp_path, 2, "postgresql://nobody@nowhere.invalid/studies") == 2
    monkeypatch.delenv("BULBAR_STORAGE")
    assert tried(tmp_path, 0, database) == 2
    optuna.delete_study(study_name="toy", storage=database)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("studies.db", "a PostgreSQL database's URL"),
        ("nosuch://host/name", "nosuch"),
        ("sqlite:////somewhere/studies.db", "a URL of sqlite"),
        ("mysql://host/name", "a URL of mysql"),
    ],
)
def test_databases_that_will_not_do_are_refused_with_the_key(url, error, tmp_path):
    with pytest.raises(BadInput, match=rf"(?s)tune\.storage.*{error}"), study_storage.opened(url, tmp_path, "toy"):
        pass


@pytest.mark.parametrize("what", ["folder", "lock"])
def test_a_folder_or_a_lock_that_cannot_be_written_is_named(what, tmp_path):
    (tmp_path / "search.lock").mkdir()
    folder = Path("/dev/null/studies") if what == "folder" else tmp_path
    with pytest.raises(BadInput) as refused, study_storage.opened(None, folder, "search"):
        pass
    (problem,) = refused.value.problems
    assert problem.where == str(folder if what == "folder" else tmp_path / "search.lock")
    assert "BULBAR_CACHE" in problem.remedy
