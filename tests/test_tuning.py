"""Searches with the real samplers, on a loss that is known in closed form."""

import math

import numpy as np
import optuna
import pytest
from pydantic import ValidationError

from bulbar import tuning
from bulbar.tuning import SAMPLERS, Outcome, Settings, Space

SPACE = Space(
    filters=(4, 8, 16),
    lstm_units=(8, 32),
    n_layers=(2,),
    learning_rate=(0.0005, 0.002, 0.008),
    batch_size=(32,),
    dropout_rate=(0.0, 0.3),
)
SETTINGS = Settings(space=SPACE, batch=5)


def loss(point: tuning.Point) -> float:
    """Lowest, 0.1, at a learning rate of 0.002; filters matter little, units and dropout less."""
    return 0.1 + math.log10(point["learning_rate"] / 0.002) ** 2 + point["filters"] / 500 + point["lstm_units"] / 1e5


class Trainer:
    """Trains at once; notes the batches that it is asked for, and dies before one where it is told to."""

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
    storage = tuning.storage_of(url, folder, name)
    return tuning.search(sampler, settings, train or Trainer(), name=name, storage=storage, seed=seed)


def table(sampler, folder, *arguments, settings=SETTINGS, **keywords):
    study = search(sampler, folder, *arguments, settings=settings, **keywords)
    return tuning.table_of(study, sampler, settings)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_each_sampler_has_the_same_number_of_trials_all_of_them_points_of_the_grid(sampler, tmp_path):
    found = table(sampler, tmp_path)
    assert found["trial"].tolist() == list(range(1, 37))
    for row in found.to_dict("records"):
        assert {name: row[name] for name, _ in SPACE} in SPACE.points
        assert row["validation_loss"] == loss(row) * 9 / 8
    np.testing.assert_array_equal(found["best_so_far"], np.minimum.accumulate(found["validation_loss"]))


