"""The phantom: a synthetic cohort of voices and clinical records with the composition of the VOC-ALS release.

None of these people exists. The phantom lets the pipeline run without a data set. With `effect: 0`, it shows which
scores to expect when the voices contain no sign of the disease.

Composition, from VOC-ALS (Dubbioso et al. 2024, Scientific Data 11): two patients for each control; 97 of 153 are men,
with equal shares in both groups; ALSFRS-R speech 4, 3, 2, 1 in 53, 31, 13, 5 of 102 patients; durations 1.5 to
48.2 s, median 13.6, mean 14.8 (a lognormal of sigma 0.41: the logarithm of mean / median is sigma^2 / 2).

Healthy voices:

| what | value | source |
| --- | --- | --- |
| F0 | of each vowel by sex; 12 % between speakers | Hillenbrand et al. 1995, JASA 97; Titze 1994 |
| F0 and age | falls in women, rises in men past 60 | Stathopoulos, Huber & Sussman 2011, JSLHR 54 |
| tract length | 5 % between speakers of one sex | Fitch & Giedd 1999, JASA 106 |
| formants | of each vowel by sex; 4 % more by speaker, vowel and formant | Hillenbrand et al. 1995 |
| open quotient, tilt | 0.56, 6 dB in men; 0.64, 10 dB in women | Rosenberg 1971; Klatt & Klatt 1990, JASA 87 |
| jitter, shimmer | about 0.4 % and 2.5 %, below 1.040 % and 3.810 % | MDVP's thresholds: Praat manual, Voice |
| HNR | about 20 dB | Boersma 1993; Praat manual, Voice 4 |
| aged voices | a little more jitter, shimmer and noise | Linville 1996, J Voice 10 |
| syllables | 6.2 (pa), 6.1 (ta), 5.7 (ka) a second, sd 0.6 | Kent, Kent & Rosenbek 1987, JSHD 52 |
| syllables and sex | men a little faster | Pierce, Cotton & Perry 2013, IJLCD 48 |
| age | 62 years, sd 10 | onset of sporadic ALS at 58 to 63: Kiernan et al. 2011, Lancet 377 |

Effects of the disease at severity 1 (ALSFRS-R speech 1 at its worst). Directions come from the sources; sizes are set
so that severe voices exceed the thresholds above, and mild ones mostly do not:

| what | becomes | source |
| --- | --- | --- |
| jitter, shimmer | 1.3 %, 6 % | Vashkevich & Rushkevich 2021, Biomed Signal Process Control 65 |
| HNR | 7 dB less | the same |
| flutter at 6 to 12 Hz | F0 by 2 % more | Aronson et al. 1992, Ann Otol Rhinol Laryngol 101 |
| F0 wander, F0 between syllables | 2.5 and 3.5 times | Dubbioso et al. 2024: sd of F0 is the strongest sign |
| syllable rate, irregularity | 0.55 times, 3.5 times | Kent, Kent & Rosenbek 1987 (dysarthria) |
| vowels | 25 % nearer to the neutral tract | Turner, Tjaden & Weismer 1995, JSHR 38 |
| stops | voiced through the closure, weaker bursts | Kent et al. 1990, JSHD 55 |
| duration | 0.7 times, at any effect | shorter maximum phonation: Kent, Kent & Rosenbek 1987 |

Recording conditions (level, room noise, silence before and after) are our own choices, equal for both groups unless
`level_db_patients` adds a difference. A second cohort (`ExternalSettings`) has other people and its own `Recorder`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field, field_validator, model_validator
from scipy.signal import lfilter

from bulbar.core.digests import seed_of
from bulbar.core.names import TASKS, Task
from bulbar.core.settings import MOST, Count, Strict
from bulbar.phantom import voice

SHORTEST_S, LONGEST_S = 1.5, 48.2


def _each_once(tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    if len(set(tasks)) < len(tasks):
        raise ValueError("each task once")
    return tasks


Share = Annotated[float, Field(ge=0, le=1)]


class Settings(Strict):
    """The `phantom` block of params.yaml.

    duplicates: include equal recordings as in the release, see `filed_twice`. level_db_patients: a level difference
    between the groups, see `Settings.recorder_of`. speech: shares of the patients at the ALSFRS-R speech scores 4, 3, 2
    and 1, or the release's. batch_size: replaces `train.batch_size` on a synthetic cohort; None: it does not.
    """

    subjects: Annotated[int, Field(ge=6, le=MOST)]
    tasks: Annotated[tuple[Task, ...], Field(min_length=1), AfterValidator(_each_once)]
    effect: Annotated[float, Field(ge=0, le=100)]
    missingness: Literal["as_released", "none"]
    median_duration_s: Annotated[float, Field(ge=SHORTEST_S, le=LONGEST_S)]
    max_epochs: Count
    duplicates: bool = False
    level_db_patients: Annotated[float, Field(ge=-30, le=30)] = 0.0
    speech: Literal["as_released"] | tuple[Share, Share, Share, Share] = "as_released"
    batch_size: Count | None = None

    @property
    def speech_shares(self) -> Mapping[int, float]:
        """ALSFRS-R speech score -> its weight among the patients."""
        return _SPEECH if self.speech == "as_released" else dict(zip((4, 3, 2, 1), self.speech, strict=True))

    @field_validator("speech")
    @classmethod
    def _some_patient(cls, speech: Any) -> Any:
        if speech != "as_released" and abs(sum(speech) - 1) > 1e-6:
            raise ValueError(f"as_released, or four shares with the sum 1; got {list(speech)}")
        return speech

    def recorder_of(self, subject: "Subject", recorder: "Recorder") -> "Recorder":
        """What a subject is recorded with: a recorder, turned down for one of the groups.

        The patients' recordings are `level_db_patients` dB louder than the controls', voice and room alike. The louder
        group is recorded as without it, so that none of its recordings is clipped.
        """
        difference = self.level_db_patients if subject.label == "ALS" else -self.level_db_patients
        return recorder.turned_down(max(-difference, 0.0))

    @model_validator(mode="after")
    def _enough_tasks(self) -> "Settings":
        if self.duplicates and not {"A", "PA", "TA"} <= set(self.tasks):
            raise ValueError("tasks must hold A, PA and TA where duplicates is true")
        return self


class ExternalSettings(Strict):
    """The blocks `external.phantom` and `new_people.phantom` of params.yaml: like the first cohort but for these."""

    subjects: Annotated[int, Field(ge=6, le=MOST)]
    tasks: Annotated[tuple[Task, ...], Field(min_length=1), AfterValidator(_each_once)]
    sample_rate_hz: Literal[8000, 16000, 32000]
    level_db: Annotated[float, Field(ge=-30, le=0)]
    noise_db: Annotated[float, Field(ge=0, le=40)]

    @property
    def recorder(self) -> "Recorder":
        """The recorder of this cohort."""
        return Recorder(self.sample_rate_hz, self.level_db, self.noise_db)

    def over(self, settings: Settings) -> Settings:
        """The settings of the first cohort, with these values, and without equal recordings or a level difference."""
        without = {"duplicates": False, "level_db_patients": 0.0}
        return settings.model_copy(update={"subjects": self.subjects, "tasks": self.tasks, **without})


@dataclass(frozen=True)
class Recorder:
    """How a cohort is recorded: sampling rate, and level and background noise in dB relative to the first cohort."""

    sample_rate_hz: int = voice.SAMPLE_RATE_HZ
    level_db: float = 0.0
    noise_db: float = 0.0

    def turned_down(self, by_db: float) -> "Recorder":
        """The same with a lower gain: voice and room are both quieter."""
        return replace(self, level_db=self.level_db - by_db, noise_db=self.noise_db - by_db)


@dataclass(frozen=True)
class Speaker:
    """Properties of a speaker's voice in all tasks. Shares and units as in `voice.Phonation` and `voice.Train`."""

    sex: str
    f0_factor: float
    tract: float  # length against the mean of the sex
    idiosyncrasy: Mapping[str, tuple[float, ...]]  # a factor for each formant of each vowel
    neutral: float  # how far vowels have moved to the neutral tract, 0 to 1
    open_quotient: float
    rise_share: float
    tilt_db: float
    jitter: float
    shimmer: float
    hnr_db: float
    wander: float
    tremor_hz: float
    tremor: float
    rate_factor: float
    irregularity: float
    f0_spread: float
    leak: float
    burst_db: float
    duration_s: float  # median of this speaker's recordings
    level_db: float  # peak against full scale
    room_db: float  # background noise against full scale


