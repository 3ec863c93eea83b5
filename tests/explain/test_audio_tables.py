from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bulbar.explain import audio_tables, figures
from bulbar.explain.audio_maps import METHODS, ExplainedImages
from bulbar.features.spectrogram import Settings

SMALL = Settings(mel_bands=16, frames=10)


def voices_of(settings: Settings = SMALL) -> audio_tables.Voices:
    """Six patients with A and PA, the first patient's A in two rows; four controls with A. A map holds its row."""
    patients = [(f"P{n}", 1, task) for n in range(6) for task in ("A", "PA")]
    people = [patients[0], *patients, *((f"C{n}", 0, "A") for n in range(4))]
    rows = pd.DataFrame(people, columns=["subject_id", "label", "task"])
    rows["recording_id"] = rows["subject_id"] + "_" + rows["task"]
    rows = rows.assign(fold=1, duration_s=np.where(rows["task"] == "A", 4.0, 2.0))
    maps = np.arange(len(rows), dtype=float)[:, None, None] * np.ones(settings.image_shape)
    nothing = np.zeros(len(rows))
    found = ExplainedImages(
        nothing, nothing, dict.fromkeys(METHODS, maps), nothing[:, None], nothing[:, None], nothing, {}
    )
    dead = np.tile(np.arange(settings.mel_bands) >= settings.mel_bands // 2, (len(rows), 1))  # the upper half
    drawing = {"draws": 100, "level": 0.95, "seed": 0}
    return audio_tables.Voices(rows, found, dead, ("HC", "ALS"), settings, 22050, drawing)


def test_a_mean_map_counts_each_recording_once_and_each_subject_once():
    panels = audio_tables.panels(voices_of(), "grad_cam")
    of_a = [(0 + 1) / 2, *range(3, 13, 2)]
    of_pa = range(2, 14, 2)
    assert panels["A", "ALS"].map[0, 0] == pytest.approx(np.mean(of_a))
    both = np.mean([(a + pa) / 2 for a, pa in zip(of_a, of_pa, strict=True)])
    np.testing.assert_allclose(panels["all tasks", "ALS"].map, both)
    assert panels["all tasks", "ALS"].subjects == 6


def test_the_mean_map_of_fewer_than_five_people_is_withheld_in_the_figure_too():
    panels = audio_tables.panels(voices_of(), "grad_cam")
    assert panels["A", "HC"].map is None and panels["PA", "HC"].map is None
    by_method = {method: audio_tables.panels(voices_of(), method) for method in METHODS}
    drawn = figures.maps(by_method, ("HC", "ALS"), SMALL, dict.fromkeys(METHODS, "passes"), "title")
    assert isinstance(drawn, Figure)
    withheld = [axes for axes in drawn.axes if any(text.get_text() == "withheld" for text in axes.texts)]
    assert len(withheld) == 6 and all("fewer than 5" in axes.get_title() for axes in withheld)


def test_seconds_are_those_of_the_mean_recording_where_images_are_stretched_and_of_frames_where_not():
    panels = audio_tables.panels(voices_of(), "grad_cam")
    assert (panels["A", "ALS"].seconds, panels["PA", "ALS"].seconds, panels["all tasks", "ALS"].seconds) == (4, 2, 3)
    padded = voices_of(SMALL.model_copy(update={"time_axis": "pad"}))
    assert audio_tables.seconds_across(padded) == pytest.approx(10 * 512 / 22050)


def test_ticks_stand_at_their_frequency_on_the_mel_scale():
    axes = Figure().subplots()
    axes.set_ylim(0, 16)
    figures.frequency_axis(axes, SMALL)
    places = dict(zip((label.get_text() for label in axes.get_yticklabels()), axes.get_yticks(), strict=True))
    corners = np.linspace(0, 2595 * np.log10(1 + 11025 / 700), 16 + 2)
    centres = dict(enumerate(700 * (10 ** (corners[1:-1] / 2595) - 1)))  # that of band k is drawn at k + 0.5
    assert places["0"] == 0 and list(places) == ["0", "500", "1,000", "2,000", "4,000", "8,000"]
    for hz in (500, 1000, 2000, 4000, 8000):
        assert places[f"{hz:,}"] == pytest.approx(0.5 + np.interp(hz, list(centres.values()), list(centres)), abs=0.1)


def test_what_hiding_costs_fewer_than_five_people_is_withheld_and_drawn_as_nothing():
    voices = voices_of()
    log_odds = np.arange(len(voices.rows), dtype=float)
    nothing = np.zeros((len(log_odds), 2))
    hidden = replace(voices.found, log_odds=log_odds, bands=nothing, stretches=nothing)
    bands, stretches = (audio_tables.occluded(replace(voices, found=hidden), axis) for axis in (0, 1))
    for table in (bands, stretches):
        ends = ["log_odds_drop_HC", "log_odds_drop_HC_low", "log_odds_drop_HC_high"]
        assert table[ends].isna().all(axis=None)  # four controls
        assert table["log_odds_drop_ALS"].tolist() == pytest.approx([np.mean([1.25, 3.5, 5.5, 7.5, 9.5, 11.5])] * 2)
    figure = figures.occluded(bands, stretches, voices.classes, 0.9, "title")
    assert isinstance(figure, Figure) and "90 % intervals" in figure.legends[0].get_title().get_text()


def test_the_share_of_recordings_in_which_a_whole_band_is_dead_counts_each_recording_once():
    voices = voices_of()
    voices.dead[:2] = False  # one recording of ten, in two rows
    voices.dead[2, 8] = False  # of another the lowest row of the upper half holds voice
    nothing = np.zeros((len(voices.rows), 2))
    bands = audio_tables.occluded(replace(voices, found=replace(voices.found, bands=nothing)), 0)
    recordings = voices.rows["recording_id"].nunique()
    assert bands["share_dead"].tolist() == [0, (recordings - 2) / recordings]


def scored_apart(hidden: float) -> audio_tables.Voices:
    """Patients at log-odds 1 and controls at -1; with dead bands hidden, patients at `hidden`."""
    voices = voices_of()
    label = voices.rows["label"].to_numpy()
    found = replace(voices.found, log_odds=np.where(label, 1.0, -1.0), without_dead=np.where(label == 1, hidden, -1.0))
    return replace(voices, found=found)


def test_what_all_dead_bands_hidden_cost_is_the_difference_of_two_scores():
    cost = audio_tables.without_dead_bands(scored_apart(-2.0))
    assert cost["share_of_image"] == 0.5
    assert cost["auc_drop"]["value"] == 1  # from 1, every patient above every control, to 0
    losses = {log_odds: np.log1p(np.exp(-log_odds)) for log_odds in (1.0, -2.0)}  # of a patient
    assert cost["log_loss_rise"]["value"] == pytest.approx(6 / 10 * (losses[-2.0] - losses[1.0]))
    assert cost["log_loss_rise"]["low"] <= cost["log_loss_rise"]["value"] <= cost["log_loss_rise"]["high"]


def test_where_nothing_is_lost_and_where_nothing_is_dead_the_numbers_are_0():
    cost = audio_tables.without_dead_bands(scored_apart(1.0))
    assert cost["auc_drop"]["value"] == cost["log_loss_rise"]["value"] == 0
    alive = scored_apart(1.0)
    alive.dead[:] = False
    assert audio_tables.without_dead_bands(alive) == {"share_of_image": 0}
    assert audio_tables.without_dead_bands(voices_of(SMALL.model_copy(update={"representation": "mfcc"}))) is None


@pytest.mark.parametrize(
    ("share_dead", "auc_drop", "named"), [(1.0, 0.0505, True), (0.4, 0.0505, False), (1.0, 0.0, False)]
)
def test_a_costliest_band_without_voice_is_named_where_it_costs_something(share_dead, auc_drop, named):
    band = {"from_hz": 7476.2247, "to_hz": 11025.0, "auc_drop": auc_drop, "share_dead": share_dead}
    words = audio_tables.costliest_is_dead({"costliest_band": band})
    assert (words is not None) == named
    if named:
        assert "7,476 to 11,025 Hz, lies above the bandwidth of 100 % of the recordings" in words


def test_a_power_of_ten_is_written_without_mathematics():
    assert figures.power_of_ten(-12) == "10⁻¹²"
