"""A disk fills up under the fit cache, or the whole project: one message, nothing half written, and it goes on."""

import pytest

from tests.disks import small_disk
from tests.pipelines import Pipeline, fits_to_do
from tests.test_kill import differences, finished_fits, remove_cut_off_file

DVC_SAYS = ("No space left on device", "database or disk is full")


@pytest.mark.slow
def test_fits_that_will_not_fit_are_reported_before_any_is_trained_and_no_half_of_one_is_kept(finished, tmp_path):
    with small_disk(tmp_path / "disk", 60) as disk:
        study = Pipeline(tmp_path / "project", disk.folder / "fits").tiny()
        shown = study.dvc("repro", "sweep@record_wise", fails=True)
        assert "room for 2 fits" in shown and "free some space there" in shown and f"free in {disk.folder}" in shown
        assert "Traceback" not in shown
        assert finished_fits(study.fit_cache) == {}
        disk.resize(50_000)
        assert fits_to_do(study.dvc("repro"))["sweep, record_wise"] == (2, 0)
        assert differences(study, finished) == []


@pytest.mark.slow
def test_a_project_on_a_disk_that_is_full_again_and_again_ends_as_one_with_room(finished, tmp_path):
    """Data, models, DVC's cache and its own files lie there. The disk is given a little more each time.

    DVC's database tries again and again while it has no room, without a word: what it waits for is given while it runs.
    """
    with small_disk(tmp_path / "disk", 20_000) as disk:
        study = Pipeline(disk.folder / "project", tmp_path / "fit_cache").tiny()
        used = sum(path.stat().st_blocks // 2 for path in disk.folder.rglob("*") if path.is_file())
        refused = False
        rooms = (int(300 * 1.5**more) for more in range(20))
        for room in rooms:
            disk.resize(used + room)
            with disk.more_whenever_it_stays_full(lambda: disk.resize(used + next(rooms))):
                run = study.run("repro")
            if run.returncode == 0:
                break
            assert "Traceback" not in run.stdout, run.stdout
            if "free some space there" in run.stdout:
                assert f"free in {disk.folder}" in run.stdout
                refused = True
            elif not any(words in run.stdout for words in DVC_SAYS):
                remove_cut_off_file(study, run.stdout)
        assert refused
        assert run.returncode == 0, run.stdout
        assert differences(study, finished) == []
