"""Are people on both sides of the split, and can a recording be assigned to its speaker?"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from bulbar.audit.finding import LEAK_P, Finding, Verdict, p_of_shuffles
from bulbar.cohort.folds import numbers, parts
from bulbar.core.digests import seed_of
from bulbar.core.markdown import with_interval
from bulbar.scoring import intervals


@dataclass(frozen=True)
class Recognition:
    """How often a recording's nearest neighbour is of the same subject.

    accuracy: share of the recordings of subjects with at least two. low, high: bootstrap over subjects, 95 %.
    chance: the accuracy of a neighbour drawn blindly. p: of shuffles of the subjects over the recordings. All NaN
    where no subject has two recordings.
    """

    accuracy: float
    low: float
    high: float
    chance: float
    p: float

    @property
    def in_words(self) -> str:
        """Such as `60 % (50 to 70) of recordings, 1.1 % by chance, p 0.001`."""
        share = with_interval(100 * self.accuracy, 100 * self.low, 100 * self.high, "{:.0f} %".format)
        return f"{share} of recordings, {100 * self.chance:.1f} % by chance, p {self.p:.3f}"


def chance_of_recognition(recordings: npt.ArrayLike) -> float:
    """Chance that a blindly drawn other recording has the same subject, for recordings of subjects with two or more.

    recordings: of each subject, shape (subjects,). One of r among n: (r - 1) / (n - 1). NaN where all have one.
    """
    counts = np.asarray(recordings)
    several = counts[counts > 1]
    return float((several * (several - 1)).sum() / (several.sum() * (counts.sum() - 1))) if several.size else np.nan


def recognise(
    features: pd.DataFrame | np.ndarray,
    subject_ids: npt.ArrayLike,
    *,
    within: npt.ArrayLike | None = None,
    shuffles: int = 999,
    draws: int = 2000,
    seed: int = 0,
) -> Recognition:
    """Identify a recording's subject by its nearest neighbour among all other recordings, Euclidean, standardised.

    features: shape (recordings, columns), without gaps. subject_ids: of each recording. within: for each recording the
    group, such as the task, within which features are standardised: else a neighbour has the same task, not the same
    voice.
    """
    values = np.asarray(features, dtype=float)
    subject_of = pd.factorize(np.asarray(subject_ids), sort=True)[0]
    counts = np.bincount(subject_of)
    several = counts[subject_of] > 1
    if not several.any():
        return Recognition(np.nan, np.nan, np.nan, np.nan, np.nan)
    groups = np.zeros(len(values)) if within is None else pd.factorize(np.asarray(within))[0]
    scaled = np.empty(values.shape)
    for group in np.unique(groups):
        scaled[groups == group] = StandardScaler().fit_transform(values[groups == group])
    neighbour = NearestNeighbors(n_neighbors=1).fit(scaled).kneighbors(return_distance=False)[:, 0]
    right = (subject_of[neighbour] == subject_of)[several]
    shuffled = np.random.default_rng(seed_of(seed, "shuffles")).permuted(
        np.repeat(subject_of[:, np.newaxis], shuffles, axis=1), axis=0
    )
    by_luck = shuffled[neighbour] == shuffled
    of_shuffles = (by_luck & (counts[shuffled] > 1)).sum(axis=0) / several.sum()
    low, high = _interval(pd.factorize(subject_of[several])[0], right, draws, seed_of(seed, "intervals"))
    accuracy = float(right.mean())
    return Recognition(accuracy, low, high, chance_of_recognition(counts), p_of_shuffles(accuracy, of_shuffles))


def overlap(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """For each recording: is its subject in the training part of the fold that tests it, and in its validation part?

    table: of `folds.assign`. Returns `trained` and `watched`, shape (recordings,), 0 or 1.
    """
    subject = table["subject_id"].to_numpy()
    found = {"trained": np.zeros(len(table)), "watched": np.zeros(len(table))}
    for number in numbers(table):
        trained, watched, tested = parts(table, number)
        for name, others in (("trained", trained), ("watched", watched)):
            found[name][tested] = np.isin(subject[tested], subject[others])
    return found


def probe(
    features: pd.DataFrame,
    folds: Mapping[str, pd.DataFrame],
    *,
    within: Mapping[str, str] | None = None,
    shuffles: int = 999,
    draws: int = 2000,
    seed: int = 0,
) -> list[Finding]:
    """A finding per protocol: the share of test recordings whose subject is also in training.

    features: a row per recording, indexed by recording_id (`label_probe.summary_of_images`). folds: protocol -> table
    of `folds.assign`, all over the same recordings. within: recording_id -> task.
    Where the test fold itself is watched, as record_wise does, every test recording's subject is among the watched.
    """
    one = next(iter(folds.values()))
    tasks = None if within is None else one["recording_id"].map(dict(within)).to_numpy()
    chances = {"shuffles": shuffles, "draws": draws, "seed": seed_of(seed, "speakers")}
    found = recognise(features.loc[one["recording_id"]], one["subject_id"], within=tasks, **chances)
    return [_finding(protocol, table, found, draws, seed_of(seed, protocol)) for protocol, table in folds.items()]


def _finding(protocol: str, table: pd.DataFrame, found: Recognition, draws: int, seed: int) -> Finding:
    subject_of = pd.factorize(table["subject_id"], sort=True)[0]
    shares = overlap(table)
    trained, watched = float(shares["trained"].mean()), float(shares["watched"].mean())
    low, high = _interval(subject_of, shares["trained"], draws, seed)
    recognised = found.p < LEAK_P and found.accuracy > found.chance
    verdict: Verdict = "clear" if trained == 0 else "leak" if recognised else "suspect"
    sentence = f"{100 * trained:.0f} % of test recordings have their own speaker in training"
    sentence += f" and {100 * watched:.0f} % in validation."
    if trained and np.isfinite(found.accuracy):
        sentence += f" The nearest other recording is the same person's for {found.in_words}."
    return Finding(
        probe="speaker_overlap",
        of=protocol,
        figure="share of test recordings whose subject is in training",
        value=trained,
        low=low,
        high=high,
        verdict=verdict,
        sentence=sentence,
        p=found.p if trained else np.nan,
        details={"share_in_validation": watched, "nearest_neighbour": asdict(found)},
    )


def _interval(subject_of: np.ndarray, values: np.ndarray, draws: int, seed: int) -> tuple[float, float]:
    """95 % interval of the mean of `values`, a row per recording, subjects being what is drawn."""
    rows, sums = np.bincount(subject_of), np.bincount(subject_of, values)
    drawn = intervals.drawn_subjects(np.zeros(len(rows)), draws=draws, seed=seed)
    seen = drawn @ rows
    return intervals.percentiles(drawn[seen > 0] @ sums / seen[seen > 0], 0.95)