@dataclass(frozen=True)
class Subject:
    """One synthetic person. `cells`: clinical columns by their names in the release; empty: all `-`."""

    subject_id: str
    label: str  # ALS or HC
    sex: str  # M or F
    age_years: int
    severity: float  # of the voice: 0 for a control, at most 1 times the effect
    cantagallo: int
    speaker: Speaker
    cells: Mapping[str, Any]


@dataclass(frozen=True)
class Take:
    """All random values of one recording, drawn before the synthesis."""

    duration_s: float
    zeros_s: float  # digital silence at the start
    lead_s: float  # room noise before the voice
    tail_s: float  # and after it
    level_db: float
    room_db: float
    phonation: voice.Phonation
    formants_hz: tuple[float, ...]
    train: voice.Train | None

    @property
    def voiced_s(self) -> float:
        """Duration of the voice, in seconds."""
        return self.duration_s - self.zeros_s - self.lead_s - self.tail_s

    def spoken(
        self, task: str, duration_s: float, rng: np.random.Generator, sample_rate_hz: int = voice.SAMPLE_RATE_HZ
    ) -> voice.Utterance:
        """Synthesise the voice: a vowel, or a train of syllables."""
        formants = np.array(self.formants_hz)
        if self.train is None:
            return voice.vowel(self.phonation, task, formants, duration_s, rng, sample_rate_hz=sample_rate_hz)
        return voice.syllables(self.phonation, self.train, formants, duration_s, rng, sample_rate_hz=sample_rate_hz)


