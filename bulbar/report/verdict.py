"""What a run amounts to, in three sentences made of its numbers."""

from collections import Counter

from bulbar.report.elements import Number, Part, Prose, Section, Verdict
from bulbar.report.results import Results, percent, shown, three, two, whole

EVALUATE, AUDIT = "metrics/evaluate.json", "metrics/audit.json"
PAPER_5 = "reference/als_table5_modalities.csv"
KINDS = {"leak": "bad", "suspect": "doubtful", "confounder": "doubtful", "sign": "neutral", "clear": "good"}


def section(results: Results) -> Section:
    """The three sentences."""
    return Section("verdict", "Verdict", sentences(results))


def sentences(results: Results) -> list[Prose]:
    """What the paper's protocol gives; what the split by subject gives; what the audit found."""
    return [by_recording(results), by_subject(results), audited(results)]


def level(results: Results) -> Number:
    """Of every interval, such as `95 %`."""
    return shown(results.params["bootstrap"]["level"], "params.yaml", "bootstrap.level", lambda one: f"{100 * one:g} %")


def paper_accuracy(results: Results, modality: str) -> Number:
    """The accuracy that the paper states for a modality."""
    table = results.table(PAPER_5).set_index("modality")["accuracy"].to_dict()
    return shown(table.get(modality), PAPER_5, f"{modality}: accuracy", lambda value: f"{value:g} %")


def by_recording(results: Results) -> Prose:
    """What the paper's protocol gives, beside the paper's own figures and the majority baseline."""

    def accuracy(*keys: str) -> Number:
        return results.number(EVALUATE, "record_wise", *keys, form=percent)

    return [
        "Split by recording, as the paper did, the selected network calls ",
        accuracy("selected", "audio_accuracy"),
        " of the reported fold’s recordings right from voice alone and ",
        accuracy("selected", "fused_all_accuracy"),
        " with all clinical columns; the paper states ",
        paper_accuracy(results, "audio"),
        " and ",
        paper_accuracy(results, "audio+clinical"),
        ", and calling everyone the majority is right for ",
        accuracy("majority_accuracy"),
        ".",
    ]


def by_subject(results: Results) -> Prose:
    """What the split by subject gives, with its interval, against chance and the majority."""
    selected = ("subject_wise", "selected")
    auc, low, high = (
        results.number(EVALUATE, *selected, f"audio_subject_auc{end}", form=two) for end in ("", "_low", "_high")
    )
    return [
        "Split by subject, as a clinic would meet the model, voice alone tells patients from controls with an AUC per "
        "subject of ",
        auc,
        " (",
        level(results),
        " interval ",
        low,
        " to ",
        high,
        f"; chance is 0.50), {against_chance(low.value, high.value)}, and calls ",
        results.number(EVALUATE, *selected, "audio_accuracy", form=percent),
        " of the recordings right, against ",
        results.number(EVALUATE, "subject_wise", "majority_accuracy", form=percent),
        " for the majority.",
    ]


def against_chance(low: float | None, high: float | None) -> str:
    """What an interval of an AUC says of chance."""
    if low is None or high is None:
        return "of which no interval can be given"
    if low > 0.5:
        return "better than chance"
    return "worse than chance" if high < 0.5 else "not shown to be better than chance"


def audited(results: Results) -> Prose:
    """How many findings the audit has, by verdict, and which are leaks."""
    findings = results.json(AUDIT, "findings") or {}
    flat = {(probe, of): found for probe, looked_at in findings.items() for of, found in looked_at.items()}
    counts = Counter(found["verdict"] for found in flat.values())
    sentence: list[Part] = [
        "The audit of this run and of the paper’s own tables has ",
        Number(f"{len(flat)} findings", None, AUDIT, "findings"),
        ": ",
        Number(counted("leak", counts["leak"]), None, AUDIT, "findings"),
        " and ",
        Number(counted("suspect", counts["suspect"]), None, AUDIT, "findings"),
    ]
    leaks = [where for where, found in flat.items() if found["verdict"] == "leak"]
    if leaks:
        sentence.append("; the score can be had without hearing a disease by ")
    for place, (probe, of) in enumerate(leaks):
        sentence += [
            ", " if place else "",
            f"{probe.replace('_', ' ')} ({of.replace('_', ' ')}: {findings[probe][of]['figure'].split(',')[0]} ",
            finding_value(results, probe, of),
            ")",
        ]
    return [*sentence, "."]


def counted(word: str, count: int) -> str:
    """`1 leak`, `3 leaks`, `no leak`."""
    return f"{count or 'no'} {word}{'s' if count > 1 else ''}"


def finding_value(results: Results, probe: str, of: str) -> Number:
    """The figure of a finding: a share or an AUC; counts as such."""
    value = results.json(AUDIT, "findings", probe, of, "value")
    return shown(value, AUDIT, f"findings.{probe}.{of}.value", whole if isinstance(value, int) else three)


def badge(results: Results, file: str, *keys: str, kinds: dict[str, str] = KINDS) -> Verdict:
    """A verdict as a coloured word."""
    word = results.json(file, *keys) or "–"
    return Verdict(word, kinds.get(word, "neutral"), file, ".".join(keys))
