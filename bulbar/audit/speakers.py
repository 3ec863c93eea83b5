"""Probe: are people in both training and test set, and can a recording be matched to its speaker?"""

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
    """How often a recording's nearest neighbour comes from the same subject. All NaN if no subject has two recordings.

    Parameters
    ----------
    accuracy : float in [0, 1]
        Share among the recordings of subjects with at least two recordings.
    low, high : float
        95 % bootstrap interval over subjects.
    chance : float
        Accuracy of a neighbour drawn at random.
    p : float
        p-value of shuffles of the subjects over the recordings.
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
    """Probability that a random other recording is from the same subject, over subjects with two or more recordings.

    `recordings` is the number of recordings of each subject, shape (subjects,). For a recording of a subject with r of
    n recordings the probability is (r - 1) / (n - 1). NaN if every subject has one recording.

    Examples
    --------
    >>> chance_of_recognition([2, 2, 1])
    0.25
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
    """Identify the subject of each recording by its nearest neighbour: Euclidean distance of standardised features.

    Parameters
    ----------
    features : array or DataFrame, shape (recordings, columns)
        Without missing values.
    subject_ids : array-like, shape (recordings,)
        Subject of each recording.
    within : array-like, optional
        Group of each recording, such as its task. Features are standardised within each group; without it, the nearest
        neighbour would share the task rather than the voice.
    shuffles, draws, seed : int
        Number of shuffles of the subjects, number of bootstrap draws, random seed.

    Returns
    -------
    Recognition
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
    """Whether the subject of each test recording is also in the training and in the validation part of that fold.

    Parameters
    ----------
    table : DataFrame
        Table of `folds.assign`.

    Returns
    -------
    dict
        `trained` and `validated`, arrays of shape (recordings,) with 0 or 1.
    """
    subject = table["subject_id"].to_numpy()
    found = {"trained": np.zeros(len(table)), "validated": np.zeros(len(table))}
    for number in numbers(table):
        trained, validated, tested = parts(table, number)
        for name, others in (("trained", trained), ("validated", validated)):
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
    """One finding per protocol: the share of test recordings whose subject is also in the training set.

    Parameters
    ----------
    features : DataFrame
        One row per recording, indexed by recording_id (see `label_probe.summary_of_images`).
    folds : mapping
        protocol -> table of `folds.assign`, all with the same recordings.
    within : mapping, optional
        recording_id -> task; features are standardised within a task.
    shuffles, draws, seed : int
        Number of shuffles, number of bootstrap draws, random seed.

    Returns
    -------
    list of Finding
        In `record_wise` the test fold is also the validation set, so its share in validation is 1.
    """
    one = next(iter(folds.values()))
    tasks = None if within is None else one["recording_id"].map(dict(within)).to_numpy()
    chances = {"shuffles": shuffles, "draws": draws, "seed": seed_of(seed, "speakers")}
    found = recognise(features.loc[one["recording_id"]], one["subject_id"], within=tasks, **chances)
    return [_finding(protocol, table, found, draws, seed_of(seed, protocol)) for protocol, table in folds.items()]


def _finding(protocol: str, table: pd.DataFrame, found: Recognition, draws: int, seed: int) -> Finding:
    subject_of = pd.factorize(table["subject_id"], sort=True)[0]
    shares = overlap(table)
    trained, validated = float(shares["trained"].mean()), float(shares["validated"].mean())
    low, high = _interval(subject_of, shares["trained"], draws, seed)
    recognised = found.p < LEAK_P and found.accuracy > found.chance
    verdict: Verdict = "clear" if trained == 0 else "leak" if recognised else "suspect"
    sentence = f"The speaker is also in the training set for {100 * trained:.0f} % of test recordings,"
    sentence += f" and in the validation set for {100 * validated:.0f} %."
    if trained and np.isfinite(found.accuracy):
        sentence += f" The most similar other recording is from the same person for {found.in_words}."
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
        details={"share_in_validation": validated, "nearest_neighbour": asdict(found)},
    )


def _interval(subject_of: np.ndarray, values: np.ndarray, draws: int, seed: int) -> tuple[float, float]:
    """95 % bootstrap interval over subjects of the mean of `values`, which has one row per recording."""
    rows, sums = np.bincount(subject_of), np.bincount(subject_of, values)
    drawn = intervals.drawn_subjects(np.zeros(len(rows)), draws=draws, seed=seed)
    seen = drawn @ rows
    return intervals.percentiles(drawn[seen > 0] @ sums / seen[seen > 0], 0.95)
