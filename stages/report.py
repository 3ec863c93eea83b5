"""Write the HTML page and the summary for a pull request, from files in git: metrics, plots, params, references."""

from pathlib import Path

from bulbar.core.atomic_write import write_text
from bulbar.report import als, gender, page
from bulbar.report.results import Results
from stages.parts.params import params, pinned_versions
from stages.parts.run import run

READ = {
    "als": (
        *(f"metrics/{name}.json" for name in ("audit", "evaluate", "explain", "external", "external/ingest", "ingest")),
        *(f"metrics/{name}" for name in ("appraise", "baselines", "selection", "spread", "sweep", "voice")),
        "plots/appraise/record_wise",
        "plots/appraise/subject_wise",
        "plots/audit",
        "plots/evaluate",
        "plots/explain",
        "plots/external",
        "plots/learning_curve",
        "plots/overview",
        "plots/voice/record_wise",
        "plots/voice/subject_wise",
        "reference/als_table4_accuracy.csv",
        "reference/als_table5_modalities.csv",
    ),
    "gender": (
        *(f"metrics/{name}.json" for name in ("evaluate", "ingest", "split", "subset")),
        "metrics/tune",
        "plots/evaluate",
        "plots/overview",
        "plots/tune/record_wise",
        "plots/tune/subject_wise",
    ),
}
"""Study -> the files and folders that its page is made from, as seen from the study's folder."""

STUDIES = {"als": als.STUDY, "gender": gender.STUDY}
PINNED = {"als": Path("requirements.txt"), "gender": Path("../requirements.txt")}
OUT = Path("report")


def main(study: str = "als") -> None:
    """Write report/index.html and report/summary.md of `als` or `gender`."""
    found = Results(files(study), params(), pinned_versions(PINNED[study]), PINNED[study].as_posix())
    written = {"index.html": page.html(STUDIES[study], found), "summary.md": page.markdown(STUDIES[study], found)}
    for name, text in written.items():
        write_text(text, OUT / name)
    sizes = {name: len(text.encode()) for name, text in written.items()}
    print(f"{OUT}/index.html {sizes['index.html'] / 1e6:.1f} MB, {OUT}/summary.md {sizes['summary.md'] / 1e3:.1f} kB")


def files(study: str) -> dict[str, bytes]:
    """Path -> content of every file that the page of a study is made from."""
    named = [Path(name) for name in READ[study]]
    found = [path for name in named for path in ([name] if name.is_file() else sorted(name.iterdir()))]
    return {path.as_posix(): path.read_bytes() for path in found}


if __name__ == "__main__":
    run(main)
