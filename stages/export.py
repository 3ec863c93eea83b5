"""Write the deployed models as LiteRT: `python -m stages.export FOLDER`. No stage of dvc.yaml."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bulbar import error_stream
from bulbar.aside import copy_file
from bulbar.errors import BadInput
from stages.predict import read_settings, unwritable


def main(arguments: Sequence[str] | None = None) -> None:
    """Write each network of the folder `--model` as `.tflite` into a folder, and settings.json beside them."""
    asking = argparse.ArgumentParser(prog="python -m stages.export", description="The deployed models as LiteRT.")
    asking.add_argument("out", type=Path, metavar="FOLDER", help="where to write")
    asking.add_argument(
        "--model", type=Path, default=Path("models/deployed"), help="folder of the deployed models (%(default)s)"
    )
    asked = asking.parse_args(arguments)
    out, model, deployed = asked.out, asked.model, read_settings(asked.model)
    if problems := unwritable(out):
        raise BadInput(problems)
    with error_stream.silenced():
        from bulbar.deployment.litert import to_litert

        for name in deployed.models:
            for fold in deployed.folds:
                network = Path(name) / f"fold_{fold}.keras"
                to_litert(model / network, out / network.with_suffix(".tflite"))
    copy_file(model / "settings.json", out / "settings.json")
    print(f"{len(deployed.models) * len(deployed.folds)} networks in {out}, with settings.json")


def run() -> None:
    """Export for the command line; what is wrong with the input is printed without a traceback, exit code 1."""
    try:
        main()
    except BadInput as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    run()
