"""Draw a subset of the clips of a release: a limited number per speaker, and a set number per gender."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bulbar.cohort.release import Release
from bulbar.core.digests import seed_of
from bulbar.core.settings import Count, Strict


class PerGender(Strict):
    """Number of clips of each gender."""

    male: Count
    female: Count


class Settings(Strict):
    """The `subset` block of params.yaml. per_gender: None takes every clip within the speakers' limit."""

    per_gender: PerGender | None
    max_clips_per_speaker: Count


@dataclass(frozen=True)
class Choice:
    """Which of n clips are within the speakers' limit, and which of these are chosen; bool, shape (n,)."""

    within_cap: np.ndarray
    chosen: np.ndarray


def keys(names: np.ndarray, seed: int) -> np.ndarray:
    """A random number for each name, shape (n,), uint64, which does not depend on the other names.

    So, if a release grows or changes its order, the numbers of existing clips stay the same.
    """
    return pd.util.hash_array(names.astype(object), hash_key=f"{seed_of(seed, 'subset'):016x}", categorize=False)


def choose(speakers: np.ndarray, male: np.ndarray, drawn: np.ndarray, settings: Settings) -> Choice:
    """Draw the subset: first at most `max_clips_per_speaker` clips per speaker, then `per_gender` clips per gender.

    Parameters
    ----------
    speakers : array, shape (n,), of int
        Number of each clip's speaker.
    male : array, shape (n,), of bool
        Gender of the speaker.
    drawn : array, shape (n,), uint64
        Random numbers from `keys`; the lowest are chosen first.
    settings : Settings
        Limits. If a gender has fewer clips than wanted, all are taken.

    Returns
    -------
    Choice
        Masks of shape (n,).

    Notes
    -----
    The second draw uses new random numbers: the lowest number of a thousand clips of one speaker would nearly always be
    lower than that of another speaker's only clip.
    """
    order = np.lexsort((drawn, speakers))
    first = np.ones(len(order), dtype=bool)
    first[1:] = speakers[order][1:] != speakers[order][:-1]
    starts = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    within = np.empty(len(order), dtype=bool)
    within[order] = np.arange(len(order)) - starts < settings.max_clips_per_speaker
    if settings.per_gender is None:
        return Choice(within, within.copy())
    chosen = np.zeros(len(order), dtype=bool)
    again = pd.util.hash_array(drawn)
    for of_gender, wanted in ((male, settings.per_gender.male), (~male, settings.per_gender.female)):
        candidates = np.flatnonzero(within & of_gender)
        chosen[candidates[np.argsort(again[candidates], kind="stable")[:wanted]]] = True
    return Choice(within, chosen)


def by_gender(male: np.ndarray) -> dict[str, int]:
    """Number of clips, and of each gender. male: bool, shape (n,)."""
    return {"clips": len(male), "male": int(male.sum()), "female": int((~male).sum())}


def of_release(release: Release, settings: Settings, seed: int) -> Release:
    """A release with only the chosen recordings and their subjects.

    Subjects without a recorded sex are left out and counted. Recordings whose subject has no valid row stay, so that
    the check reports them.
    """
    if release.structural:
        return release
    known = release.subjects.drop_duplicates("subject_id", keep=False).set_index("subject_id")["sex"]
    sexes = np.array([known.get(file.subject_id) for file in release.files], dtype=object)
    places = np.flatnonzero((sexes == "M") | (sexes == "F"))
    unknown = set(np.flatnonzero([file.subject_id in known.index for file in release.files])) - set(places)
    candidates = [release.files[place] for place in places]
    speakers, _ = pd.factorize(np.array([file.subject_id for file in candidates], dtype=object))
    male = sexes[places] == "M"
    drawn = keys(np.array([file.recording_id for file in candidates], dtype=object), seed)
    found = choose(speakers, male, drawn, settings)
    left_out = unknown | {places[place] for place in np.flatnonzero(~found.chosen)}
    files = [file for place, file in enumerate(release.files) if place not in left_out]
    gone = {file.subject_id for file in release.files} - {file.subject_id for file in files}
    return dataclasses.replace(
        release,
        files=files,
        subjects=release.subjects[~release.subjects["subject_id"].isin(gone)].reset_index(drop=True),
        choice={
            "recordings": {"clips": len(release.files)},
            "sex_not_recorded": {"clips": len(unknown)},
            "male_or_female": by_gender(male),
            "within_cap": by_gender(male[found.within_cap]),
            "subset": by_gender(male[found.chosen]),
        },
    )