def cohort(settings: Settings, seed: int) -> list[Subject]:
    """Draw all subjects, controls first.

    Parameters
    ----------
    settings : Settings
        Composition of the cohort.
    seed : int
        Seed of all draws.

    Returns
    -------
    list of Subject
        No draw depends on `settings.tasks`, and no voice depends on `settings.missingness`.
    """
    controls = round(settings.subjects / 3)
    patients = settings.subjects - controls
    speech = _quotas(patients, settings.speech_shares, _rng(seed, "speech"))
    clinical = _clinical_cells(speech, _rng(seed, "clinical"))
    if settings.missingness == "none":
        twins = _clinical_cells(
            _quotas(patients, settings.speech_shares, _rng(seed, "speech/HC")), _rng(seed, "clinical/HC")
        )
        chosen = _rng(seed, "clinical/HC/chosen").permutation(patients)[:controls]
        cells = [twins[twin] for twin in chosen] + clinical
    else:
        cells = [{} for _ in range(controls)] + clinical
    sexes = [*_quotas(controls, _SEXES, _rng(seed, "sex/HC")), *_quotas(patients, _SEXES, _rng(seed, "sex/ALS"))]
    ids = [*_ids("CT", controls, _rng(seed, "ids/CT")), *_ids("PZ", patients, _rng(seed, "ids/PZ"))]
    return [
        _subject(subject_id, sex, score, row, settings, seed)
        for subject_id, sex, score, row in zip(ids, sexes, [None] * controls + speech, cells, strict=True)
    ]


def filed_twice(subjects: Sequence[Subject], settings: Settings, seed: int) -> dict[tuple[str, str], tuple[str, str]]:
    """The copied recordings of the release, if `duplicates` is set: (subject_id, task) of the copy -> of the original.

    All recordings of one control are also recordings of a patient; the control's /a/ is also that of a second patient;
    and for two more patients, PA is also TA.
    """
    if not settings.duplicates:
        return {}
    rng = _rng(seed, "duplicates")
    controls, patients = ([one.subject_id for one in subjects if one.label == label] for label in ("HC", "ALS"))
    control = str(rng.choice(controls))
    whole, vowel, *syllables = rng.choice(patients, 4, replace=False).tolist()
    copies = {(whole, task): (control, task) for task in settings.tasks}
    copies[vowel, "A"] = (control, "A")
    return copies | {(patient, "TA"): (patient, "PA") for patient in syllables}