def test_the_grid_has_every_point_once_and_ends_without_an_error(tmp_path):
    found = table("grid", tmp_path)
    assert len(SPACE.points) == 36 == 3 * 2 * 3 * 2
    assert not found.duplicated([name for name, _ in SPACE]).any()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_that_was_killed_goes_on_and_ends_as_one_that_was_not(sampler, tmp_path):
    unbroken = table(sampler, tmp_path / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        search(sampler, tmp_path / "broken", Trainer(dies_at=2))
    going_on = Trainer()
    resumed = table(sampler, tmp_path / "broken", going_on)
    assert resumed.equals(unbroken)
    assert sum(len(points) for points, _ in going_on.batches) == 36 - 2 * 5
    done = Trainer()
    assert table(sampler, tmp_path / "broken", done).equals(unbroken)
    assert done.batches == []


def test_a_trial_that_one_batch_left_open_is_taken_up_with_its_point(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        search("random", tmp_path, Trainer(dies_at=0))
    storage = tuning.storage_of(None, tmp_path, "toy")
    (left,) = [optuna.load_study(study_name="toy", storage=storage).get_trials()]
    assert [trial.state.name for trial in left] == ["RUNNING"] * 5
    going_on = Trainer()
    search("random", tmp_path, going_on)
    assert going_on.batches[0][0] == [SPACE.complete(trial.params) for trial in left]


def test_trials_are_asked_in_batches_and_the_last_may_be_smaller(tmp_path):
    train = Trainer()
    search("tpe", tmp_path, train)
    assert [len(points) for points, _ in train.batches] == [5] * 7 + [1]
    assert {epochs for _, epochs in train.batches} == {None}


def test_a_database_keeps_a_search_as_a_journal_does(tmp_path):
    url = f"sqlite:///{tmp_path}/studies.db"
    assert table("tpe", tmp_path, url=url).equals(table("tpe", tmp_path))
    untouched = Trainer()
    table("tpe", tmp_path, untouched, url=url)
    assert untouched.batches == []


@pytest.mark.parametrize("sampler", ["random", "tpe", "genetic"])
def test_another_seed_is_another_search(sampler, tmp_path):
    one, other = table(sampler, tmp_path, name="one"), table(sampler, tmp_path, name="other", seed=2)
    assert not one["fit"].equals(other["fit"])


def test_tpe_draws_a_quarter_at_random_and_a_population_is_a_fifth_at_most():
    genetic = tuning.sampler_of("genetic", SETTINGS, 1, 0)
    assert genetic.population_size == 7  # 36 / 5
    tpe = tuning.sampler_of("tpe", SETTINGS, 1, 0)
    assert tpe._n_startup_trials == 9


def test_pruned_trials_are_worse_than_the_median_and_are_not_trained_to_the_end(tmp_path):
    settings, train = SETTINGS.model_copy(update={"prune_after_epochs": 2}), Trainer()
    found = table("random", tmp_path, train, settings=settings)
    assert 0 < found["pruned"].sum() < 36
    assert set(found.loc[found["pruned"], "epochs"]) == {2}
    assert set(found.loc[~found["pruned"], "epochs"]) == {8}
    assert found.loc[~found["pruned"], "validation_loss"].median() < found.loc[found["pruned"], "validation_loss"].min()
    whole = [point for points, epochs in train.batches if epochs is None for point in points]
    assert len(whole) == (~found["pruned"]).sum()
    assert not found["pruned"].iloc[:5].any()  # the first batch has no earlier one to compare with
    assert tuning.best_point(found, SPACE) == min(whole, key=loss)


def test_a_pruned_trial_is_never_the_best_one(tmp_path):
    found = table("random", tmp_path)
    found.loc[found["validation_loss"].idxmin(), "pruned"] = True
    best = tuning.best_point(found, SPACE)
    assert loss(best) * 9 / 8 == found.loc[~found["pruned"], "validation_loss"].min()


def test_a_point_in_words_loses_no_digit():
    for point in SPACE.points:
        assert SPACE.read(SPACE.in_words(point)) == point
    assert SPACE.in_words(SPACE.points[0])["learning_rate"] == "0.0005"


def test_what_the_loss_depends_on_is_the_most_important(tmp_path):
    shares = tuning.importances(search("grid", tmp_path), seed=1)
    assert next(iter(shares)) == "learning_rate"
    assert set(shares) == {"filters", "lstm_units", "learning_rate", "dropout_rate"}
    assert shares["learning_rate"] > 0.9
    assert sum(shares.values()) == pytest.approx(1)


def test_in_random_orders_the_best_of_a_grid_is_found_as_often_as_chance_has_it():
    losses = np.random.default_rng(0).random(20)
    table = tuning.replay(losses, orders=4000, seed=1).set_index("n")
    for n in (1, 5, 10, 19):  # one best point of 20: it is among the first n with a chance of n / 20
        assert table.loc[n, "found_best"] == pytest.approx(n / 20, abs=4 * math.sqrt(n / 20 * (1 - n / 20) / 4000))
    assert table.loc[20, ["found_best", "close", "gap_median", "gap_low", "gap_high"]].tolist() == [1, 1, 0, 0, 0]
    assert table.loc[1, "gap_median"] == pytest.approx(np.median(losses) - losses.min(), abs=0.05)


def test_trials_until_close_is_the_first_of_a_draw_without_replacement():
    losses = np.array([0.0, 0.01, *np.linspace(1, 2, 18)])  # two of 20 are close
    median, low, high = tuning.trials_until_close(losses, orders=4000, seed=1)
    chance = [
        1 - math.comb(18, n) / math.comb(20, n) for n in range(1, 21)
    ]  # one of two among the first n: hypergeometric
    assert median == 1 + next(n for n, value in enumerate(chance) if value >= 0.5)
    assert low == 1
    assert abs(high - (1 + next(n for n, value in enumerate(chance) if value >= 0.975))) <= 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"trials": 37}, "the grid has 36 points"),
        ({"trials": 9}, "genetic needs at least 10, got 9"),
        ({"trials": 3, "compared": ["tpe"]}, "tpe needs at least 4, got 3"),
        ({"orders": 100}, "greater than or equal to 200"),
        ({"sampler": "annealing"}, "'grid', 'random', 'tpe' or 'genetic'"),
        ({"space": {**SPACE.model_dump(), "filters": []}}, "at least one value"),
        ({"space": {**SPACE.model_dump(), "filters": [4, 4]}}, "each once"),
        ({"space": {**SPACE.model_dump(), "dropout_rate": [1.0]}}, "below 1"),
        ({"space": {name: values[:1] for name, values in SPACE.model_dump().items()}}, "leaves nothing to search"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, told):
    with pytest.raises(ValidationError, match=told):
        Settings.model_validate({"space": SPACE.model_dump(), **changes})
