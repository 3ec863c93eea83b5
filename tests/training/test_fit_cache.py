import json
import os
import re
import threading
import time
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bulbar.core import library_settings, parallel
from bulbar.core.errors import BadInput, CannotGoOn
from bulbar.training import fit_cache
from bulbar.training.architectures import ARCHITECTURES
from bulbar.training.fit_cache import FitCache, plan
from bulbar.training.fits import Fitted, Settings, description, digest, environment
from tests import toy_fits
from tests.disks import small_disk

SHORT = Settings(max_epochs=1, batch_size=16)
NAME = "ab" * 32
FITTED = Fitted(
    test=np.array([0.1, 1 / 3]),
    validation=np.array([2 / 3, 1e-9, 0.5]),
    history=pd.DataFrame({"epoch": [1, 2], "loss": [0.1 + 0.2, 1e-17], "validation_loss": [0.7, 2 / 3]}),
    model=b"a model",
)


@pytest.fixture(scope="module")
def study(traced_once, tmp_path_factory):
    return toy_fits.study(tmp_path_factory.mktemp("toy"), settings=SHORT)


@pytest.fixture
def cache(tmp_path):
    return FitCache(tmp_path / "cache")


FITS = [toy_fits.fit(f"{code}/{rate}", code, dropout_rate=rate) for code in ("S1A", "S1B") for rate in (0.0, 0.3)]


def run(fits, study, cache, **options) -> list[Fitted]:
    return list(fit_cache.run(fits, study, cache, computing=parallel.Settings(workers=1), label="fits", **options))


def times(cache: FitCache) -> dict[Path, int]:
    """When each cache file was written."""
    return {path: path.stat().st_mtime_ns for path in cache.folder.rglob("*") if path.is_file()}


def store(cache: FitCache, fitted: Fitted = FITTED, name: str = NAME) -> None:
    cache.folder.mkdir(parents=True, exist_ok=True)
    cache.store(name, fitted, {"seed": 1}, 2.5)