def take(speaker: Speaker, task: str, rng: np.random.Generator) -> Take:
    """Draw the random values of one recording of a speaker."""
    duration_s = float(np.clip(speaker.duration_s * rng.lognormal(0, 0.33), SHORTEST_S, LONGEST_S))
    brief = min(1.0, duration_s / 6)
    zeros_s = brief * rng.uniform(0.02, 0.4) * (rng.random() < 0.6)
    vowel = task if task in voice.VOWELS else "A"
    phonation = voice.Phonation(
        f0_hz=voice.F0_HZ[speaker.sex][vowel] * speaker.f0_factor * rng.lognormal(0, 0.03),
        wander=speaker.wander * rng.lognormal(0, 0.2),
        tremor_hz=speaker.tremor_hz,
        tremor=speaker.tremor * rng.lognormal(0, 0.2),
        jitter=speaker.jitter * rng.lognormal(0, 0.15),
        shimmer=speaker.shimmer * rng.lognormal(0, 0.15),
        hnr_db=max(speaker.hnr_db + rng.normal(0, 1), 0.0),
        open_quotient=speaker.open_quotient,
        rise_share=speaker.rise_share,
        tilt_db=speaker.tilt_db,
    )
    table = np.array(voice.FORMANTS_HZ[speaker.sex][vowel])
    neutral = table[3] / 3.5 * np.array([0.5, 1.5, 2.5, 3.5, 4.5])  # a tube without constrictions, F4 kept
    formants = (table + speaker.neutral * (neutral - table)) * np.array(speaker.idiosyncrasy[vowel]) / speaker.tract
    formants *= rng.lognormal(0, 0.015, size=5)
    train = None
    if task in voice.PLACES:
        train = voice.Train(
            place=task,
            rate_hz=max(_RATE_HZ[task] * speaker.rate_factor * rng.lognormal(0, 0.04), 0.8),
            irregularity=speaker.irregularity * rng.lognormal(0, 0.15),
            f0_spread=speaker.f0_spread * rng.lognormal(0, 0.15),
            leak=speaker.leak,
            burst_db=speaker.burst_db,
        )
    return Take(
        duration_s=duration_s,
        zeros_s=zeros_s,
        lead_s=brief * rng.uniform(0.05, 0.4),
        tail_s=brief * rng.uniform(0.05, 0.3),
        level_db=float(np.clip(speaker.level_db + rng.normal(0, 1.5), -30.0, -0.5)),
        room_db=speaker.room_db + rng.normal(0, 1.5),
        phonation=phonation,
        formants_hz=tuple(np.sort(formants)),
        train=train,
    )


def record(
    subject: Subject, task: str, seed: int, recorder: Recorder | None = None
) -> tuple[np.ndarray, voice.Measures]:
    """Synthesise one recording.

    Parameters
    ----------
    subject : Subject
        The speaker.
    task : str
        The task.
    seed : int
        Seed of the cohort. Each recording has its own seed derived from it, so a recording depends neither on other
        tasks nor on the number of workers.
    recorder : Recorder, optional
        By default, 8 kHz with the level and noise of the first cohort.

    Returns
    -------
    samples : array, shape (n,), int16
        The recording.
    measures : voice.Measures
        True acoustic measures of its voice.
    """
    rng = _rng(seed, f"{subject.subject_id}_{task}")
    drawn = take(subject.speaker, task, rng)
    recorder = recorder or Recorder()
    drawn = replace(drawn, level_db=drawn.level_db + recorder.level_db, room_db=drawn.room_db + recorder.noise_db)
    rate = recorder.sample_rate_hz
    utterance = drawn.spoken(task, drawn.voiced_s, rng, rate)
    return in_room(utterance.samples, drawn, rng, rate), voice.measure(utterance)


def in_room(
    spoken: np.ndarray, drawn: Take, rng: np.random.Generator, sample_rate_hz: int = voice.SAMPLE_RATE_HZ
) -> np.ndarray:
    """A voice with peak 1 as recorded by a microphone in a room: int16, `drawn.duration_s` seconds long."""
    samples = np.zeros(round(drawn.duration_s * sample_rate_hz))
    first = round(drawn.zeros_s * sample_rate_hz)
    begin = first + round(drawn.lead_s * sample_rate_hz)
    room = lfilter([1.0], [1.0, -0.8], rng.standard_normal(len(samples) - first))  # room noise has more low frequencies
    samples[first:] = room / room.std() * 10 ** (drawn.room_db / 20)
    part = spoken[: len(samples) - begin]
    samples[begin : begin + len(part)] += part * 10 ** (drawn.level_db / 20)
    samples[first:] -= samples[first:].mean()  # a microphone does not transmit the constant part
    return np.clip(np.round(samples * 32767), -32768, 32767).astype("<i2")


