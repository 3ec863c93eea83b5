"""Search for a network's settings with Optuna, independent of the number of workers, and resumable after a kill.

Trials are drawn in batches, trained together and reported in order; hopeless ones are pruned at the end of a batch.
Each value of a trial has its own seed. All samplers draw from the same values, so they share cached fits: the grid is
every combination of these values.
"""

import hashlib
import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any, Literal, NamedTuple, Self

import optuna
from optuna.samplers import BaseSampler, GridSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage
from optuna.trial import Trial, TrialState
from pydantic import Field, PositiveFloat, field_validator, model_validator

from bulbar.core.digests import code_digest, seed_of
from bulbar.core.settings import MOST, Count, Depth, Strict, Width

Sampler = Literal["grid", "random", "tpe", "genetic"]
SAMPLERS: tuple[Sampler, ...] = ("grid", "random", "tpe", "genetic")

Point = Mapping[str, int | float]
"""Setting of the space -> value."""

LARGEST_GRID = 100_000
"""Largest number of combinations in a space, because each one is fitted."""


class Space(Strict):
    """The `tune.space` block of gender/params.yaml: the paper's six settings, each with the values to try."""

    filters: tuple[Width, ...]
    lstm_units: tuple[Width, ...]
    n_layers: tuple[Depth, ...]
    learning_rate: tuple[PositiveFloat, ...]
    batch_size: tuple[Count, ...]
    dropout_rate: tuple[float, ...]

    @field_validator("*")
    @classmethod
    def _some_and_each_once(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if not values or len(set(values)) < len(values):
            raise ValueError("at least one value, and each once")
        return values

    @field_validator("dropout_rate")
    @classmethod
    def _rates(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 <= value < 1 for value in values):
            raise ValueError("rates of at least 0 and below 1")
        return values

    @model_validator(mode="after")
    def _a_grid_that_can_be_fitted(self) -> Self:
        if (size := math.prod(len(values) for _, values in self)) > LARGEST_GRID:
            raise ValueError(f"at most {LARGEST_GRID:,} combinations of the values, and these have {size:,}")
        return self

    @property
    def varied(self) -> dict[str, list[int | float]]:
        """The settings with more than one value."""
        return {name: list(values) for name, values in self if len(values) > 1}

    @property
    def points(self) -> list[Point]:
        """The grid: every combination."""
        names, values = zip(*self, strict=True)
        return [dict(zip(names, point, strict=True)) for point in product(*values)]

    @staticmethod
    def in_words(point: Point) -> dict[str, str]:
        """A point as text with all digits; `read` is the inverse."""
        return {name: repr(value) for name, value in point.items()}

    def read(self, words: Mapping[str, str]) -> Point:
        """The point from the text of `in_words`."""
        return {name: type(values[0])(words[name]) for name, values in self}

    def complete(self, drawn: Mapping[str, Any]) -> Point:
        """A point from the values of its varied settings."""
        return {name: drawn.get(name, values[0]) for name, values in self}


class Settings(Strict):
    """The `tune` block of gender/params.yaml."""

    sampler: Sampler = "grid"
    compared: tuple[Sampler, ...] = SAMPLERS
    trials: Count | None = None
    batch: Count = 4
    prune_after_epochs: Count | None = None
    orders: int = Field(default=200, ge=200, le=MOST)
    storage: str | None = None
    space: Space

    @field_validator("compared")
    @classmethod
    def _some_samplers_each_once(cls, names: tuple[Sampler, ...]) -> tuple[Sampler, ...]:
        if not names or len(set(names)) < len(names):
            raise ValueError("at least one sampler, and each once")
        return names

    @property
    def n_trials(self) -> int:
        """Number of trials of each sampler; by default, the number of points of the grid."""
        return self.trials or len(self.space.points)

    @property
    def samplers(self) -> tuple[Sampler, ...]:
        """The sampler whose best point is used, and those compared with it, in the order of SAMPLERS."""
        return tuple(sampler for sampler in SAMPLERS if sampler in {self.sampler, *self.compared})

    @property
    def random_start(self) -> int:
        """Number of trials that TPE draws at random before it learns from them."""
        return self.n_trials // 4

    @property
    def population(self) -> int:
        """Number of trials per generation of the genetic search."""
        return self.n_trials // 5

    def ends_of_batches(self, sampler: Sampler) -> list[int]:
        """The trial counts at which a batch ends; a batch has at most `batch` trials.

        A batch also ends at TPE's random start and at each population; otherwise its later trials would be drawn
        without the results that the sampler learns from.
        """
        learned = {"tpe": [self.random_start], "genetic": list(range(0, self.n_trials, self.population or 1))}
        ends = [0]
        while ends[-1] < self.n_trials:
            later = [end for end in learned.get(sampler, []) if end > ends[-1]]
            ends.append(min(self.n_trials, ends[-1] + self.batch, *later))
        return ends[1:]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        size = len(self.space.points)
        if size < 2:
            raise ValueError("a space of one point leaves nothing to search")
        if self.n_trials > size:
            raise ValueError(f"trials: the same number for each sampler, and the grid has {size} points")
        fewest = {"genetic": 10, "tpe": 4}  # population: a fifth of the trials, at least two; random start: a quarter
        for sampler in self.samplers:
            if self.n_trials < fewest.get(sampler, 1):
                raise ValueError(f"trials: {sampler} needs at least {fewest[sampler]}, got {self.n_trials}")
        return self


class Outcome(NamedTuple):
    """Result of training at one point, at the epoch of lowest validation loss. fit: digest of the cached fit."""

    validation_loss: float
    validation_accuracy: float
    epochs: int
    fit: str


Train = Callable[[Sequence[Point], int | None], Sequence[Outcome | None]]
"""(points, maximum of epochs, or None for that of the settings) -> outcomes in the same order, None if the validation
loss was never finite."""


def digest(settings: Settings, seed: int, grid: Sequence[str]) -> str:
    """A digest of everything that determines a search's trials except the sampler, including the code of this module.

    grid: digest of the fit at each point of the space.
    """
    shaping = settings.model_dump(exclude={"sampler", "compared", "orders", "storage"})
    described = [shaping, seed, optuna.__version__, code_digest(__file__), *grid]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


def search(
    sampler: Sampler, settings: Settings, train: Train, *, name: str, storage: BaseStorage, seed: int
) -> optuna.Study:
    """Search until there are `settings.n_trials` trials; an interrupted search with this name is continued.

    Parameters
    ----------
    sampler : str
        One of SAMPLERS.
    settings : Settings
        Space, number of trials, size of batches, pruning.
    train : callable
        Trains at points; see `Train`.
    name : str
        Name of the study. It must contain the digest of everything that determines the trials.
    storage : BaseStorage
        From `storage.opened`, which gives it to one process at a time.
    seed : int
        Seed of all draws.

    Returns
    -------
    optuna.Study
        The study; `trials.table_of` returns its trials.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=name,
        storage=storage,
        sampler=sampler_of(sampler, settings, seed, "0"),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=0),
        load_if_exists=True,
    )
    for batch in _batches(study, sampler, settings, seed):
        _train_and_report(study, batch, settings, train)
    return study


def sampler_of(sampler: Sampler, settings: Settings, seed: int, drawn: str, *, learns: bool = False) -> BaseSampler:
    """The sampler that draws one trial, or one of its values, with its own seed.

    drawn: name of the draw, for the seed. learns: whether TPE's random start is over.
    """
    own = seed_of(seed, f"tune/{sampler}/{drawn}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # constant_liar
        match sampler:
            case "grid":  # takes points by trial number, from an order shuffled with one seed
                return GridSampler(settings.space.varied, seed=seed_of(seed, "tune/grid"))
            case "random":
                return RandomSampler(seed=own)
            case "tpe":  # constant_liar: running trials count as bad, so that a batch does not repeat a point
                start = 1 if learns else settings.n_trials  # failed trials do not count towards the random start
                return TPESampler(seed=own, n_startup_trials=start, constant_liar=True)
            case "genetic":
                return NSGAIISampler(seed=own, population_size=settings.population)


def _batches(study: optuna.Study, sampler: Sampler, settings: Settings, seed: int) -> Iterator[list[Trial]]:
    """Yield unfinished trials batch by batch: first those of a killed search, then new ones."""
    ends = settings.ends_of_batches(sampler)
    while True:
        trials = study.get_trials(deepcopy=False)
        open_trials = [trial for trial in trials if not trial.state.is_finished()]
        first = open_trials[0].number if open_trials else len(trials)
        if first >= settings.n_trials:
            return
        batch = []
        for number in range(first, next(end for end in ends if end > first)):
            if number < len(trials) and trials[number].state.is_finished():
                continue
            learns = number >= settings.random_start
            study.sampler = sampler_of(sampler, settings, seed, f"{number}", learns=learns)
            left = number < len(trials)  # resumed; Optuna has no public function for this
            trial = Trial(study, trials[number]._trial_id) if left else study.ask()
            if trial.number != number:
                raise RuntimeError(
                    f"study {study.study_name}: trial {number} expected, {trial.number} came: two writers"
                )
            drawn_together = trial.relative_params  # by the genetic sampler, with the trial's own seed
            for name, values in settings.space.varied.items():
                if name not in drawn_together:  # a search killed here draws the same value when it is resumed
                    study.sampler = sampler_of(sampler, settings, seed, f"{number}/{name}", learns=learns)
                trial.suggest_categorical(name, values)
            batch.append(trial)
        yield batch


def _train_and_report(study: optuna.Study, batch: Sequence[Trial], settings: Settings, train: Train) -> None:
    """Train a batch and report its trials in order. A trial whose validation loss was never finite has failed.

    With pruning, all are first trained for a few epochs; those that are worse than the median of earlier batches end
    there. The others are trained again from the start, because only whole fits are cached.
    """
    points = [settings.space.complete(trial.params) for trial in batch]
    ended: dict[int, Outcome | None] = {}
    if settings.prune_after_epochs is not None:
        for trial, outcome in zip(batch, train(points, settings.prune_after_epochs), strict=True):
            if outcome is None or _is_hopeless(trial, outcome, settings.prune_after_epochs):
                ended[trial.number] = outcome
    left = [point for trial, point in zip(batch, points, strict=True) if trial.number not in ended]
    outcomes = iter(train(left, None) if left else [])
    for trial in batch:
        outcome = ended[trial.number] if trial.number in ended else next(outcomes)
        for name in ("validation_accuracy", "epochs", "fit"):
            trial.set_user_attr(name, getattr(outcome, name, None))
        with _though_exhausted(study):
            if outcome is None:
                study.tell(trial, state=TrialState.FAIL)
            elif trial.number in ended:
                study.tell(trial, state=TrialState.PRUNED)
            else:
                study.tell(trial, outcome.validation_loss)


def _is_hopeless(trial: Trial, outcome: Outcome, epochs: int) -> bool:
    """The pruner's decision, stored before any trial of the batch is reported, so that a resumed search repeats it."""
    if "hopeless" not in trial.user_attrs:
        trial.report(outcome.validation_loss, step=epochs)
        trial.set_user_attr("hopeless", bool(trial.should_prune()))
    return trial.user_attrs["hopeless"]


@contextmanager
def _though_exhausted(study: optuna.Study) -> Iterator[None]:
    """Ignore the RuntimeError with which GridSampler stops a study after storing its last point."""
    try:
        yield
    except RuntimeError:
        sampler = study.sampler
        if not (isinstance(sampler, GridSampler) and sampler.is_exhausted(study)):
            raise
