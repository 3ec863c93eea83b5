"""Audit: how much of the scores is real? All probes, and the claims of the paper one by one."""

from pathlib import Path

from bulbar.audit import figures, label_shuffle, page
from bulbar.audit.finding import Settings
from bulbar.core.atomic_write import write_text
from bulbar.core.files import read_table, save, write_json
from bulbar.paper import claims_page, tables
from bulbar.paper.figures import folds_of_table_4
from stages.parts import probes
from stages.parts.params import settings
from stages.parts.places import cohort_in_words, metrics_file
from stages.parts.run import run
from stages.parts.study import TABLE_4

PLOTS = Path("plots/audit")


def main() -> None:
    """Read the results of the run and reference/; write metrics/audit.json, metrics/audit.md and plots/audit/."""
    inputs = probes.read_inputs(settings("audit", Settings).shuffles)
    voices = probes.voices_of(inputs)
    shuffled = probes.labels_shuffled(inputs, voices)
    study = inputs.studies["record_wise"]
    of_run = [
        *probes.probe_data(inputs, voices),
        *label_shuffle.findings(shuffled),
        *probes.labels_within_a_class(inputs, voices),
        *probes.probe_sweep(inputs),
    ]
    of_paper = probes.probe_paper(study.classes)
    findings = [*of_run, *of_paper]
    checked = probes.check_claims(inputs)

    cohort = cohort_in_words()
    save(figures.label_probes(of_run, f"Inputs that alone predict the label · {cohort}"), PLOTS / "label_probes.png")
    save(figures.nothing_to_learn(shuffled, f"Labels shuffled between subjects · {cohort}"), PLOTS / "shuffles.png")
    write_json(
        {"synthetic": study.synthetic, "findings": page.metrics(findings), "claims": claims_page.metrics(checked)},
        metrics_file("audit"),
    )
    save(folds_of_table_4(tables.paper_by_cell(read_table(TABLE_4))), PLOTS / "table_4_folds.png")
    text = (
        f"# Audit, {cohort}\n\n{page.markdown(of_run, of_paper)}\n"
        f"## The paper's claims, {cohort}\n\n{claims_page.markdown(checked)}"
    )
    write_text(text, metrics_file("audit").with_suffix(".md"))
    print(f"{len(findings)} findings: {page.counted(findings)}; {len(checked)} claims")


if __name__ == "__main__":
    run(main)
