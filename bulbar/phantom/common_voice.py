"""The phantom of the gender pipeline: synthetic people who read sentences, as a release of Common Voice.

None of these people exists. The voices are healthy voices of `bulbar.phantom.voc_als`, with the ages of Common Voice's
contributors. The difference is the larger spread of F0 between speakers of one sex: no threshold on F0 separates the
sexes, as for real readers (mean F0 of men 90 to 165 Hz, of women 140 to 255 Hz: Baken & Orlikoff 2000, chapter 6). The
length of the vocal tract depends on sex as in `bulbar.phantom.voc_als`, so that formants add information to F0.

As in a real release, there are rows with down-votes, genders that are not used or not stated, a speaker with two
genders, rows without a clip, and sentences with unpaired quotation marks.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from bulbar.core.digests import seed_of
from bulbar.core.settings import MOST, Count, Strict
from bulbar.phantom import voc_als, voice

SAMPLE_RATE_HZ = 32000  # of the releases since the ninth; the voices themselves have no sound above 4 kHz

COLUMNS = (
    *("client_id", "path", "sentence_id", "sentence", "sentence_domain", "up_votes", "down_votes"),
    *("age", "gender", "accents", "variant", "locale", "segment"),
)
"""The columns of validated.tsv since release 17."""

_AGES = {"teens": (16, 19), "twenties": (20, 29), "thirties": (30, 39), "fourties": (40, 49), "fifties": (50, 59)}
_AGES |= {"sixties": (60, 69), "seventies": (70, 79)}
_AGE_SHARES = (0.08, 0.28, 0.22, 0.16, 0.12, 0.09, 0.05)
_ACCENTS = ("United States English", "England English", "India and South Asia (India, Pakistan, Sri Lanka)", "")
_ACCENT_SHARES = (0.35, 0.2, 0.2, 0.25)
_WORDS = {"KA": "kakaka", "PA": "papapa", "TA": "tatata", "A": "ah", "E": "eh", "I": "ee", "O": "oh", "U": "oo"}
_UNUSED = ("other", "non-binary", "do_not_wish_to_say", "")


class Settings(Strict):
    """The `phantom` block of gender/params.yaml."""

    speakers: Annotated[int, Field(ge=12, le=MOST)]
    clips: tuple[Count, Count]
    median_duration_s: Annotated[float, Field(ge=1.5, le=10)]
    f0_spread: Annotated[float, Field(gt=0, le=1)]
    max_epochs: Count

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.clips[0] > self.clips[1]:
            raise ValueError(f"the fewest clips first, got {self.clips}")
        return self


@dataclass(frozen=True)
class Person:
    """One synthetic speaker. gender: as spelled in the release; sex: of the voice, M or F; age: name of a decade."""

    client_id: str
    gender: str
    sex: str
    age: str
    accent: str
    speaker: voc_als.Speaker
    clips: int


@dataclass(frozen=True)
class Clip:
    """One row of the table. there: whether its file exists in the release."""

    person: Person
    name: str
    words: tuple[str, ...]
    gender: str
    down_votes: int
    there: bool

    @property
    def sentence(self) -> str:
        """The sentence, with an unpaired quotation mark, which breaks CSV readers that interpret quotes."""
        first, *others = [_WORDS[word] for word in self.words]
        return " ".join([f'"{first.capitalize()}', *others]) + "."


def people(settings: Settings, seed: int) -> list[Person]:
    """All speakers: men and women in turn, and one in ten with a gender that is not used."""
    return [_person(number, settings, seed) for number in range(settings.speakers)]


def clips(everybody: list[Person], seed: int) -> list[Clip]:
    """Every row of the table, sorted by clip name. One row of the first speaker states the other gender."""
    rng = _rng(seed, "clips")
    rows: list[Clip] = []
    for person in everybody:
        for number in range(person.clips):
            words = tuple(rng.choice(tuple(_WORDS), size=rng.integers(3, 7)))
            odd = person is everybody[0] and number == 0
            rows.append(
                Clip(
                    person=person,
                    name=f"common_voice_en_{10_000_000 + len(rows) * 37}",
                    words=tuple(str(word) for word in words),
                    gender=_other(person.gender) if odd else person.gender,
                    down_votes=int(rng.random() < 0.08),
                    there=bool(rng.random() >= 0.01),
                )
            )
    return rows


def read_out(clip: Clip, seed: int) -> np.ndarray:
    """Synthesise one clip: its words one after another, with one background noise.

    Parameters
    ----------
    clip : Clip
        The row of the table.
    seed : int
        Seed of the release. Each clip has its own seed derived from it, so a clip depends neither on other clips nor on
        the number of workers.

    Returns
    -------
    array, shape (n,), int16
        Samples at 8 kHz.
    """
    rng = _rng(seed, clip.name)
    speaker = clip.person.speaker
    drawn = voc_als.take(speaker, "A", rng)
    shares = rng.dirichlet(np.full(len(clip.words), 8.0))
    spoken = []
    for word, share in zip(clip.words, shares, strict=True):
        utterance = voc_als.take(speaker, word, rng).spoken(word, max(share * drawn.voiced_s, 0.25), rng)
        pause = np.zeros(round(rng.uniform(0.02, 0.12) * voice.SAMPLE_RATE_HZ))
        spoken += [utterance.samples * rng.uniform(0.7, 1.0), pause]
    return voc_als.in_room(np.concatenate(spoken), drawn, rng)


def row(clip: Clip) -> dict[str, str]:
    """A clip's row of validated.tsv: column of COLUMNS -> text."""
    filled = {
        "client_id": clip.person.client_id,
        "path": f"{clip.name}.mp3",
        "sentence": clip.sentence,
        "up_votes": "2",
        "down_votes": str(clip.down_votes),
        "age": clip.person.age,
        "gender": clip.gender,
        "accents": clip.person.accent,
        "locale": "en",
    }
    return {name: filled.get(name, "") for name in COLUMNS}


NOTICE = (
    "This release is synthetic. Its voices come from a source-filter synthesiser; nobody in it exists. It has the\n"
    "shape of Common Voice (Ardila et al., LREC 2020) and none of its data. Scores on it say nothing about people.\n"
)
"""Content of SYNTHETIC.txt."""


def _rng(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng(seed_of(seed, f"phantom_voices/{name}"))


def _other(gender: str) -> str:
    return "female_feminine" if gender == "male_masculine" else "male_masculine"


def _person(number: int, settings: Settings, seed: int) -> Person:
    rng = _rng(seed, f"speaker/{number}")
    sex = "MF"[number % 2]
    age = str(rng.choice(list(_AGES), p=_AGE_SHARES))
    years = int(rng.integers(*_AGES[age], endpoint=True))
    speaker = voc_als.healthy_speaker(sex, years, settings.median_duration_s, rng)
    speaker = replace(speaker, f0_factor=float(np.clip(rng.lognormal(0, settings.f0_spread), 0.6, 1.7)))
    stated = "male_masculine" if sex == "M" else "female_feminine"
    return Person(
        client_id="".join(f"{part:016x}" for part in rng.integers(0, 2**63, size=8)),
        gender=_UNUSED[number // 10 % len(_UNUSED)] if number % 10 == 9 else stated,
        sex=sex,
        age=age if rng.random() < 0.9 else "",
        accent=str(rng.choice(_ACCENTS, p=_ACCENT_SHARES)),
        speaker=speaker,
        clips=int(rng.integers(*settings.clips, endpoint=True)),
    )
