"""Write the HTML page and the summary for a pull request, from files in git: metrics, plots, params, references."""

from pathlib import Path

from bulbar.core.atomic_write import write_text
from bulbar.report import page
from bulbar.report.results import Results
from stages.parts.params import params, pinned_versions
from stages.parts.run import run

READ = (
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
)
"""The files and folders that the page is made from."""

OUT = Path("report")


def main() -> None:
    """Write report/index.html and report/summary.md."""
    found = Results(files(), params(), pinned_versions())
    written = {"index.html": page.html(found), "summary.md": page.markdown(found)}
    for name, text in written.items():
        write_text(text, OUT / name)
    sizes = {name: len(text.encode()) for name, text in written.items()}
    print(f"{OUT}/index.html {sizes['index.html'] / 1e6:.1f} MB, {OUT}/summary.md {sizes['summary.md'] / 1e3:.1f} kB")


def files() -> dict[str, bytes]:
    """Path -> content of every file that the page is made from."""
    found = [path for name in READ for path in ([Path(name)] if Path(name).is_file() else sorted(Path(name).iterdir()))]
    return {path.as_posix(): path.read_bytes() for path in found}


if __name__ == "__main__":
    run(main)
