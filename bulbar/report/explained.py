"""What the subject-wise networks go by: maps with their sanity check, occlusion, deletion, clinical columns."""

from collections.abc import Callable, Iterator
from typing import Any

from bulbar.report.elements import Cell, Figure, Number, Prose, Section, Table
from bulbar.report.results import Results, percent, shown, two
from bulbar.report.verdict import badge

FILE = "metrics/explain.json"
KINDS = {"passes": "good", "fails": "bad"}


def section(results: Results) -> Section:
    """What the decision rests on, the headline numbers, the figures."""
    drawn = [
        Figure(f"plots/explain/{name}.png", title, alternative(results), data(results, name))
        for name, (title, alternative) in FIGURES.items()
        if f"plots/explain/{name}.png" in results
    ]
    rests_on: Prose = [
        "With all clinical columns (`fused_all`), shuffling which cells are recorded costs an AUC of ",
        results.number(FILE, "fused_all", "auc_lost_by_recording"),
        ", shuffling their values costs ",
        results.number(FILE, "fused_all", "auc_lost_by_values"),
        "; of the decision, “not recorded” carries ",
        results.number(FILE, "fused_all", "shap_share_not_recorded", form=percent),
        " and the voice ",
        results.number(FILE, "fused_all", "shap_share_voice", form=percent),
        ". With the columns that both groups have (`fused_common`) it is ",
        results.number(FILE, "fused_common", "shap_share_not_recorded", form=percent),
        " and ",
        results.number(FILE, "fused_common", "shap_share_voice", form=percent),
        ".",
    ]
    trust = [
        "Split by subject only, on held-out subjects. A map that stays alike when the network’s weights are randomised "
        "fails its sanity check (Adebayo et al. 2018): do not read it."
    ]
    return Section("explanations", "Explanations", [trust, rests_on, numbers(results), *drawn])


def numbers(results: Results) -> Table:
    """Every headline number of the explanations."""
    rows: list[list[Cell]] = []
    for keys, value in leaves(results.json(FILE) or {}):
        if keys[0] in ("synthetic", "protocol"):
            continue
        name = ", ".join(keys).replace("_", " ")
        told = (
            badge(results, FILE, *keys, kinds=KINDS)
            if keys[-1] == "verdict"
            else shown(value, FILE, ".".join(keys), lambda one: f"{one:.4g}")
        )
        rows.append([name, told])
    return Table("explained", "Explanations in numbers", ["What", "Value"], rows, folded=True)


def leaves(content: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Keys and value of everything in nested objects."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield from leaves(value, (*before, key))
        else:
            yield (*before, key), value


def data(results: Results, name: str) -> str:
    """The first table behind a figure; the metrics where there is none."""
    tables = [file for file in results if file.startswith(f"plots/explain/{name}") and file.endswith(".csv")]
    return tables[0] if tables else FILE


def _told(results: Results, *keys: str, form: Callable[[float], str] = two) -> str:
    number: Number = results.number(FILE, *keys, form=form)
    return number.text if number.value is not None else "not defined"


def _sanity(results: Results) -> str:
    told = ", ".join(
        f"{method.replace('_', ' ')} {_told(results, 'sanity', method, 'likeness')}"
        for method in results.json(FILE, "sanity") or {}
    )
    return f"Likeness of the maps to those of a network with randomised weights (1: the same): {told}."


def _maps(by: str) -> Callable[[Results], str]:
    def alternative(results: Results) -> str:
        methods = results.json(FILE, "sanity") or {}
        told = ", ".join(f"{name.replace('_', ' ')} {methods[name].get('verdict')}" for name in methods)
        return f"Mean maps by {by}, frequency in hertz over time in seconds, of {len(methods)} methods; sanity: {told}."

    return alternative


def _occlusion(results: Results) -> str:
    keys = ("costliest_band",)
    low, high = (_told(results, *keys, end, form=lambda hz: f"{hz:.0f}") for end in ("from_hz", "to_hz"))
    return (
        "What hiding a band of frequencies or a stretch of time costs the voice model. The costliest band, "
        f"{low} to {high} Hz, costs an AUC of {_told(results, *keys, 'auc_drop')}."
    )


def _deletion(results: Results) -> str:
    area = _told(results, "deletion_less_than_random", "area")
    return f"Deletion curves: removing what the maps point at lies below removing at random by an area of {area}."


def _permutation(results: Results) -> str:
    told = " and ".join(
        f"{model.replace('_', ' ')} {_told(results, model, 'auc_lost_by_recording')}"
        for model in ("fused_common", "fused_all")
    )
    return (
        f"AUC lost when clinical columns are shuffled between subjects, by group; by which cells are recorded: {told}."
    )


def _shap(results: Results) -> str:
    told = " and ".join(
        f"{model.replace('_', ' ')} {_told(results, model, 'shap_share_not_recorded', form=percent)}"
        for model in ("fused_common", "fused_all")
    )
    return f"Shares of a decision by group of columns, from SHAP values; “not recorded” has in {told}."


FIGURES: dict[str, tuple[str, Callable[[Results], str]]] = {
    "sanity": ("Sanity check of the maps", _sanity),
    "maps_by_class": ("Mean maps by class", _maps("class")),
    "maps_by_task": ("Mean maps by task and class", _maps("task and class")),
    "occlusion": ("Occlusion by frequency and time", _occlusion),
    "deletion": ("Deletion curves", _deletion),
    "permutation": ("Permutation importance of clinical columns", _permutation),
    "shap": ("SHAP shares of the fused models", _shap),
}
