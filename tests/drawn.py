"""Checks for every figure."""

import io
import warnings
from collections.abc import Callable

from matplotlib.figure import Figure


def png(figure: Figure) -> bytes:
    """The figure as it would be written."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def assert_nothing_is_cut_off(figure: Figure) -> None:
    """All that is drawn lies on the page."""
    figure.draw_without_rendering()
    inside = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert inside.x0 >= -0.01
    assert inside.y0 >= -0.01
    assert inside.x1 <= width + 0.01
    assert inside.y1 <= height + 0.01


def assert_steady(draw: Callable[[], Figure]) -> Figure:
    """Drawn twice, a figure has the same bytes; nothing warns, and nothing is cut off. The figure."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw()
        assert png(figure) == png(draw())
    assert_nothing_is_cut_off(draw())
    return figure
