"""A search for a network's settings, with Optuna, so that workers change nothing and a killed search goes on.

Trials are drawn in batches, trained together, and reported in their order; hopeless ones are pruned at a batch's end.
Each value of a trial is drawn from a seed of its own. All samplers draw from the same values, so they share their
cached fits: the grid is every combination of them.
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
"""A value for each setting of the space."""

LARGEST_GRID = 100_000
"""Combinations of a space's values: every one is fitted."""


class Space(Strict):
    """The `tune.space` block of gender/params.yaml: the paper's six settings, each with the values that are tried."""

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
        """A point as text that loses no digit; `read` has it back."""
        return {name: repr(value) for name, value in point.items()}

    def read(self, words: Mapping[str, str]) -> Point:
        """The point that `in_words` has written."""
        return {name: type(values[0])(words[name]) for name, values in self}

    def complete(self, drawn: Mapping[str, Any]) -> Point:
        """A point from its varied settings."""
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
        """Trials of each sampler: as stated, else as many as the grid has points."""
        return self.trials or len(self.space.points)

    @property
    def samplers(self) -> tuple[Sampler, ...]:
        """The one whose pick is taken, and those that it is compared with, in the order of SAMPLERS."""
        return tuple(sampler for sampler in SAMPLERS if sampler in {self.sampler, *self.compared})

    @property
    def random_start(self) -> int:
        """Trials that TPE draws at random before it learns from them."""
        return self.n_trials // 4

    @property
    def population(self) -> int:
        """Trials of a generation of the genetic search."""
        return self.n_trials // 5

    def ends_of_batches(self, sampler: Sampler) -> list[int]:
        """The numbers of trials at which a batch ends: at most `batch` after the one before.

        None runs past TPE's random start or a population: trials drawn then would know as little as its random part.
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
        fewest = {"genetic": 10, "tpe": 4}  # a population of a fifth of the trials, two at least; a quarter drawn first
        for sampler in self.samplers:
            if self.n_trials < fewest.get(sampler, 1):
                raise ValueError(f"trials: {sampler} needs at least {fewest[sampler]}, got {self.n_trials}")
        return self


class Outcome(NamedTuple):
    """What training at one point gave, at the epoch of lowest validation loss; fit: the digest of the cached fit."""

    validation_loss: float
    validation_accuracy: float
    epochs: int
    fit: str


Train = Callable[[Sequence[Point], int | None], Sequence[Outcome | None]]
"""Trains at points, for at most so many epochs (None: as many as the settings say); the outcomes in their order, None
where the validation loss was never finite."""


def digest(settings: Settings, seed: int, grid: Sequence[str]) -> str:
    """A name for everything that shapes a search's trials: the code that searches too, the sampler left out.

    grid: the digest of the fit at each point of the space.
    """
    shaping = settings.model_dump(exclude={"sampler", "compared", "orders", "storage"})
    described = [shaping, seed, optuna.__version__, code_digest(__file__), *grid]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


def search(
    sampler: Sampler, settings: Settings, train: Train, *, name: str, storage: BaseStorage, seed: int
) -> optuna.Study:
    """Search until there are `settings.n_trials` trials, or go on with a search of this name that was cut off.

    name: of the study, with the digest of everything that shapes it. storage: to this process alone, as
    `storage.opened` has it. Returns the study; `trials.table_of` has its trials.
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
    """The sampler that draws a trial, or one of its values, from the seed of that.

    drawn: what its seed is for. learns: whether TPE's random start is over.
    """
    own = seed_of(seed, f"tune/{sampler}/{drawn}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # constant_liar
        match sampler:
            case "grid":  # deals its points out by the trial's number, from an order that one seed has shuffled
                return GridSampler(settings.space.varied, seed=seed_of(seed, "tune/grid"))
            case "random":
                return RandomSampler(seed=own)
            case "tpe":  # a batch's other trials count as bad: it does not ask for one point several times
                start = 1 if learns else settings.n_trials  # a failed trial is none to learn from, nor to wait for
                return TPESampler(seed=own, n_startup_trials=start, constant_liar=True)
            case "genetic":
                return NSGAIISampler(seed=own, population_size=settings.population)


def _batches(study: optuna.Study, sampler: Sampler, settings: Settings, seed: int) -> Iterator[list[Trial]]:
    """The trials still open, batch by batch: those that a killed search left behind, then new ones."""
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
            left = number < len(trials)  # taken up again: Optuna has no public way to
            trial = Trial(study, trials[number]._trial_id) if left else study.ask()
            if trial.number != number:
                raise RuntimeError(
                    f"study {study.study_name}: trial {number} expected, {trial.number} came: two writers"
                )
            drawn_together = trial.relative_params  # by the genetic sampler, from the trial's own seed
            for name, values in settings.space.varied.items():
                if name not in drawn_together:  # a search killed here goes on with the value that it would have drawn
                    study.sampler = sampler_of(sampler, settings, seed, f"{number}/{name}", learns=learns)
                trial.suggest_categorical(name, values)
            batch.append(trial)
        yield batch


def _train_and_report(study: optuna.Study, batch: Sequence[Trial], settings: Settings, train: Train) -> None:
    """Train a batch and report its trials in their order; one whose validation loss was never finite has failed.

    With pruning all are trained for a few epochs first; those worse by then than the median of earlier batches end
    there. The others start once more, as a cached fit is a whole one: their first epochs are the same again.
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
    """The pruner's verdict, noted before any trial of the batch is reported: a search killed then has it again."""
    if "hopeless" not in trial.user_attrs:
        trial.report(outcome.validation_loss, step=epochs)
        trial.set_user_attr("hopeless", bool(trial.should_prune()))
    return trial.user_attrs["hopeless"]


@contextmanager
def _though_exhausted(study: optuna.Study) -> Iterator[None]:
    """GridSampler stops the study at its last point, which only `optimize` allows: it stores, then raises."""
    try:
        yield
    except RuntimeError:
        sampler = study.sampler
        if not (isinstance(sampler, GridSampler) and sampler.is_exhausted(study)):
            raise