def assert_same(found: list[Fitted], expected: list[Fitted]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.test.tobytes() == other.test.tobytes()
        assert one.validation.tobytes() == other.validation.tobytes()
        pd.testing.assert_frame_equal(one.history, other.history, check_exact=True)


def test_a_second_run_trains_only_what_is_missing_and_gives_the_same(study, cache, tmp_path):
    first = run(FITS[1:3], study, cache)
    before = times(cache)
    assert len({path.parent for path in before}) == 2
    assert (plan(FITS, study, cache, 1).to_do, plan(FITS, study, cache, 1).cached) == (2, 2)
    resumed = run(FITS, study, cache)
    assert {path: times(cache)[path] for path in before} == before
    assert_same(resumed[1:3], first)
    assert_same(resumed, run(FITS[::-1], study, FitCache(tmp_path / "other"))[::-1])


def test_results_come_in_the_order_of_the_fits_and_the_same_fit_twice_is_trained_once(study, cache):
    in_order = run([FITS[1], FITS[0], FITS[1]], study, cache)
    assert_same(in_order[:1], in_order[2:])
    assert not np.array_equal(in_order[0].test, in_order[1].test)
    assert len({path.parent for path in times(cache)}) == 2


def test_what_is_kept_of_each_recording_is_for_this_user_alone(cache):
    store(cache)
    assert cache.place(NAME).stat().st_mode & 0o077 == 0


CHANGES = {
    "the features": lambda fit, study: (fit, replace(study, features_digest="of other features")),
    "a training row": lambda fit, study: (replace(fit, train=fit.train[1:]), study),
    "the rows' order": lambda fit, study: (replace(fit, train=fit.train[::-1]), study),
    "training rows in turn": lambda fit, study: (replace(fit, train=fit.train[np.newaxis]), study),
    "a watched row": lambda fit, study: (replace(fit, validation=fit.validation[1:]), study),
    "a tested row": lambda fit, study: (replace(fit, test=fit.test[1:]), study),
    "a label": lambda fit, study: (fit, replace(study, labels=np.roll(study.labels, 1))),
    "the dropout rate": lambda fit, study: (replace(fit, dropout_rate=0.31), study),
    "the learning rate": lambda fit, study: (fit, with_settings(study, learning_rate=2e-3)),
    "the epochs": lambda fit, study: (fit, with_settings(study, max_epochs=2)),
    "the batch": lambda fit, study: (fit, with_settings(study, batch_size=17)),
    "the patience": lambda fit, study: (fit, with_settings(study, early_stopping_patience=3)),
    "the precision": lambda fit, study: (fit, with_settings(study, precision="mixed_bfloat16")),
    "the study's seed": lambda fit, study: (fit, replace(study, seed=6)),
    "the fit's name": lambda fit, study: (replace(fit, name="other"), study),
    "a clinical value": lambda fit, study: (replace(fit, clinical=fit.clinical + 1e-3), study),
    "the architecture": lambda fit, study: (with_network(fit, architecture=ARCHITECTURES["S1A"]), study),
    "the output": lambda fit, study: (with_network(fit, output="sigmoid"), study),
    "the tabular branch's dropout": lambda fit, study: (with_network(fit, clinical_dropout_rate=0.2), study),
    "whether weights are stored": lambda fit, study: (replace(fit, keep_weights=True), study),
}


def with_settings(study, **changes):
    return replace(study, settings=study.settings.model_copy(update=changes))


def with_network(fit, **changes):
    return replace(fit, network=replace(fit.network, **changes))


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_shapes_a_fit_shapes_its_digest(study, change):
    fit = toy_fits.fit(clinical=toy_fits.clinical())
    assert digest(*CHANGES[change](fit, study)) != digest(fit, study)


def test_the_place_of_the_features_and_the_kind_of_integers_do_not(study, tmp_path):
    fit = toy_fits.fit(clinical=toy_fits.clinical())
    assert digest(fit, replace(study, images=tmp_path / "elsewhere.npy")) == digest(fit, study)
    assert digest(replace(fit, train=fit.train.astype(np.int32)), study) == digest(fit, study)
    assert digest(fit, replace(study, labels=study.labels.astype(np.int8))) == digest(fit, study)


def test_features_are_nothing_to_a_network_that_sees_none(study):
    alone = toy_fits.fit(code=None, clinical=toy_fits.clinical())
    assert digest(alone, replace(study, features_digest="other")) == digest(alone, study)


def test_the_backend_in_the_digest_is_that_of_params(study, monkeypatch):
    as_by_params = digest(toy_fits.fit(), study)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    environment.cache_clear()
    assert digest(toy_fits.fit(), study) == as_by_params
    assert description(toy_fits.fit(), study)["environment"]["backend"] == "tensorflow"


def test_a_backend_that_is_not_installed_is_named_with_its_requirements(study, monkeypatch):
    monkeypatch.setattr("bulbar.training.fits.version", version_without_jax)
    environment.cache_clear()
    with pytest.raises(BadInput) as refused:
        digest(toy_fits.fit(), replace(study, settings=Settings(keras_backend="jax")))
    assert "params.yaml: train.keras_backend: jax" in str(refused.value)
    assert "requirements/jax.lock" in str(refused.value)


def version_without_jax(package: str) -> str:
    return metadata.version({"jax": "no-such-package"}.get(package, package))


@pytest.mark.parametrize("variable", library_settings.HONOURED)
def test_a_variable_that_makes_a_cpu_look_like_another_type_shapes_the_digest(study, monkeypatch, variable):
    monkeypatch.delenv(variable, raising=False)
    environment.cache_clear()
    without = digest(toy_fits.fit(), study)
    monkeypatch.setenv(variable, "0")
    environment.cache_clear()
    assert digest(toy_fits.fit(), study) != without
    monkeypatch.undo()
    environment.cache_clear()


@pytest.mark.parametrize("name", ["/dev/null/x", "/proc/no-such-folder", "~no_such_user/fits"])
def test_a_folder_that_cannot_be_made_is_named_with_the_variable_that_names_another(monkeypatch, name):
    monkeypatch.setenv("BULBAR_CACHE", name)
    with pytest.raises(BadInput) as refused:
        FitCache(parallel.Settings().fit_cache_folder)
    (problem,) = refused.value.problems
    assert problem.where == name
    assert "BULBAR_CACHE" in problem.remedy


def test_what_is_kept_comes_back_bit_by_bit_with_settings_and_time_beside_it(cache, tmp_path):
    store(cache)
    assert NAME in cache
    assert_same([cache.load(NAME)], [FITTED])
    assert cache.seconds(NAME) == 2.5
    assert json.loads((cache.place(NAME) / "settings.json").read_text()) == {"seed": 1}
    cache.export_model(NAME, tmp_path / "models/a.keras")
    assert (tmp_path / "models/a.keras").read_bytes() == b"a model"
    cache.export_model(NAME, tmp_path / "models/a.keras")
    assert not list(cache.folder.rglob("*.pkl"))


def test_what_was_being_written_when_the_process_died_is_not_taken_for_a_fit(study, cache):
    name = digest(FITS[0], study)
    half = cache.folder / ".partial-dead"
    half.mkdir(parents=True)
    np.save(half / "test.npy", np.zeros(3))
    cache.place(name).parent.mkdir()
    assert name not in cache
    assert plan(FITS[:1], study, cache, 1).to_do == 1


def test_what_a_killed_process_left_goes_after_a_day_and_what_is_at_work_stays(study, cache):
    fit = FITS[0]
    store(cache, name=digest(fit, study))
    left = [cache.folder / name for name in (".partial-dead", ".claims-dead", ".partial-alive", ".claims-alive")]
    for folder in left:
        folder.mkdir()
        (folder / "test.npy").write_bytes(b"half")
    for dead in left[:2]:
        os.utime(dead, (time.time() - 90_000,) * 2)
    run([fit], study, cache)
    assert [folder.is_dir() for folder in left] == [False, False, True, True]
    assert digest(fit, study) in cache


def test_fits_for_which_there_is_no_room_are_refused_before_any_is_trained(study, tmp_path):
    with small_disk(tmp_path / "disk", 100) as disk:
        cache = FitCache(disk.folder / "fits")
        with pytest.raises(CannotGoOn, match=r"room for 4 fits(.|\n)*free in .*disk(.|\n)*free some space there"):
            run(FITS, study, cache)
        assert times(cache) == {}


def test_a_fit_that_cannot_be_written_leaves_nothing(cache):
    with pytest.raises(TypeError):
        cache.store(NAME, FITTED, {"no JSON": object()}, 1.0)
    assert NAME not in cache
    assert not list(cache.folder.glob(".partial*"))


def test_the_same_fit_stored_by_many_at_once_is_there_once_and_whole(cache):
    threads = [threading.Thread(target=store, args=(cache,)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_same([cache.load(NAME)], [FITTED])
    assert [path.name for path in cache.folder.iterdir()] == ["ab"]
    assert len(list(cache.place(NAME).iterdir())) == 6


def test_a_fit_stored_twice_stays_as_it_was_first(cache):
    store(cache)
    before = times(cache)
    store(cache, replace(FITTED, test=np.zeros(2)))
    assert times(cache) == before


def test_the_plan_counts_fits_time_and_disk(study, cache):
    weights = 160 + (9 * 9 * 16 + 1) * 256  # of 20 × 20 images: 18 after the convolution, 9 after pooling
    bare = plan(FITS, study, cache, 1)
    assert (bare.to_do, bare.cached) == (4, 0)
    assert plan([*FITS, FITS[0]], study, cache, 1) == bare, "the same fit twice is trained once"
    heavy = plan([replace(fit, keep_weights=True) for fit in FITS], study, cache, 1)
    assert heavy.disk_bytes - bare.disk_bytes == 4 * 4 * weights
    assert plan(FITS[:2], study, cache, 1).disk_bytes == bare.disk_bytes / 2
    assert re.fullmatch(r"4 fits to do, 0 already cached; at most about \d+ (s|min) and \d+ MB of disk", str(bare))
    for fit in FITS[:2]:
        cache.store(digest(fit, study), FITTED, {}, 1000.0)
    learned = plan(FITS, study, cache, 1)
    assert (learned.to_do, learned.cached) == (2, 2)
    assert learned.seconds > 1000 > bare.seconds
    done = plan(FITS[:2], study, cache, 2)
    assert str(done) == "0 fits to do, 2 already cached; at most about 0 s and 0 MB of disk"


def test_more_epochs_take_longer_and_more_workers_less_time(study, cache):
    one, two = (plan(FITS, study, cache, workers).seconds for workers in (1, 2))
    longer = plan(FITS, with_settings(study, max_epochs=1001), cache, 1).seconds
    assert two < one < longer
    start = 2 * two - one  # what is not shared out: start = two - (one - start) / 2
    assert longer - start == pytest.approx(1001 * (one - start))


def test_a_fit_that_diverges_is_an_error_that_names_it_and_is_cached_where_it_may(study, cache):
    wild = study.settings.model_copy(update={"learning_rate": 1e30})
    fit = toy_fits.fit("wild", settings=wild)
    [found] = run([fit], study, cache, may_diverge=True)
    assert found.diverged
    assert digest(fit, study) in cache
    with pytest.raises(BadInput, match=r"train\.learning_rate(.|\n)*none in wild"):
        run([fit], study, cache)
