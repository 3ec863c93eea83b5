"""What the audit found, and what holds of the paper's claims."""

from bulbar.report import alternative_texts
from bulbar.report.elements import Cell, Figure, Number, Section, Table
from bulbar.report.results import Results, three, whole, with_interval
from bulbar.report.verdict import AUDIT, badge, level

MEANING = (
    "**Leak**: the score can be had from this, and it is no sign of the disease. **Suspect**: look closer before "
    "quoting the score. **Clear**: nothing found. **Sign**: may be the disease itself. **Confounder**: neither voice "
    "nor disease."
)
CLAIM_KINDS = {"held": "good", "not held": "bad", "not testable": "neutral"}
FIGURES = {
    "told_from": "What tells the label by itself",
    "shuffles": "Labels shuffled between subjects",
    "table_4_folds": "The paper’s Table 4 as fractions of one fold",
}


def section(results: Results) -> Section:
    """Findings, figures and claims."""
    drawn = [
        Figure(f"plots/audit/{name}.png", title, alternative_texts.OF_AUDIT[name](results), AUDIT)
        for name, title in FIGURES.items()
    ]
    return Section(
        "audit", "Audit: how much of the score is real", [[MEANING], findings(results), *drawn, claims(results)]
    )


def findings(results: Results) -> Table:
    """A row per finding, the gravest first."""
    gravity = ["leak", "suspect", "confounder", "sign", "clear"]
    found = [
        (probe, of, told)
        for probe, looked_at in (results.json(AUDIT, "findings") or {}).items()
        for of, told in looked_at.items()
    ]
    found.sort(key=lambda each: gravity.index(each[2]["verdict"]))
    rows: list[list[Cell]] = []
    for probe, of, told in found:
        keys = ("findings", probe, of)
        form = whole if isinstance(told["value"], int) else three
        value = with_interval(told["value"], told["low"], told["high"], AUDIT, ".".join([*keys, "value"]), form)
        rows.append(
            [
                f"{probe.replace('_', ' ')}: {of}",
                badge(results, AUDIT, *keys, "verdict"),
                told["sentence"],
                value,
                told["figure"],
                results.number(AUDIT, *keys, "p", form=three),
            ]
        )
    columns = ["Finding", "Verdict", "What it says", f"Value ({level(results).text} interval)", "Of what", "p"]
    return Table("findings", "Findings of the audit, on this run and on the paper’s own tables", columns, rows)


def claims(results: Results) -> Table:
    """A row per claim and whose numbers it is held against."""
    rows: list[list[Cell]] = []
    for name, claim in (results.json(AUDIT, "claims") or {}).items():
        for against, told in claim.items():
            if not isinstance(told, dict):
                continue
            keys = ("claims", name, against)
            rows.append(
                [
                    f"“{claim['quote']}” ({claim['section']})",
                    against.replace("_wise,", "_wise:"),
                    badge(results, AUDIT, *keys, "verdict", kinds=CLAIM_KINDS),
                    told["because"],
                    value_of_claim(told, keys),
                    told["figure"],
                ]
            )
    columns = ["Claim of the paper", "Held against", "Verdict", "Because", "Value", "Of what"]
    return Table("claims", "The paper’s claims one by one", columns, rows, folded=True)


def value_of_claim(told: dict[str, float | None], keys: tuple[str, ...]) -> Number:
    """The figure that a claim is held against, as a share or as it is."""
    key = ".".join([*keys, "value"])
    return with_interval(told["value"], told["low"], told["high"], AUDIT, key, three)