FOLDERS: dict[str, str] = {task: f"{'rhythm' if task in voice.PLACES else 'phonation'}{task}" for task in TASKS}
"""Task -> folder in the release."""


def path_of(subject_id: str, task: str) -> str:
    """Path of a recording, relative to the root of the release."""
    return f"{FOLDERS[task]}/{subject_id}_{FOLDERS[task]}.wav"


_BREATH = ("Dyspnea", "Orthopnea", "BreathingInsufficiency")
_ITEMS = (
    *("Speech", "Salivation", "Swallowing", "Handwriting", "CuttingFood", "CuttingFoodWithGastrostomy"),
    *("DressingHygiene", "TurningBed", "Walking", "ClimbingStairs", *_BREATH),
)
_ACOUSTIC = {  # name in the workbook -> in `voice.Measures`, digits
    "meanF0Hz": ("mean_f0_hz", 3),
    "stdevF0Hz": ("sd_f0_hz", 3),
    "HNR": ("hnr_db", 3),
    "localJitter": ("local_jitter", 5),
    "localShimmer": ("local_shimmer", 5),
}
_ACOUSTIC_TASKS = ("A", "E", "I", "O", "U", "PA", "TA", "KA", "monologue", "reading", "weekdays")

COLUMNS: tuple[str, ...] = (
    *("ID", "Age (years)", "Sex", "Category", "OnsetRegion", "Therapy", "GeneticTest", "DiagnosticDelay"),
    *("DiseaseDuration", "FVC% ", "ALSFRS-R_TotalScore", " ProgressionRate ", "Revised_ElEscorial_Criteria"),
    *(f"ALSFRS-R_{item}Subscore" for item in _ITEMS),
    *("KingClinicalStage", "MRC_HeadMuscles", "MRC_UpperLimbMuscles", "MRC_LowerLimbsMuscles"),
    *("PUMNS_BulbarSubscore", "PUMNS_UpperLimbsSubscore", "PUMNS_LowerLimbsSubscore"),
    *(f"{measure}_{task}" for measure in _ACOUSTIC for task in _ACOUSTIC_TASKS),
    "Cantagallo_Questionnaire",
)
"""Names of the workbook's columns, including their extra blanks."""


def workbook_row(subject: Subject, measures: Mapping[str, voice.Measures]) -> list[Any]:
    """A subject's row of the workbook, in the order of COLUMNS; `-` if not recorded.

    measures: task -> measures. Jitter and shimmer are fractions.
    """
    cells: dict[str, Any] = {
        "ID": subject.subject_id,
        "Age (years)": subject.age_years,
        "Sex": subject.sex,
        "Category": subject.label,
        "Cantagallo_Questionnaire": subject.cantagallo,
        **subject.cells,
    }
    for task, truth in measures.items():
        for name, (attribute, digits) in _ACOUSTIC.items():
            cells[f"{name}_{task}"] = round(getattr(truth, attribute), digits)
    return [cells.get(name, "-") for name in COLUMNS]


_SPEECH = {4: 53, 3: 31, 2: 13, 1: 5}
_SEXES = {"M": 97, "F": 56}
_SEVERITY = {4: (0.0, 0.04), 3: (0.08, 0.3), 2: (0.3, 0.6), 1: (0.6, 1.0)}  # what a listener's score leaves open
_RATE_HZ = {"PA": 6.2, "TA": 6.1, "KA": 5.7}
_ONSET = {"spinal": 82, "bulbar": 20}
_THERAPY = {"Riluzole": 52, "None": 49, "Riluzole and Tofersen": 1}
_GENES = {"negative": 96, "C9ORF72 expansion": 4, "SOD1 ": 1, "TARDBP": 1}
_EL_ESCORIAL = {"definite": 36, "probable lab-supported": 27, "probable ": 26, "possible": 13}
_KING: dict[Any, int] = {1: 29, 2: 27, 3: 32, "4B": 14}


