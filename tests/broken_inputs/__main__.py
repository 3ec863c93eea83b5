"""Write docs/broken_inputs.md anew: `python -m tests.broken_inputs`."""

import tempfile
from pathlib import Path

from tests.broken_inputs import page
from tests.broken_inputs.every import CASES
from tests.broken_inputs.trials import Trials
from tests.projects import ROOT

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        text = page.write(CASES, Trials(Path(place)))
    page.PAGE.parent.mkdir(exist_ok=True)
    page.PAGE.write_text(text, encoding="utf-8")
    print(f"{len(CASES)} inputs: {page.PAGE.relative_to(ROOT)}")
