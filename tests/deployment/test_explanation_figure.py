import numpy as np
import pytest

from bulbar.deployment.explanation import Occlusion, figure
from bulbar.features import spectrogram


def drawn(representation: str = "mel", rows: int = 1):
    draws = np.random.default_rng(0)
    found = Occlusion(draws.normal(0, 0.01, (16, 8 * rows)), draws.normal(0, 0.01, 16), draws.normal(0, 0.01, 8 * rows))
    settings = spectrogram.Settings(representation=representation)
    images = draws.random((rows, 128, 128)).astype(np.float32)
    return found, figure(images, found, settings, 6.0 * rows, "a_A.wav, task A", "Research tool")


@pytest.mark.parametrize("rows", [1, 3])
def test_the_explanation_is_drawn_in_hertz_and_seconds(rows):
    found, figure = drawn(rows=rows)
    heard, moved, by_band, by_time = figure.axes[:4]
    assert heard.get_xlim() == (0, 6 * rows) and heard.get_xlabel().startswith("Time (seconds")
    assert [tick.get_text() for tick in heard.get_yticklabels()][-2:] == ["4,000", "8,000"]
    share = np.log10(1 + 4000 / 700) / np.log10(1 + 11025 / 700)
    place = share * 129 - 0.5  # band k, from k to k + 1, has its peak at corner k + 1 of 0 to 129
    assert heard.get_yticks()[-2] == pytest.approx(place)
    shown = moved.get_images()[0]
    np.testing.assert_allclose(shown.get_array(), 100 * found.blocks)
    assert shown.norm.vmin == -shown.norm.vmax, "no change is white"
    assert [bar.get_width() for bar in by_band.patches] == pytest.approx(list(100 * found.bands))
    assert [bar.get_height() for bar in by_time.patches] == pytest.approx(list(100 * found.times))


def test_what_the_figure_is_not_stands_below_it():
    _, figure = drawn()
    assert figure.get_supxlabel() == "Research tool"


def test_coefficients_have_no_hertz():
    _, figure = drawn("mfcc")
    assert figure.axes[0].get_ylabel() == "MFCC coefficient"
