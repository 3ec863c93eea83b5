"""Write the deployed models as LiteRT: `python -m stages.export FOLDER`. No stage of dvc.yaml."""

import shutil
import sys
from pathlib import Path

from bulbar.errors import BadInput, Problem
from stages.predict import quiet, read_settings


def main(out: str = "", model: str = "models/deployed") -> None:
    """Write each network of the folder `model` as `.tflite` into the folder `out`, and settings.json beside them."""
    if not out:
        remedy = "`python -m stages.export exported`; a second folder names other models than models/deployed"
        raise BadInput([Problem("stages.export", "the folder to write into", "none", remedy)])
    deployed = read_settings(Path(model))
    with quiet():
        from bulbar.deployment.litert import to_litert

        for name in deployed.models:
            for fold in deployed.folds:
                network = Path(name) / f"fold_{fold}.keras"
                to_litert(Path(model) / network, Path(out) / network.with_suffix(".tflite"))
    shutil.copyfile(Path(model) / "settings.json", Path(out) / "settings.json")
    print(f"{len(deployed.models) * len(deployed.folds)} networks in {out}, with settings.json")


def run() -> None:
    """Export for the command line; what is wrong with the input is printed without a traceback, exit code 1."""
    try:
        main(*sys.argv[1:])
    except BadInput as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    run()
