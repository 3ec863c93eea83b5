import struct

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

from bulbar.core.files import save
from bulbar.features.figures import before_and_after, mel_images, recordings_per_task
from bulbar.features.spectrogram import Settings
from bulbar.paper import figures
from tests.drawn import assert_steady, png

GRID = pd.DataFrame([[70.0, 80.0, 75.0], [66.7, np.nan, 66.7], [68.3, 80.0, 70.9]], index=["S1A", "S1B", "average"],
                    columns=["0.5", "0.0", "average"])  # fmt: skip
HISTORY = pd.DataFrame({"epoch": [1, 2], "loss": [0.7, 0.6], "accuracy": [0.6, 0.7], "validation_loss": [0.7, 0.65],
                        "validation_accuracy": [0.6, 0.65]})  # fmt: skip
LINE = np.array([0.0, 0.5, 1.0])

FIGURES = {
    "6": lambda: recordings_per_task(pd.DataFrame({"ALS": [30, 30], "HC": [15, 15]}, index=["A", "PA"])),
    "7": lambda: before_and_after(np.sin(np.arange(8000)), 8000, np.sin(np.arange(11025)), 22050, "PZ001, A"),
    "8": lambda: mel_images([("HC", np.eye(128)), ("ALS", np.eye(128))], Settings()),
    "8, MFCC": lambda: mel_images([("HC", np.eye(128))] * 4, Settings(representation="mfcc")),
    "table 4": lambda: figures.heat_maps({"ours": GRID, "the paper's": GRID}, "Table 4", {"ours": GRID / 10}),
    "10": lambda: figures.dropout_effect({"ours": GRID.iloc[:-1, :-1]}, {"ours": 66.7}, "Figure 10"),
    "11": lambda: figures.pooling_effect({"ours": GRID["average"].iloc[:-1]}, {"ours": 66.7}, "Figure 11"),
    "12": lambda: figures.confusion_matrices({"audio": (151, 12, 36, 45)}, ("HC", "ALS"), "Figure 12", columns=1),
    "14": lambda: figures.learning_curves({"fold 1": HISTORY, "fold 2": HISTORY}, "Figure 14"),
    "ROC": lambda: figures.score_curves(
        {"per recording": {"audio": ("audio", LINE, LINE)}}, "ROC", x_label="FPR", y_label="TPR",
        drawstyle="default", chance={"per recording": ((0, 0), (1, 1))},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_drawn_twice_has_the_same_bytes_labelled_axes_and_nothing_cut_off(name):
    axes = assert_steady(FIGURES[name]).axes
    shown = [one for one in axes if one.get_visible() and one.get_label() != "<colorbar>"]
    assert any(one.get_xlabel() for one in shown)
    assert any(one.get_ylabel() for one in shown)


def test_the_callers_matplotlib_settings_change_nothing_and_are_left_alone():
    plain = png(FIGURES["12"]())
    with pyplot.rc_context({"font.size": 30, "axes.grid": True}):
        assert png(FIGURES["12"]()) == plain
        assert pyplot.rcParams["font.size"] == 30


def test_the_waveforms_keep_their_durations_whatever_their_rates():
    before, after = FIGURES["7"]().axes
    assert (before.get_title("left"), after.get_title("left")) == (
        "Before silence removal: 1.0 s",
        "After silence removal: 0.5 s",
    )


def test_a_single_click_in_a_long_recording_is_still_seen():
    samples = np.zeros(500_000)
    samples[123_456] = 0.9
    low, high = before_and_after(samples, 22050, samples[:1000], 22050, "click").axes[0].dataLim.intervaly
    assert (low, high) == (0.0, 0.9)


def test_mel_bands_are_ticked_where_equation_4_puts_their_frequencies():
    axes = FIGURES["8"]().axes[0]
    ticks = dict(zip([text.get_text() for text in axes.get_yticklabels()], axes.get_yticks(), strict=True))
    mel = {hz: 2595 * np.log10(1 + hz / 700) for hz in (1000, 11025)}
    centre = 129 * mel[1000] / mel[11025] - 1  # the place of 1 kHz among the centres of 128 triangles
    assert ticks["1,000"] == pytest.approx(centre + 0.5)
    assert ticks["0"] == 0


def test_the_confusion_matrix_reads_as_the_papers():
    axes = FIGURES["12"]().axes[0]
    assert [text.get_text().split("\n")[0] for text in axes.texts] == ["151", "12", "36", "45"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["ALS", "HC"]


def test_a_cell_without_a_number_is_left_white():
    texts = [text.get_text() for text in FIGURES["table 4"]().axes[1].texts]
    assert len(texts) == 8
    assert "nan" not in "".join(texts)


def test_a_saved_png_holds_its_pixels_and_no_text_about_who_wrote_it(tmp_path):
    save(FIGURES["11"](), tmp_path / "new" / "figure.png")
    save(FIGURES["11"](), tmp_path / "again.png")
    data = (tmp_path / "new" / "figure.png").read_bytes()
    assert data == (tmp_path / "again.png").read_bytes()
    assert b"tEXt" not in data
    assert struct.unpack(">II", data[16:24])[0] >= 700
