"""What the subject-wise networks go by: maps with their sanity check, occlusion, deletion, clinical columns."""

from collections.abc import Callable

import pandas as pd

from bulbar.report.elements import Cell, Figure, Number, Part, Prose, Section, Table
from bulbar.report.results import Form, Results, percent, three, two, whole, with_interval
from bulbar.report.verdict import AUDIT, badge

FILE, PERMUTED = "metrics/explain.json", "plots/explain/permutation.csv"
KINDS = {"passes": "good", "fails": "bad", "undecided": "doubtful"}
METHODS = {"integrated_gradients": "integrated gradients", "grad_cam": "Grad-CAM"}
SEEN = {
    False: "The networks of this run see them (`spectrogram.mask_dead_bands: false`, the paper’s image). ",
    True: "In this run those above half the source’s sampling rate are set to the floor before training "
    "(`spectrogram.mask_dead_bands: true`). ",
}
"""What a run did with the bands above the bandwidth, by `spectrogram.mask_dead_bands`."""
ALL_COLUMNS = "All columns"
"""The group of PERMUTED in which every clinical column is shuffled at once."""


def section(results: Results) -> Section:
    """Which maps may be read, what the decision rests on, the headline numbers, the figures."""
    drawn = [
        Figure(f"plots/explain/{name}.png", title, alternative(results), data, wide=name.startswith("maps"))
        for name, (title, data, alternative) in FIGURES.items()
        if f"plots/explain/{name}.png" in results
    ]
    first, *others = paragraphs(results)
    return Section(
        "explanations",
        "Explanations",
        [
            ["Split by subject only, on held-out subjects. ", *first],
            *others,
            numbers(results),
            *drawn,
        ],
    )


def paragraphs(results: Results) -> list[Prose]:
    """Which maps may be read, what the decision rests on, what the bands without voice do."""
    return [prose for prose in (sanity(results), rests_on(results), dead_bands(results)) if prose]


def sanity(results: Results) -> Prose:
    """Which maps may be read."""
    said: list[Part] = [
        "A map that stays alike when the network’s weights are randomised (likeness 1: the same) fails its sanity "
        "check (Adebayo et al. 2018): do not read it. "
    ]
    for place, method in enumerate(results.json(FILE, "sanity") or {}):
        said += [
            ", " if place else "Here ",
            f"{METHODS.get(method, method)} ",
            badge(results, FILE, "sanity", method, "verdict", kinds=KINDS),
            " (likeness ",
            results.number(FILE, "sanity", method, "likeness"),
            ")",
        ]
    return [*said, "."] if len(said) > 1 else said


def rests_on(results: Results) -> Prose:
    """What the fused models lose without their clinical columns, and what carries their decisions."""
    return [
        "Clinical columns shuffled between held-out subjects: with all of them (`fused_all`), the model loses an AUC "
        "of ",
        lost(results, "fused_all", "by_values"),
        " by the values, and ",
        lost(results, "fused_all", "by_recording"),
        " more when it is shuffled, too, which cells are recorded (below 0: gained). Of its decisions (SHAP values, as "
        "absolute log-odds) cells that are not recorded carry ",
        results.number(FILE, "fused_all", "shap_share_not_recorded", form=percent),
        " and the voice ",
        results.number(FILE, "fused_all", "shap_share_voice", form=percent),
        ". With the columns that both groups have (`fused_common`) the model loses ",
        lost(results, "fused_common", "by_values"),
        " and ",
        lost(results, "fused_common", "by_recording"),
        "; the shares are ",
        results.number(FILE, "fused_common", "shap_share_not_recorded", form=percent),
        " and ",
        results.number(FILE, "fused_common", "shap_share_voice", form=percent),
        ".",
    ]


def dead_bands(results: Results) -> Prose:
    """What the voice model loses without the bands that hold no voice, and whether this run masks them.

    Empty where the image holds MFCCs.
    """
    share = results.json(FILE, "dead_bands", "share_of_image")
    if not share:
        return [] if share is None else ["No mel band lies above a recording’s bandwidth: each may hold voice."]
    said: list[Part] = [
        "Mel bands above a recording’s bandwidth hold no voice, only noise: ",
        results.number(FILE, "dead_bands", "share_of_image", form=percent),
        " of the image. ",
    ]
    masked = results.params["spectrogram"]["mask_dead_bands"]
    said.append(SEEN[masked])
    if costliest_is_dead(results):
        said += [
            "**The costliest band of all lies there**: hiding ",
            results.number(FILE, "costliest_band", "from_hz", form=whole),
            " to ",
            results.number(FILE, "costliest_band", "to_hz", form=whole),
            " Hz, above the bandwidth of ",
            results.number(FILE, "costliest_band", "share_dead", form=percent),
            " of the recordings, costs the voice model most, an AUC of ",
            results.number(FILE, "costliest_band", "auc_drop", form=three),
            ". ",
        ]
    said += [
        "With all of these bands hidden, the voice model loses an AUC per subject of ",
        results.estimate(FILE, "dead_bands", "auc_drop", form=three),
        " and its log loss rises by ",
        results.estimate(FILE, "dead_bands", "log_loss_rise", form=three),
        " (below 0: it gains, it falls).",
    ]
    content = ("findings", "dead_bands", "content")
    if results.json(AUDIT, *content):
        said += [
            " The audit’s finding on the level of the noise there, as a predictor of the label: ",
            badge(results, AUDIT, *content, "verdict"),
            ", AUC ",
            results.estimate(AUDIT, *content),
            ".",
        ]
    return said


