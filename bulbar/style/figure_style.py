"""The style of all figures.

The colours are those of Okabe and Ito, which suit colour-blind readers; the text is readable at half size.
"""

from collections.abc import Callable
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.figure import Figure

from bulbar.core.files import matplotlib_defaults

Arguments = ParamSpec("Arguments")

ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE, GREY = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
    "#6E6E6E",
)
CLASS_COLOURS = {"ALS": VERMILION, "HC": BLUE}
MARKERS = ("o", "s", "^", "D", "v")

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 14,
    "axes.titlesize": 15,
    "axes.labelsize": 14,
    "figure.titlesize": 16,
    "legend.fontsize": 12,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": "#DDDDDD",
    "lines.linewidth": 2.0,
    "savefig.dpi": 120,
    "text.parse_math": False,  # a name from a release may contain a $
}


def styled(draw: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Decorator: draw in this style, independent of the caller's matplotlib settings."""

    def drawn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Figure:
        with matplotlib_defaults():
            mpl.rcParams.update(STYLE)
            return draw(*args, **kwargs)

    drawn.__name__, drawn.__doc__ = draw.__name__, draw.__doc__
    return drawn
