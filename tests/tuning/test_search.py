"""Searches with the real samplers, on a loss that is known in closed form."""

import math

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.storages.journal import JournalFileBackend

from bulbar.core.errors import BadInput
from bulbar.tuning import replay, trials
from bulbar.tuning import search as tuning
from bulbar.tuning import storage as study_storage
from bulbar.tuning.search import SAMPLERS, Outcome, Settings, Space

SPACE = Space(
    filters=(4, 8, 16),
    lstm_units=(8, 32),
    n_layers=(2,),
    learning_rate=(0.0005, 0.002, 0.008),
    batch_size=(32,),
    dropout_rate=(0.0, 0.3),
)
SETTINGS = Settings(space=SPACE, batch=5)


@pytest.fixture(autouse=True)
def unsynced_journals(monkeypatch):
    """No process dies here: a journal need not be on the disk before the next write."""
    monkeypatch.setattr("os.fsync", lambda _: None)


def loss(point: tuning.Point) -> float:
    """Lowest, 0.1, at a learning rate of 0.002; filters matter little, units and dropout less."""
    return 0.1 + math.log10(point["learning_rate"] / 0.002) ** 2 + point["filters"] / 500 + point["lstm_units"] / 1e5


class Trainer:
    """Trains at once; notes its batches, and is interrupted before that of number `dies_at`."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.batches: list[tuple[list[tuning.Point], int | None]] = []
        self._dies_at = dies_at

    def __call__(self, points, max_epochs):
        if len(self.batches) == self._dies_at:
            raise KeyboardInterrupt
        self.batches.append((list(points), max_epochs))
        epochs = max_epochs or 8
        return [Outcome(loss(point) * (1 + 1 / epochs), 0.9, epochs, f"{point}") for point in points]


def search(sampler, folder, train=None, *, settings=SETTINGS, seed=1, url=None, name="toy"):
    with study_storage.opened(url, folder, name) as storage:
        return tuning.search(sampler, settings, train or Trainer(), name=name, storage=storage, seed=seed)


def table(sampler, folder, *arguments, settings=SETTINGS, **keywords):
    study = search(sampler, folder, *arguments, settings=settings, **keywords)
    return trials.table_of(study, sampler, settings)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_each_sampler_has_the_same_number_of_trials_all_of_them_points_of_the_grid(sampler, tmp_path):
    found = table(sampler, tmp_path)
    assert found["trial"].tolist() == list(range(1, 37))
    for row in found.to_dict("records"):
        assert {name: row[name] for name, _ in SPACE} in SPACE.points
        assert row["validation_loss"] == loss(row) * 9 / 8
    np.testing.assert_array_equal(found["best_so_far"], np.minimum.accumulate(found["validation_loss"]))
    assert len(SPACE.points) == 36 == 3 * 2 * 3 * 2
    assert sampler != "grid" or not found.duplicated([name for name, _ in SPACE]).any()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_that_was_killed_goes_on_and_ends_as_one_that_was_not(sampler, tmp_path):
    unbroken = table(sampler, tmp_path / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        search(sampler, tmp_path / "broken", Trainer(dies_at=2))
    going_on = Trainer()
    resumed = table(sampler, tmp_path / "broken", going_on)
    assert resumed.equals(unbroken)
    assert sum(len(points) for points, _ in going_on.batches) == 36 - SETTINGS.ends_of_batches(sampler)[1]
    done = Trainer()
    assert table(sampler, tmp_path / "broken", done).equals(unbroken)
    assert done.batches == []


def test_a_trial_that_one_batch_left_open_is_taken_up_with_its_point(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        search("random", tmp_path, Trainer(dies_at=0))
    with study_storage.opened(None, tmp_path, "toy") as storage:
        left = optuna.load_study(study_name="toy", storage=storage).get_trials()
    assert [trial.state.name for trial in left] == ["RUNNING"] * 5
    going_on = Trainer()
    search("random", tmp_path, going_on)
    assert going_on.batches[0][0] == [SPACE.complete(trial.params) for trial in left]


@pytest.mark.parametrize(("batch", "sizes"), [(5, [5] * 7 + [1]), (100, [36])])
def test_trials_are_drawn_in_batches_and_the_last_may_be_smaller(tmp_path, batch, sizes):
    train = Trainer()
    search("random", tmp_path, train, settings=SETTINGS.model_copy(update={"batch": batch}))
    assert [len(points) for points, _ in train.batches] == sizes
    assert {epochs for _, epochs in train.batches} == {None}


@pytest.mark.parametrize("batch", [1, 4, 5, 100])
def test_no_batch_runs_past_what_is_drawn_at_random(batch):
    """Else more than a quarter of TPE's trials, and more than a fifth of the genetic ones, would know nothing."""
    settings = SETTINGS.model_copy(update={"batch": batch})
    assert 9 in settings.ends_of_batches("tpe")
    assert {7, 14, 21, 28, 35} <= set(settings.ends_of_batches("genetic"))
    for sampler in SAMPLERS:
        ends = settings.ends_of_batches(sampler)
        assert ends[-1] == 36
        assert all(0 < end - last <= batch for last, end in zip([0, *ends], ends, strict=False))


