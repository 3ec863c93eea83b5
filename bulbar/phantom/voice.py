"""A source-filter voice: glottal cycles, breath noise and bursts through a cascade of formants, at 8 kHz by default.

Sources of the values:

| what | value | source |
| --- | --- | --- |
| glottal flow | Rosenberg's trigonometric pulse, rise 40 %, fall 16 % of the period | Rosenberg 1971, JASA 49 |
| vocal tract | cascade of second-order resonators, bandwidths by vowel | Klatt 1980, JASA 67 |
| spectral tilt | one-pole low-pass, named by its attenuation at 3 kHz | Klatt & Klatt 1990, JASA 87 |
| breath noise | modulated by the glottal flow, through the same tract | Klatt & Klatt 1990 |
| formants and F0 of vowels | means of 45 men and 48 women | Hillenbrand et al. 1995, JASA 97, Table V |
| flutter | modulation of F0 and amplitude at 6 to 12 Hz | Aronson et al. 1992, Ann Otol Rhinol Laryngol 101 |
| voice onset time | short lag: 10 (p), 15 (t), 25 (k) ms | Lisker & Abramson 1964, Word 20 (Dutch) |
| F2 loci | 720 (p), 1800 (t), 3000 Hz (k); the transition starts half-way | Delattre, Liberman & Cooper 1955, JASA 27 |
| bursts | p low and diffuse, t high and diffuse, k compact near F2 | Stevens & Blumstein 1978, JASA 64 |
| jitter, shimmer | Praat's "local": mean absolute difference of neighbours over the mean | Praat manual, Voice |
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter, resample_poly, sosfilt

SAMPLE_RATE_HZ = 8000
INNER_RATE_HZ = 32000

VOWELS = ("A", "E", "I", "O", "U")
PLACES = ("PA", "TA", "KA")

FORMANTS_HZ: dict[str, dict[str, tuple[float, ...]]] = {
    # F1 to F4: Hillenbrand et al. 1995, Table V. F5: a uniform tube's, 4500 Hz for a man's 17.5 cm.
    "M": {
        "A": (768, 1333, 2522, 3687, 4500),
        "E": (476, 2089, 2691, 3649, 4500),
        "I": (342, 2322, 3000, 3657, 4500),
        "O": (497, 910, 2459, 3384, 4500),
        "U": (378, 997, 2343, 3357, 4500),
    },
    "F": {
        "A": (936, 1551, 2815, 4299, 5250),
        "E": (536, 2530, 3047, 4319, 5250),
        "I": (437, 2761, 3372, 4352, 5250),
        "O": (555, 1035, 2828, 3927, 5250),
        "U": (459, 1105, 2735, 4115, 5250),
    },
}
F0_HZ = {  # Hillenbrand et al. 1995, Table V: high vowels are spoken higher
    "M": {"A": 123.0, "E": 129.0, "I": 138.0, "O": 129.0, "U": 143.0},
    "F": {"A": 215.0, "E": 219.0, "I": 227.0, "O": 217.0, "U": 235.0},
}
BANDWIDTHS_HZ = {  # Klatt 1980: B1 to B3 of the vowel from Table II (of e and o the onset), B4 and B5 from Table I
    "A": (130.0, 70.0, 160.0, 250.0, 200.0),
    "E": (70.0, 100.0, 200.0, 250.0, 200.0),
    "I": (45.0, 200.0, 400.0, 250.0, 200.0),
    "O": (80.0, 70.0, 70.0, 250.0, 200.0),
    "U": (65.0, 110.0, 140.0, 250.0, 200.0),
}


@dataclass(frozen=True)
class Burst:
    """The burst of a stop: F2 locus and resonance (Hz, for a male tract), voice onset time (s), level (dB)."""

    locus_hz: float
    centre_hz: float
    bandwidth_hz: float
    onset_time_s: float
    level_db: float  # peak of the burst relative to the peak of the syllable; k and t are louder than p


BURSTS = {
    "PA": Burst(720.0, 700.0, 1500.0, 0.010, -20.0),
    "TA": Burst(1800.0, 3500.0, 1200.0, 0.015, -13.0),
    "KA": Burst(3000.0, 1700.0, 350.0, 0.025, -13.0),
}
CLOSURE_SHARE = 0.35  # of a syllable; with the transitions about half, as in fast trains (Kent et al. 1987)
TRANSITION_S = 0.040  # opening into the vowel: about 40 ms for stops (Delattre, Liberman & Cooper 1955)
CLOSING_S = 0.025
CLOSED_F1_HZ = 200.0  # F1 of a closed tract (Stevens & Blumstein 1978)
CLOSED_F1_BANDWIDTH_HZ = 300.0  # damped by the tract's walls: rings for less than a period, as a cheek does
RAMP_S = 0.012  # voicing rises and falls within a syllable


@dataclass(frozen=True)
class Phonation:
    """Settings of the larynx for one recording. Shares are relative to the mean: jitter 0.005 is 0.5 %."""

    f0_hz: float
    wander: float = 0.01  # standard deviation of the slow drift of F0, share
    wander_s: float = 0.5  # how long a drift lasts, seconds
    tremor_hz: float = 8.0  # 6 to 12 in ALS
    tremor: float = 0.003  # amplitude of the modulation of F0, share
    jitter: float = 0.004  # Praat's local jitter, share
    shimmer: float = 0.03  # Praat's local shimmer, share
    hnr_db: float = 20.0  # energy of the harmonics over that of the noise
    open_quotient: float = 0.56
    rise_share: float = 0.71  # of the open phase
    tilt_db: float = 6.0  # at 3 kHz, beyond the pulse's own


@dataclass(frozen=True)
class Train:
    """Settings of articulation in a syllable train."""

    place: str  # PA, TA or KA
    rate_hz: float = 6.0  # syllables per second
    irregularity: float = 0.06  # standard deviation of a syllable's length, share
    f0_spread: float = 0.02  # standard deviation of F0 between syllables, share
    leak: float = 0.0  # voicing during the closure, share of the vowel's amplitude
    burst_db: float = 0.0  # of the bursts, against `BURSTS`


@dataclass(frozen=True)
class Cycles:
    """Glottal cycles in order, arrays of shape (n,). Amplitude 0: no phonation. steady_s: periods without jitter."""

    onsets_s: np.ndarray
    periods_s: np.ndarray
    steady_s: np.ndarray
    amplitudes: np.ndarray


@dataclass(frozen=True)
class Utterance:
    """A synthesised voice with peak 1, and its true properties.

    samples: shape (n,), float. syllables_s: times of the bursts of a train, shape (k,); empty for a vowel.
    """

    samples: np.ndarray
    cycles: Cycles
    hnr_db: float
    syllables_s: np.ndarray


@dataclass(frozen=True)
class Measures:
    """The measures of Praat, computed from the generated cycles. Jitter and shimmer are fractions, as in Praat."""

    mean_f0_hz: float
    sd_f0_hz: float
    hnr_db: float
    local_jitter: float
    local_shimmer: float


def vowel(
    phonation: Phonation,
    name: str,
    formants_hz: np.ndarray,
    duration_s: float,
    rng: np.random.Generator,
    *,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
) -> Utterance:
    """Synthesise a sustained vowel with a soft onset and offset.

    Parameters
    ----------
    phonation : Phonation
        Settings of the larynx.
    name : str
        One of VOWELS; selects the bandwidths.
    formants_hz : array, shape (5,)
        Formants of the speaker.
    duration_s : float > 0.2
        Duration in seconds.
    rng : numpy.random.Generator
        Source of all draws, which do not depend on the sampling rate.
    sample_rate_hz : int
        A divisor of `INNER_RATE_HZ`.

    Returns
    -------
    Utterance
        Samples with peak 1, and their true properties.
    """
    ramp = min(0.08, duration_s / 4)
    times, gates = np.array([0, ramp, duration_s - ramp, duration_s]), np.array([0.0, 1.0, 1.0, 0.0])
    cycles = glottal_cycles(phonation, duration_s, rng, envelope=(times, gates))
    breath = np.interp(np.arange(int(duration_s * INNER_RATE_HZ)) / INNER_RATE_HZ, times, gates)
    tract = np.asarray(formants_hz, dtype=float)[None], np.array(BANDWIDTHS_HZ[name])
    return _utter(phonation, cycles, breath, tract, np.empty(0), None, sample_rate_hz, rng)


def syllables(
    phonation: Phonation,
    train: Train,
    formants_hz: np.ndarray,
    duration_s: float,
    rng: np.random.Generator,
    *,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
) -> Utterance:
    """Synthesise a train of syllables: closure, burst, voice onset time, vowel a, and again.

    Parameters
    ----------
    phonation, train : Phonation, Train
        Settings of larynx and articulation.
    formants_hz : array, shape (5,)
        Formants of the speaker's a.
    duration_s : float > 0
        Long enough for one syllable, in seconds.
    rng, sample_rate_hz
        As for `vowel`.

    Returns
    -------
    Utterance
        Samples with peak 1, and their true properties.
    """
    stop = BURSTS[train.place]
    count = int(np.ceil(duration_s * train.rate_hz * 1.5)) + 2
    lengths = np.maximum(1 + train.irregularity * rng.standard_normal(count), 0.35) / train.rate_hz
    starts = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    whole = starts + lengths <= duration_s
    whole[0] = True
    starts, lengths = starts[whole], lengths[whole]
    closures = np.minimum(lengths / 2, min(CLOSURE_SHARE / train.rate_hz, 0.12))
    releases, ends = starts + closures, np.minimum(starts + lengths, duration_s)
    voiced = np.minimum(releases + stop.onset_time_s, ends - 2.5 * RAMP_S)

    loud = 1 + 0.08 * rng.standard_normal(len(starts))  # 0.7 dB between syllables
    times = np.stack([releases, voiced, voiced + RAMP_S, ends - RAMP_S, ends], axis=1).ravel()
    gates = np.stack([0 * loud + train.leak, 0 * loud + train.leak, loud, loud, 0 * loud + train.leak], axis=1).ravel()
    gates[-1], gates[0], gates[1] = 0.0, 0.0, 0.0
    pitches = 1 + train.f0_spread * rng.standard_normal(len(starts))
    centres = (voiced + ends) / 2
    cycles = glottal_cycles(
        phonation, duration_s, rng, envelope=(times, gates), pitch=(centres, np.clip(pitches, 0.6, 1.5))
    )

    samples = int(duration_s * INNER_RATE_HZ)
    clock = np.arange(samples) / INNER_RATE_HZ
    aspirated = np.stack([releases, releases + 0.002, ends - RAMP_S, ends], axis=1).ravel()
    breath = np.interp(clock, aspirated, np.tile([0.0, 1.0, 1.0, 0.0], len(starts)), left=0.0, right=0.0)

    closing = ends - CLOSING_S
    opening = np.stack([releases, np.minimum(releases + TRANSITION_S, closing), closing, ends], axis=1)
    blocks = np.arange(0, duration_s, _BLOCK_S)
    closed = np.interp(blocks, opening.ravel(), np.tile([1.0, 0.0, 0.0, 1.0], len(starts)), left=1.0, right=1.0)
    open_hz = np.asarray(formants_hz, dtype=float)
    scale = open_hz[3] / FORMANTS_HZ["M"]["A"][3]  # the locus lies higher in a shorter tract
    closed_hz = open_hz.copy()
    closed_hz[0] = CLOSED_F1_HZ
    closed_hz[1] = min((stop.locus_hz * scale + open_hz[1]) / 2, 0.8 * open_hz[2])
    formants = open_hz + closed[:, None] * (closed_hz - open_hz)
    bandwidths = np.tile(BANDWIDTHS_HZ["A"], (len(blocks), 1))
    bandwidths[:, 0] += closed * (CLOSED_F1_BANDWIDTH_HZ - BANDWIDTHS_HZ["A"][0])
    bursts = _bursts(stop, releases, samples, scale, rng) * 10 ** (train.burst_db / 20)
    return _utter(phonation, cycles, breath, (formants, bandwidths), releases, bursts, sample_rate_hz, rng)


def glottal_cycles(
    phonation: Phonation,
    duration_s: float,
    rng: np.random.Generator,
    *,
    envelope: tuple[np.ndarray, np.ndarray],
    pitch: tuple[np.ndarray, np.ndarray] | None = None,
) -> Cycles:
    """The cycles of a voice with slow drift and tremor of F0, and independent perturbation of periods and amplitudes.

    envelope: times (s) and amplitudes, interpolated linearly; pitch: the same, as factors of F0. Neighbouring normal
    deviates of standard deviation s differ by 2s/sqrt(pi) on average; the factor on jitter and shimmer corrects for
    this, so that they are Praat's local ones.
    """
    steps = int(np.ceil(duration_s / _BLOCK_S)) + 2
    clock = np.arange(steps) * _BLOCK_S
    drift = phonation.wander * _slow(steps, phonation.wander_s, rng)
    phase = 2 * np.pi * (phonation.tremor_hz * clock + rng.random() + 0.15 * _slow(steps, 0.5, rng))
    contour = phonation.f0_hz * (1 + drift + phonation.tremor * np.sin(phase))
    if pitch is not None:
        contour *= np.interp(clock, *pitch)
    contour = np.clip(contour, 0.5 * phonation.f0_hz, 1.8 * phonation.f0_hz)
    turns = np.concatenate([[0.0], np.cumsum((contour[1:] + contour[:-1]) / 2 * _BLOCK_S)])
    steady = np.diff(np.interp(np.arange(int(turns[-1]) + 1), turns, clock))
    deviation = np.sqrt(np.pi) / 2
    periods = steady * np.clip(1 + phonation.jitter * deviation * rng.standard_normal(len(steady)), 0.7, 1.3)
    onsets = np.concatenate([[0.0], np.cumsum(periods)[:-1]])
    amplitudes = np.interp(onsets, *envelope)
    amplitudes *= np.clip(1 + phonation.shimmer * deviation * rng.standard_normal(len(periods)), 0.2, 1.8)
    amplitudes *= 1 + 4 * phonation.tremor * np.sin(np.interp(onsets, clock, phase) + 0.5)  # flutter is in both
    amplitudes *= 10 ** (0.8 * np.interp(onsets, clock, _slow(steps, 1.0, rng)) / 20)
    whole = onsets + periods <= duration_s
    return Cycles(onsets[whole], periods[whole], steady[whole], np.maximum(amplitudes[whole], 0.0))


def glottal_flow(cycles: Cycles, times_s: np.ndarray, *, open_quotient: float, rise_share: float) -> np.ndarray:
    """Rosenberg's pulse (1971, shape C) of each cycle at the given times, in the shape of `times_s`; 0 between cycles.

    A cycle runs from closure to closure and begins with the closed phase. Jitter moves the pulse without changing its
    shape, so distances between neighbouring closures equal the periods at every part of the wave. The amplitude of a
    cycle is the slope of the flow at the closure, not its height.
    open_quotient: share of the period with an open glottis, in (0, 1); rise_share: share of that with rising flow.
    """
    cycle = np.clip(np.searchsorted(cycles.onsets_s, times_s, side="right") - 1, 0, None)
    period = cycles.periods_s[cycle]
    open_s = np.minimum(open_quotient * cycles.steady_s[cycle], 0.98 * period)
    phase = (times_s - cycles.onsets_s[cycle] - period) / open_s + 1
    rising = 0.5 - 0.5 * np.cos(np.pi * np.minimum(phase / rise_share, 1))
    falling = np.cos(0.5 * np.pi * np.clip((phase - rise_share) / (1 - rise_share), 0, 1))
    volume = cycles.amplitudes[cycle] * cycles.steady_s[cycle] / cycles.steady_s.mean()
    return np.where((phase >= 0) & (phase < 1), volume * rising * falling, 0.0)


def resonate(source: np.ndarray, formants_hz: np.ndarray, bandwidths_hz: np.ndarray, *, rate_hz: int) -> np.ndarray:
    """Klatt's cascade: each formant is a second-order resonator with gain 1 at 0 Hz.

    source: shape (..., n). formants_hz: shape (blocks, f), in blocks of 5 ms; the last block is repeated, blocks after
    the end are ignored, and a single row means constant formants. bandwidths_hz: the same shape, or (f,).
    """
    bandwidths_hz = np.broadcast_to(bandwidths_hz, formants_hz.shape)
    state = np.zeros((formants_hz.shape[1], *source.shape[:-1], 2))
    filtered = np.empty_like(source)
    block = round(_BLOCK_S * rate_hz)
    turns = np.flatnonzero(np.any(np.diff(formants_hz, axis=0) != 0, axis=1)) + 1
    turns = turns[turns * block < source.shape[-1]]  # a last block may begin where the sound ends
    for first, last in zip([0, *turns], [*turns * block, source.shape[-1]], strict=True):
        part = slice(first * block, last)
        sections = _sections(formants_hz[first], bandwidths_hz[first], rate_hz)
        filtered[..., part], state = sosfilt(sections, source[..., part], axis=-1, zi=state)
    return filtered


def measure(utterance: Utterance) -> Measures:
    """F0, jitter and shimmer of the generated cycles by Praat's definitions, and HNR from separate harmonics and noise.

    As in Praat's defaults, neighbours are compared unless their periods differ by a factor above 1.3, or their
    amplitudes by a factor above 1.6. Mean and standard deviation of F0 are over time, as in a pitch track.
    """
    cycles = utterance.cycles
    sounding = cycles.amplitudes > 0.1 * cycles.amplitudes.max()
    periods, f0 = cycles.periods_s[sounding], 1 / cycles.periods_s[sounding]
    mean = float(np.average(f0, weights=periods))
    spread = float(np.sqrt(np.average((f0 - mean) ** 2, weights=periods)))
    neighbours = sounding[1:] & sounding[:-1]
    return Measures(
        mean_f0_hz=mean,
        sd_f0_hz=spread,
        hnr_db=utterance.hnr_db,
        local_jitter=_local(cycles.periods_s, neighbours, 1.3),
        local_shimmer=_local(cycles.amplitudes, neighbours, 1.6),
    )


_BLOCK_S = 0.005


def _local(values: np.ndarray, neighbours: np.ndarray, largest_ratio: float) -> float:
    first, second = values[:-1][neighbours], values[1:][neighbours]
    near = np.maximum(first, second) <= largest_ratio * np.minimum(first, second)
    return float(np.mean(np.abs(first - second)[near]) / np.mean(((first + second) / 2)[near]))


def _slow(steps: int, lasting_s: float, rng: np.random.Generator) -> np.ndarray:
    """A smooth random drift of standard deviation about 1 in steps of 5 ms, without a preferred frequency."""
    keep = np.exp(-_BLOCK_S / lasting_s)
    white = rng.standard_normal(steps)
    start = rng.standard_normal()
    walk, _ = lfilter([np.sqrt(1 - keep**2)], [1, -keep], white, zi=[start * keep])
    smooth = np.hanning(23)  # 0.1 s, because muscles move smoothly
    return np.convolve(np.pad(walk, 11, mode="edge"), smooth / smooth.sum(), mode="valid")


def _sections(formants_hz: np.ndarray, bandwidths_hz: np.ndarray, rate_hz: int) -> np.ndarray:
    """Klatt 1980, equation 2, as scipy's second-order sections."""
    radius = np.exp(-np.pi * np.asarray(bandwidths_hz) / rate_hz)
    b = 2 * radius * np.cos(2 * np.pi * np.asarray(formants_hz) / rate_hz)
    c = -(radius**2)
    zero, one = np.zeros_like(b), np.ones_like(b)
    return np.stack([1 - b - c, zero, zero, one, -b, -c], axis=1)


