"""Write snapshot.txt anew: `python -m tests.broken_inputs`."""

import tempfile
from pathlib import Path

from tests.broken_inputs.every import CASES
from tests.broken_inputs.trials import SNAPSHOT, Trials, snapshot

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        SNAPSHOT.write_text(snapshot(CASES, Trials(Path(place))), encoding="utf-8")
    print(f"{len(CASES)} inputs: {SNAPSHOT}")