def test_tpe_learns_from_its_tenth_trial_on_and_the_genetic_search_from_its_eighth(tmp_path):
    """Those drawn at random are the same whatever losses are reported."""
    settings = SETTINGS.model_copy(update={"batch": 4})

    class Upside(Trainer):
        def __call__(self, points, max_epochs):
            outcomes = super().__call__(points, max_epochs)
            return [one._replace(validation_loss=-one.validation_loss) for one in outcomes]

    for sampler, random in (("tpe", 9), ("genetic", 7)):
        one = table(sampler, tmp_path / "one", settings=settings, name=sampler)
        other = table(sampler, tmp_path / "other", Upside(), settings=settings, name=sampler)
        same = one["fit"] == other["fit"]
        assert same[:random].all() and not same[random:].all()
        assert not same[random : random + settings.batch].all()


def test_a_database_keeps_a_search_as_a_journal_does(tmp_path, database):
    assert table("tpe", tmp_path, url=database).equals(table("tpe", tmp_path))
    untouched = Trainer()
    table("tpe", tmp_path, untouched, url=database)
    assert untouched.batches == []


@pytest.mark.parametrize("sampler", ["random", "tpe", "genetic"])
def test_another_seed_is_another_search(sampler, tmp_path):
    one, other = table(sampler, tmp_path, name="one"), table(sampler, tmp_path, name="other", seed=2)
    assert not one["fit"].equals(other["fit"])


def test_a_population_is_a_fifth_and_a_random_start_a_quarter_of_the_trials():
    assert tuning.sampler_of("genetic", SETTINGS, 1, "0").population_size == SETTINGS.population == 7  # 36 / 5
    assert SETTINGS.random_start == 9


def test_pruned_trials_are_worse_than_the_median_and_are_not_trained_to_the_end(tmp_path):
    settings, train = SETTINGS.model_copy(update={"prune_after_epochs": 2}), Trainer()
    found = table("random", tmp_path, train, settings=settings)
    pruned, whole = found[found["state"] == "pruned"], found[found["state"] == "complete"]
    assert len(pruned) > 0 and len(whole) > 0 and len(pruned) + len(whole) == 36
    assert set(pruned["epochs"]) == {2}
    assert set(whole["epochs"]) == {8}
    assert whole["validation_loss"].median() < pruned["validation_loss"].min()
    trained = [point for points, epochs in train.batches if epochs is None for point in points]
    assert len(trained) == len(whole)
    assert pruned["trial"].min() > 5  # the first batch has no earlier one to compare with
    assert trials.best_point(found, SPACE) == min(trained, key=loss)


@pytest.mark.parametrize("state", ["pruned", "failed"])
def test_a_trial_that_is_not_complete_is_never_the_best_one(state, tmp_path):
    found = table("random", tmp_path)
    found.loc[found["validation_loss"].idxmin(), "state"] = state
    best = trials.best_point(found, SPACE)
    assert loss(best) * 9 / 8 == found.loc[found["state"] == "complete", "validation_loss"].min()


class Diverging(Trainer):
    """At the highest learning rate the loss is never finite."""

    def __call__(self, points, max_epochs):
        outcomes = super().__call__(points, max_epochs)
        return [None if point["learning_rate"] == 0.008 else one for point, one in zip(points, outcomes, strict=True)]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("epochs", [None, 2])
def test_a_trial_that_diverges_has_failed_and_the_search_goes_on(sampler, epochs, tmp_path):
    settings = SETTINGS.model_copy(update={"prune_after_epochs": epochs})
    found = table(sampler, tmp_path, Diverging(), settings=settings)
    failed = found["learning_rate"] == 0.008
    assert len(found) == 36 and failed.any()
    assert ((found["state"] == "failed") == failed).all()
    assert found.loc[failed, ["validation_loss", "validation_accuracy", "epochs", "fit"]].isna().all(axis=None)
    best = found.loc[found["state"] == "complete", "validation_loss"].min()
    assert found["best_so_far"].iloc[-1] == best
    assert trials.best_point(found, SPACE)["learning_rate"] < 0.008
    assert table(sampler, tmp_path, Diverging(), settings=settings).equals(found)