def _rng(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng(seed_of(seed, f"phantom/{name}"))


def _counts(number: int, shares: Mapping[Any, float]) -> dict[Any, int]:
    """Divide `number` among the keys by largest remainder; at least one each if `number` is large enough.

    A key with the share 0 gets none.
    """
    shares = {key: share for key, share in shares.items() if share}
    exact = {key: number * share / sum(shares.values()) for key, share in shares.items()}
    least = 1 if number >= 3 * len(shares) else 0
    counts = {key: max(int(part), least) for key, part in exact.items()}
    while sum(counts.values()) < number:
        counts[max(exact, key=lambda key: exact[key] - counts[key])] += 1
    while sum(counts.values()) > number:
        counts[max(counts, key=lambda key: counts[key] - exact[key] if counts[key] > least else -np.inf)] -= 1
    return counts


def _quotas(number: int, shares: Mapping[Any, float], rng: np.random.Generator) -> list[Any]:
    """Keys with the shares of the release, in random order, for a cohort of any size."""
    keys = [key for key, count in _counts(number, shares).items() for _ in range(count)]
    return [keys[place] for place in rng.permutation(number)]


def _ids(prefix: str, number: int, rng: np.random.Generator) -> list[str]:
    """IDs in increasing order, with gaps as after dropouts. The gaps do not depend on the group."""
    numbers = np.cumsum(1 + (rng.random(number) < 0.12))
    return [f"{prefix}{place:03d}" for place in numbers]


def _subject(
    subject_id: str, sex: str, score: int | None, cells: Mapping[str, Any], settings: Settings, seed: int
) -> Subject:
    rng = _rng(seed, subject_id)
    age = int(np.clip(round(rng.normal(62, 10)), 32, 86))
    speaker = healthy_speaker(sex, age, settings.median_duration_s, rng)
    answers = rng.gamma(0.8, 15)
    severity = 0.0 if score is None else float(rng.uniform(*_SEVERITY[score])) * settings.effect
    noticed = rng.lognormal(0, 0.3)
    return Subject(
        subject_id=subject_id,
        label="HC" if score is None else "ALS",
        sex=sex,
        age_years=age,
        severity=severity,
        cantagallo=int(min(round(answers + 85 * severity * noticed), 130)),
        speaker=_impaired(speaker, severity, rng),
        cells=cells,
    )


def healthy_speaker(sex: str, age_years: int, median_duration_s: float, rng: np.random.Generator) -> Speaker:
    """A healthy speaker; the table at the top of this module has the sources."""
    man = sex == "M"
    aged = max(age_years - 60, 0)
    aging = 1 + 0.003 * aged if man else 1 - 0.0025 * max(age_years - 45, 0)
    return Speaker(
        sex=sex,
        f0_factor=float(np.clip(rng.lognormal(0, 0.12), 0.7, 1.45)) * aging,
        tract=float(np.clip(rng.normal(1, 0.05), 0.85, 1.15)),
        idiosyncrasy={vowel: tuple(np.clip(rng.normal(1, 0.04, 5), 0.88, 1.12)) for vowel in voice.VOWELS},
        neutral=0.0,
        open_quotient=float(np.clip(rng.normal(0.56 if man else 0.64, 0.05), 0.4, 0.8)),
        rise_share=float(np.clip(rng.normal(0.71, 0.03), 0.6, 0.8)),
        tilt_db=float(np.clip(rng.normal(6 if man else 10, 2.5), 0, 20)),
        jitter=0.004 * rng.lognormal(0, 0.35) * (1 + 0.005 * aged),
        shimmer=0.025 * rng.lognormal(0, 0.3) * (1 + 0.005 * aged),
        hnr_db=rng.normal(20, 3) - 0.05 * aged,
        wander=0.009 * rng.lognormal(0, 0.4),
        tremor_hz=rng.uniform(6, 12),
        tremor=0.004 * rng.lognormal(0, 0.6),
        rate_factor=float(np.clip(rng.normal(1.02 if man else 0.98, 0.1), 0.7, 1.3)),
        irregularity=0.055 * rng.lognormal(0, 0.4),
        f0_spread=0.02 * rng.lognormal(0, 0.5),
        leak=0.03 * rng.lognormal(0, 0.9),
        burst_db=rng.normal(0, 2),
        duration_s=median_duration_s * rng.lognormal(0, 0.25),
        level_db=rng.normal(-9, 4),
        room_db=rng.normal(-62, 4),
    )


def _impaired(speaker: Speaker, severity: float, rng: np.random.Generator) -> Speaker:
    """The speaker with the disease at a severity (0: unchanged). The size of each sign varies between patients."""
    sign = severity * rng.lognormal(0, 0.5, size=12)
    return replace(
        speaker,
        jitter=min(speaker.jitter * (1 + 2.2 * sign[0]), 0.08),
        shimmer=min(speaker.shimmer * (1 + 1.4 * sign[1]), 0.3),
        hnr_db=speaker.hnr_db - 7 * sign[2],
        tremor=min(speaker.tremor + 0.02 * sign[3], 0.12),
        wander=min(speaker.wander * (1 + 1.5 * sign[4]), 0.12),
        f0_spread=min(speaker.f0_spread * (1 + 2.5 * sign[5]), 0.25),
        rate_factor=speaker.rate_factor / (1 + 0.8 * sign[6]),
        irregularity=min(speaker.irregularity * (1 + 2.5 * sign[7]), 0.4),
        neutral=min(0.25 * sign[8], 0.8),
        leak=min(speaker.leak + 0.25 * sign[9], 0.8),
        burst_db=speaker.burst_db - 8 * sign[10],
        duration_s=speaker.duration_s / (1 + 0.45 * min(sign[11], 1.0)),
    )


def _clinical_cells(speech: Sequence[int], rng: np.random.Generator) -> list[dict[str, Any]]:
    """The clinical columns of a group, from each subject's ALSFRS-R speech score, in the release's shares and ranges.

    They do not affect the voice. Limbs and breathing are independent of speech; salivation and swallowing depend on it.
    """
    number = len(speech)
    bulbar = 4 - np.array(speech) + rng.gamma(0.6, 0.6, number)
    limbs, breath = rng.beta(1.6, 2.4, number), rng.beta(1.0, 5.0, number)
    scores = {"Speech": np.array(speech)}
    for item in _ITEMS[1:]:
        if item in ("Salivation", "Swallowing"):
            lost = bulbar * 0.75 + rng.normal(0, 0.5, number)
        elif item in _BREATH:
            lost = breath * 4 + rng.normal(0, 0.4, number)
        else:
            lost = limbs * 4 + rng.normal(0, 0.8, number)
        scores[item] = 4 - np.clip(np.round(lost), 0, 4).astype(int)
    tube = int(np.argmin(scores["Swallowing"] + 0.1 * scores["Salivation"]))  # the one patient with a gastrostomy
    totals = sum(values for item, values in scores.items() if item != "CuttingFoodWithGastrostomy")
    for item in ("Walking", "Handwriting"):  # nobody in the release has more than 46 of 48
        spared = (totals > 46) & (scores[item] > 0)
        scores[item] = scores[item] - spared
        totals = totals - spared
    worst_first = np.argsort(totals + rng.normal(0, 3, number), kind="stable")
    stages = _ranked(worst_first, dict(reversed(_KING.items())), number)
    bulbar_first = np.argsort(-bulbar - rng.normal(0, 0.7, number), kind="stable")
    onset = _ranked(bulbar_first, dict(reversed(_ONSET.items())), number)
    therapy, genes = _quotas(number, _THERAPY, rng), _quotas(number, _GENES, rng)
    criteria = _quotas(number, _EL_ESCORIAL, rng)
    durations = np.clip(np.round(rng.lognormal(np.log(24), 0.7, number)), 3, 180).astype(int)
    delays = np.maximum(np.round(durations * rng.uniform(0.25, 0.7, number)), 1).astype(int)
    vital = np.clip(np.round(rng.normal(95, 17, number) - 45 * breath), 22, 126).astype(int)
    unmeasured = int(rng.integers(number))
    upper, lower = rng.beta(1.5, 4, number), rng.beta(1.5, 4, number)

    rows = []
    for at in range(number):
        subscores = {item: int(values[at]) for item, values in scores.items()}
        left_out = "CuttingFood" if at == tube else "CuttingFoodWithGastrostomy"
        if at == tube:
            subscores["CuttingFoodWithGastrostomy"] = subscores["CuttingFood"]
        total = sum(score for item, score in subscores.items() if item != left_out)
        rows.append(
            {
                "OnsetRegion": onset[at],
                "Therapy": therapy[at],
                "GeneticTest": genes[at],
                "DiagnosticDelay": int(delays[at]),
                "DiseaseDuration": int(durations[at]),
                "FVC% ": "-" if at == unmeasured else int(vital[at]),
                "ALSFRS-R_TotalScore": total,
                " ProgressionRate ": round((48 - total) / int(durations[at]), 4),
                "Revised_ElEscorial_Criteria": criteria[at],
                **{f"ALSFRS-R_{item}Subscore": "-" if item == left_out else score for item, score in subscores.items()},
                "KingClinicalStage": "4A/B" if at == tube else stages[at],
                "MRC_HeadMuscles": int(np.clip(round(15 - 1.4 * bulbar[at] + rng.normal(0, 0.6)), 0, 15)),
                "MRC_UpperLimbMuscles": int(np.clip(round(70 - 45 * limbs[at] * rng.uniform(0.4, 1.2)), 0, 70)),
                "MRC_LowerLimbsMuscles": int(np.clip(round(60 - 40 * limbs[at] * rng.uniform(0.4, 1.2)), 0, 60)),
                "PUMNS_BulbarSubscore": int(np.clip(round(bulbar[at] * rng.uniform(0.4, 1.8)), 0, 7)),
                "PUMNS_UpperLimbsSubscore": round(14 * upper[at]),
                "PUMNS_LowerLimbsSubscore": round(14 * lower[at]),
            }
        )
    return rows


def _ranked(order: np.ndarray, shares: Mapping[Any, int], number: int) -> list[Any]:
    """Assign keys by their shares along an order: the first places get the first key."""
    keys = [key for key, count in _counts(number, shares).items() for _ in range(count)]
    ranked: list[Any] = [None] * number
    for key, place in zip(keys, order, strict=True):
        ranked[place] = key
    return ranked


LEGEND: tuple[tuple[str, str], ...] = (
    ("ID", "CT: control, PZ: patient; synthetic, nobody exists"),
    ("Age (years)", "whole years"),
    ("Sex", "M: male, F: female"),
    ("Category", "ALS: patient, HC: healthy control"),
    ("OnsetRegion", "region of the first symptom: spinal, bulbar"),
    ("Therapy", "Riluzole; Riluzole and Tofersen; None: untreated"),
    ("GeneticTest", "C9ORF72 expansion, SOD1, TARDBP, negative"),
    ("DiagnosticDelay", "months from the first symptom to the diagnosis"),
    ("DiseaseDuration", "months since the first symptom"),
    ("FVC%", "forced vital capacity, percent of predicted"),
    ("ALSFRS-R_TotalScore", "sum of its 12 items, 0 (worst) to 48"),
    ("ProgressionRate", "(48 - ALSFRS-R_TotalScore) / DiseaseDuration, per month"),
    ("Revised_ElEscorial_Criteria", "definite, probable, probable lab-supported, possible"),
    ("ALSFRS-R_…Subscore", "0 (worst) to 4; CuttingFoodWithGastrostomy instead of CuttingFood where there is a tube"),
    ("KingClinicalStage", "1, 2, 3; 4A: nutritional failure, 4B: respiratory failure"),
    ("MRC_…", "Medical Research Council scale, summed: head 0-15, upper limbs 0-70, lower limbs 0-60"),
    ("PUMNS_…", "Penn Upper Motor Neuron Score: bulbar, upper limbs, lower limbs"),
    ("meanF0Hz_…, stdevF0Hz_…", "hertz, of the generated glottal cycles"),
    ("HNR_…", "decibels, energy of the generated harmonics over that of the generated noise"),
    ("localJitter_…, localShimmer_…", "Praat's local definition, as fractions (0.01 is 1 %), of the generated cycles"),
    ("Cantagallo_Questionnaire", "self-assessed dysarthria, 0 (none) to 140"),
    ("-", "not recorded"),
)
"""Rows of the sheet `Legend`."""

QUESTIONNAIRE: tuple[str, ...] = (
    "A self-assessment of dysarthria: 35 statements, each answered 0 (never) to 4 (always); the sum is 0 to 140.",
    "The statements themselves are not part of this synthetic release; its sums are drawn, not answered.",
)
"""Lines of the sheet `Cantagallo_Questionnaire`."""

NOTICE = (
    "This release is synthetic. Its voices come from a source-filter synthesiser and its clinical cells from a random\n"
    "number generator; nobody in it exists. It has the shape of VOC-ALS (Dubbioso et al., Scientific Data 11, 2024,\n"
    "doi 10.1038/s41597-024-03597-2) and none of its data. Scores obtained on it say nothing about ALS.\n"
)
"""Content of SYNTHETIC.txt."""