def _tilt(source: np.ndarray, tilt_db: float) -> np.ndarray:
    """One-pole low-pass with `tilt_db` attenuation at 3 kHz (Klatt & Klatt 1990, TL)."""
    if tilt_db <= 0:
        return source
    power = 10 ** (-tilt_db / 10)
    half = (1 - power * np.cos(2 * np.pi * 3000 / INNER_RATE_HZ)) / (1 - power)
    pole = half - np.sqrt(half**2 - 1)
    return lfilter([1 - pole], [1, -pole], source)


def _bursts(stop: Burst, releases_s: np.ndarray, samples: int, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Shaped noise at each burst, which decays within the voice onset time; its peak has the stop's level."""
    length = int(0.030 * INNER_RATE_HZ)
    fall = np.exp(-np.arange(length) / INNER_RATE_HZ / (0.4 * stop.onset_time_s + 0.001))
    fall[: INNER_RATE_HZ // 2000] *= np.linspace(0, 1, INNER_RATE_HZ // 2000)
    noise = rng.standard_normal((len(releases_s), length + 400))
    centre = np.array([stop.centre_hz * scale])
    shaped = sosfilt(_sections(centre, np.array([stop.bandwidth_hz]), INNER_RATE_HZ), noise)[:, 400:] * fall
    shaped *= 10 ** (stop.level_db / 20) / np.abs(shaped).max(axis=1, keepdims=True)
    bursts = np.zeros(samples + length)
    for release, burst in zip(releases_s, shaped, strict=True):
        bursts[int(release * INNER_RATE_HZ) :][:length] += burst
    return bursts[:samples]


def _utter(
    phonation: Phonation,
    cycles: Cycles,
    breath: np.ndarray,
    tract: tuple[np.ndarray, np.ndarray],
    syllables_s: np.ndarray,
    bursts: np.ndarray | None,
    sample_rate_hz: int,
    rng: np.random.Generator,
) -> Utterance:
    """Filter the source by the tract, scale the noise to the wanted energy ratio, and resample to the final rate."""
    edges = np.arange(len(breath) + 1) / INNER_RATE_HZ
    shape = {"open_quotient": phonation.open_quotient, "rise_share": phonation.rise_share}
    flow = glottal_flow(cycles, edges, **shape)
    # The difference of the flow at a sample's edges is the mean of its derivative (source and lips together) over that
    # sample: a closure between two samples keeps its exact time, so jitter is not rounded to the sampling grid.
    pulses = _tilt(np.diff(flow), phonation.tilt_db)
    noise = rng.standard_normal(len(breath)) * breath * (0.4 + flow[1:])
    outer = resonate(np.stack([pulses, noise]), *tract, rate_hz=INNER_RATE_HZ)
    oversampled = INNER_RATE_HZ // sample_rate_hz
    voiced, hissed = resample_poly(outer, 1, oversampled, axis=-1)
    hissed *= np.sqrt(np.sum(voiced**2) / np.sum(hissed**2)) * 10 ** (-phonation.hnr_db / 20)
    samples = voiced + hissed
    peak = np.abs(samples).max()
    if bursts is not None:
        samples = samples + peak * resample_poly(bursts, 1, oversampled)
        peak = np.abs(samples).max()
    hnr_db = 10 * np.log10(np.sum(voiced**2) / np.sum(hissed**2))
    return Utterance(samples / peak, cycles, float(hnr_db), syllables_s)
