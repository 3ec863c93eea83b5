"""Check params.yaml as a whole, before any work starts: what a late stage would refuse is reported hours earlier.

Each stage still checks the blocks that it reads. What this one writes never changes, so a changed param makes those
stages stale that read it, and no other.
"""

from bulbar.core.atomic_write import write_text
from stages.parts import all_params
from stages.parts.params import params
from stages.parts.places import stage_folder
from stages.parts.run import run

DONE = "params.yaml is sound as a whole.\n"


def main(pipeline: str = "als") -> None:
    """Check params.yaml of `als` or `gender`, and write that it is sound."""
    found = params()
    all_params.check(found, pipeline)
    write_text(DONE, stage_folder("params.txt"))
    print(f"params.yaml: {len(found)} blocks are sound")


if __name__ == "__main__":
    run(main)
