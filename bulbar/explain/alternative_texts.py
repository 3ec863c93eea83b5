"""Alternative texts of the figures of `explain.figures`, each with a number, for readers who cannot see them.

Each drawing function has a function of the same name here. They are in a separate module so that the report, which
prints them, does not import matplotlib. `headline` holds the numbers of metrics/explain.json.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bulbar.core.markdown import number_in_words, with_interval

Headline = Mapping[str, Any]

METHODS = {"integrated_gradients": "integrated gradients", "grad_cam": "Grad-CAM"}


def _methods(headline: Headline, key: str, form: Callable[[Any], str]) -> str:
    checked = headline.get("sanity") or {}
    return ", ".join(f"{METHODS.get(name, name)} {form(found.get(key))}" for name, found in checked.items())


def _fused(headline: Headline, key: str, form: Callable[[float], str] = "{:.2f}".format) -> str:
    models = ("fused_common", "fused_all")
    return " and ".join(
        f"{model.replace('_', ' ')} {number_in_words((headline.get(model) or {}).get(key), form)}" for model in models
    )


def sanity(headline: Headline) -> str:
    """Similarity of the maps when the weights are randomised."""
    likeness = _methods(headline, "likeness", number_in_words)
    return f"Similarity of the maps to those of a network with random weights (1: identical): {likeness}."


def maps(headline: Headline, by: str) -> str:
    """Mean maps; `by` names what they are grouped by."""
    verdicts, count = _methods(headline, "verdict", str), len(headline.get("sanity") or {})
    return f"Mean maps by {by}, frequency in hertz over time in seconds, of {count} methods; sanity: {verdicts}."


def occluded(headline: Headline) -> str:
    """The frequency band that lowers the AUC most when it is hidden."""
    band = headline.get("costliest_band") or {}
    low, high = (number_in_words(band.get(end), "{:.0f}".format) for end in ("from_hz", "to_hz"))
    return (
        "Drop of AUC of the voice model when a frequency band or a time segment is hidden. The largest drop is "
        f"{number_in_words(band.get('auc_drop'))}, for the band from {low} to {high} Hz."
    )


def deletion(headline: Headline) -> str:
    """Whether deleting pixels in the order of a map removes the effect faster than a random order."""
    found = headline.get("deletion_less_than_random") or {}
    area = with_interval(found.get("area"), found.get("low"), found.get("high"))
    return (
        "Deletion curves: remaining effect while pixels are deleted in the order of each map or in random order. The "
        f"area between random order and integrated gradients is {area}; above 0, the map shows pixels that matter."
    )


def permutation(headline: Headline) -> str:
    """AUC that the fused models owe to which clinical cells are recorded."""
    lost = _fused(headline, "auc_lost_by_recording")
    return (
        "Drop of AUC when clinical columns are shuffled between subjects, by group. The part that is due to which cells"
        f" are recorded: {lost}."
    )


def shap(headline: Headline) -> str:
    """Share of a decision that is based on cells that are not recorded."""
    shares = _fused(headline, "shap_share_not_recorded", lambda share: f"{100 * share:.1f} %")
    return f"Share of a decision by group of columns, from SHAP values. Cells that are not recorded: {shares}."