def costliest_is_dead(results: Results) -> bool:
    """Whether the band that costs most when hidden lies above the bandwidth of most recordings."""
    share, lost = (results.number(FILE, "costliest_band", name).value or 0.0 for name in ("share_dead", "auc_drop"))
    return share > 0.5 and lost > 0


def lost(results: Results, model: str, by: str) -> Number:
    """The AUC that a model loses when all clinical columns are shuffled, with its interval."""
    table = results.table(PERMUTED) if PERMUTED in results else pd.DataFrame(columns=["model", "group"])
    found = table[(table["model"] == model) & (table["group"] == ALL_COLUMNS)].to_dict("records")
    told = found[0] if found else {}
    where = f"{model}, {ALL_COLUMNS}: {by}"
    return with_interval(told.get(by), told.get(f"{by}_low"), told.get(f"{by}_high"), PERMUTED, where)


def numbers(results: Results) -> Table:
    """Every headline number of the explanations."""

    def ends(part: str, low: str, high: str, form: Form) -> Cell:
        return [results.number(FILE, part, low, form=form), " to ", results.number(FILE, part, high, form=form)]

    rows: list[list[Cell]] = [
        ["Costliest band of frequencies (Hz)", ends("costliest_band", "from_hz", "to_hz", whole)],
        ["AUC lost when that band is hidden", results.number(FILE, "costliest_band", "auc_drop", form=three)],
        ["Costliest stretch (share of the recording)", ends("costliest_stretch", "from_share", "to_share", three)],
        ["AUC lost when that stretch is hidden", results.number(FILE, "costliest_stretch", "auc_drop", form=three)],
        [
            "Area between random deletion and deletion by integrated gradients (log-odds; above 0: the map points at "
            "what matters)",
            results.estimate(FILE, "deletion_less_than_random", form=three, value="area"),
        ],
        [
            "Largest gap between the sum of integrated gradients and the log-odds that they share out",
            results.number(FILE, "completeness_missed", form=lambda gap: f"{gap:.4f}"),
        ],
    ]
    for method in results.json(FILE, "sanity") or {}:
        keys = ("sanity", method)
        rows.append(
            [
                f"Likeness of maps by {METHODS.get(method, method)} to those of random weights",
                [
                    results.number(FILE, *keys, "likeness", form=three),
                    " ",
                    badge(results, FILE, *keys, "verdict", kinds=KINDS),
                ],
            ]
        )
    for model in ("fused_common", "fused_all"):
        for key, (words, form) in OF_MODELS.items():
            rows.append([f"{model.replace('_', ' ')}: {words}", results.number(FILE, model, key, form=form)])
    return Table("explained", "Explanations in numbers", ["What", "Value"], rows, folded=True)


OF_MODELS: dict[str, tuple[str, Form]] = {
    "auc_lost_by_values": ("AUC lost, clinical values shuffled", three),
    "auc_lost_by_recording": ("AUC lost more, cells recorded shuffled", three),
    "shap_share_not_recorded": ("share of cells not recorded in the SHAP values", percent),
    "shap_share_voice": ("share of the voice in the SHAP values", percent),
}


def _told(results: Results, *keys: str, form: Callable[[float], str] = two) -> str:
    number: Number = results.number(FILE, *keys, form=form)
    return number.text if number.value is not None else "not defined"


def _sanity(results: Results) -> str:
    told = ", ".join(
        f"{METHODS.get(method, method)} {_told(results, 'sanity', method, 'likeness')}"
        for method in results.json(FILE, "sanity") or {}
    )
    return f"Likeness of the maps to those of a network with randomised weights (1: the same): {told}."


def _maps(by: str) -> Callable[[Results], str]:
    def alternative(results: Results) -> str:
        methods = results.json(FILE, "sanity") or {}
        told = ", ".join(f"{METHODS.get(name, name)} {methods[name].get('verdict')}" for name in methods)
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
    area, low, high = (_told(results, "deletion_less_than_random", key) for key in ("area", "low", "high"))
    return (
        "Deletion curves: the effect left as pixels are removed, by each map’s order and at random. The area between "
        f"random and integrated gradients is {area} ({low} to {high}); above 0 the map points at what matters."
    )


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


FIGURES: dict[str, tuple[str, str, Callable[[Results], str]]] = {
    "sanity": ("Sanity check of the maps", "plots/explain/sanity.csv", _sanity),
    "maps_by_class": ("Mean maps by class", FILE, _maps("class")),
    "maps_by_task": ("Mean maps by task and class", FILE, _maps("task and class")),
    "occlusion": ("Occlusion by frequency and time", "plots/explain/occlusion_frequency.csv", _occlusion),
    "deletion": ("Deletion curves", "plots/explain/deletion.csv", _deletion),
    "permutation": ("Permutation importance of clinical columns", PERMUTED, _permutation),
    "shap": ("SHAP shares of the fused models", "plots/explain/shap_groups.csv", _shap),
}
