"""Which clips of a release are used: at most a few of a speaker, and of each gender as many as are wanted."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bulbar.cohort.release import Release
from bulbar.core.digests import seed_of
from bulbar.core.settings import Count, Strict


class PerGender(Strict):
    """Clips of each gender that are wanted."""

    male: Count
    female: Count


class Settings(Strict):
    """The `subset` block of params.yaml. per_gender: None takes every clip within the cap."""

    per_gender: PerGender | None
    max_clips_per_speaker: Count


@dataclass(frozen=True)
class Choice:
    """Which of n clips are within the speakers' cap, and which of these are chosen; arrays of bool, shape (n,)."""

    within_cap: np.ndarray
    chosen: np.ndarray


def keys(names: np.ndarray, seed: int) -> np.ndarray:
    """A random number for each name, shape (n,), uint64: the same for a name in whatever company it comes.

    So a release that grows, or comes in another order, moves no clip that is there but by the newcomers' own draws.
    """
    return pd.util.hash_array(names.astype(object), hash_key=f"{seed_of(seed, 'subset'):016x}", categorize=False)


def choose(speakers: np.ndarray, male: np.ndarray, drawn: np.ndarray, settings: Settings) -> Choice:
    """Draw the subset: lowest numbers first, at most so many of a speaker, then so many of a gender.

    speakers: an integer for each clip's speaker; male: bool; drawn: from `keys`; all of shape (n,). Where a gender has
    fewer clips than wanted, all of them are taken. The second draw has numbers of its own: the lowest of a thousand
    clips of one speaker would be lower than another's only clip, and nearly always taken.
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
    """How many clips there are, shape (n,), and how many of each gender."""
    return {"clips": len(male), "male": int(male.sum()), "female": int((~male).sum())}


def of_release(release: Release, settings: Settings, seed: int) -> Release:
    """A release with the chosen recordings alone, and without the subjects of whom none was chosen.

    Who has no sex recorded is left out and counted. Recordings without a sound row of the subject stay, for they are
    faults and the check must see them.
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