def test_where_all_trials_fail_the_error_says_what_to_lower(tmp_path):
    found = table("random", tmp_path, lambda points, epochs: [None] * len(points))
    assert found["best_so_far"].isna().all()
    with pytest.raises(BadInput, match=r"random: 36 failed\n.*lower tune\.space\.learning_rate"):
        trials.best_point(found, SPACE)


def written(monkeypatch, allowed: int) -> list[int]:
    """Let the journal be written so many times, then kill the search; returns how often it was, as it goes on."""
    times, append = [0], JournalFileBackend.append_logs

    def counted(self, logs):
        if times[0] == allowed:
            raise KeyboardInterrupt
        times[0] += 1
        append(self, logs)

    monkeypatch.setattr(JournalFileBackend, "append_logs", counted)
    return times


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_killed_between_any_two_writes_ends_as_one_that_was_not(sampler, tmp_path, monkeypatch):
    settings = SETTINGS.model_copy(update={"prune_after_epochs": 2, "trials": 10})
    with monkeypatch.context() as patch:
        times = written(patch, -1)
        unbroken = table(sampler, tmp_path / "unbroken", Diverging(), settings=settings)
    assert len(unbroken) == 10
    for allowed in range(1, times[0], 17):
        folder = tmp_path / f"{allowed}"
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            written(patch, allowed)
            search(sampler, folder, Diverging(), settings=settings)
        pd.testing.assert_frame_equal(table(sampler, folder, Diverging(), settings=settings), unbroken)


def test_a_point_in_words_loses_no_digit():
    for point in SPACE.points:
        assert SPACE.read(SPACE.in_words(point)) == point
    assert SPACE.in_words(SPACE.points[0])["learning_rate"] == "0.0005"


def test_what_the_loss_depends_on_is_the_most_important(tmp_path):
    shares = trials.importances(search("grid", tmp_path), seed=1)
    assert next(iter(shares)) == "learning_rate"
    assert set(shares) == {"filters", "lstm_units", "learning_rate", "dropout_rate"}
    assert shares["learning_rate"] > 0.9
    assert sum(shares.values()) == pytest.approx(1)


def test_in_random_orders_the_best_of_a_grid_is_found_as_often_as_chance_has_it():
    losses = np.random.default_rng(0).random(20)
    table = replay.replay(losses, orders=4000, seed=1).set_index("n")
    for n in (1, 5, 10, 19):  # one best point of 20: it is among the first n with a chance of n / 20
        assert table.loc[n, "found_best"] == pytest.approx(n / 20, abs=4 * math.sqrt(n / 20 * (1 - n / 20) / 4000))
    assert table.loc[20, ["found_best", "close", "gap_median", "gap_low", "gap_high"]].tolist() == [1, 1, 0, 0, 0]
    assert table.loc[1, "gap_median"] == pytest.approx(np.median(losses) - losses.min(), abs=0.05)


def test_trials_until_close_is_the_first_of_a_draw_without_replacement():
    losses = np.array([0.0, 0.01, *np.linspace(1, 2, 18)])  # two of 20 are close
    median, low, high = replay.trials_until_close(losses, orders=4000, seed=1)
    chance = [
        1 - math.comb(18, n) / math.comb(20, n) for n in range(1, 21)
    ]  # one of two among the first n: hypergeometric
    assert median == 1 + next(n for n, value in enumerate(chance) if value >= 0.5)
    assert low == 1
    assert abs(high - (1 + next(n for n, value in enumerate(chance) if value >= 0.975))) <= 1


def test_points_where_training_failed_are_the_worst_ones_of_a_replay():
    losses = np.array([np.nan, 0.1, 0.2, np.nan, 0.3, 0.4])
    table = replay.replay(losses, orders=4000, seed=1).set_index("n")
    assert table.loc[1, "found_best"] == pytest.approx(1 / 6, abs=0.03)
    assert table.loc[1, "close"] == pytest.approx(1 / 6, abs=0.03)  # 0.115 and below
    assert np.isnan(table.loc[1, "gap_high"])  # a third of the orders begin with a failure
    assert table.loc[1, "gap_low"] == 0
    assert table.loc[6, ["gap_median", "gap_high"]].tolist() == [0, 0]
    assert replay.trials_until_close(losses, orders=4000, seed=1)[0] in (3, 3.5, 4)


def test_points_that_are_equally_good_are_each_the_best():
    table = replay.replay(np.array([0.1, 0.1, 0.5, 0.6, 0.7]), orders=4000, seed=1).set_index("n")
    assert table.loc[2, "found_best"] == pytest.approx(1 - math.comb(3, 2) / math.comb(5, 2), abs=0.03)
