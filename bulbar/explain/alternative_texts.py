"""What each figure of `explain.figures` shows, in words and with a number, for whoever does not see it.

One function for each drawing function, of the same name. They are apart from the drawing, so that the report, which
quotes them, loads none of it. headline: the numbers in metrics/explain.json.
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
    """Likeness of the maps when the weights are randomised."""
    likeness = _methods(headline, "likeness", number_in_words)
    return f"Likeness of the maps to those of a network with randomised weights (1: the same): {likeness}."


def maps(headline: Headline, by: str) -> str:
    """by: what the maps are averaged over."""
    verdicts, count = _methods(headline, "verdict", str), len(headline.get("sanity") or {})
    return f"Mean maps by {by}, frequency in hertz over time in seconds, of {count} methods; sanity: {verdicts}."


def occluded(headline: Headline) -> str:
    """Which band of frequencies costs most when it is hidden."""
    band = headline.get("costliest_band") or {}
    low, high = (number_in_words(band.get(end), "{:.0f}".format) for end in ("from_hz", "to_hz"))
    return (
        "What hiding a band of frequencies or a stretch of time costs the voice model. The costliest band, "
        f"{low} to {high} Hz, costs an AUC of {number_in_words(band.get('auc_drop'))}."
    )


def deletion(headline: Headline) -> str:
    """Whether removing pixels by a map's order costs more than at random."""
    found = headline.get("deletion_less_than_random") or {}
    area = with_interval(found.get("area"), found.get("low"), found.get("high"))
    return (
        "Deletion curves: the effect left as pixels are removed, by each map’s order and at random. The area between "
        f"random and integrated gradients is {area}; above 0 the map points at what matters."
    )


def permutation(headline: Headline) -> str:
    """What the fused models lose by which clinical cells are recorded."""
    lost = _fused(headline, "auc_lost_by_recording")
    return (
        f"AUC lost when clinical columns are shuffled between subjects, by group; by which cells are recorded: {lost}."
    )


def shap(headline: Headline) -> str:
    """How much of a decision the cells that are not recorded carry."""
    shares = _fused(headline, "shap_share_not_recorded", lambda share: f"{100 * share:.1f} %")
    return f"Shares of a decision by group of columns, from SHAP values; “not recorded” has in {shares}."
