"""A folder of deployed models, read and checked; and whether a folder can be written into."""

import os
from pathlib import Path

from pydantic import ValidationError

from bulbar.core.errors import BadInput, Problem
from bulbar.deployment import network_file
from bulbar.deployment.deployed import Deployed

HOW_TO_GET_THEM = "`dvc repro deploy` makes them, `dvc artifacts get` fetches them from another clone: docs/predict.md"


def read_settings(folder: Path) -> Deployed:
    """The deployed models' settings. Raises BadInput where they, or a network, are not there or not whole."""
    path = folder / "settings.json"
    if not path.is_file():
        raise BadInput.one(str(path), "the settings of deployed models", "no such file", HOW_TO_GET_THEM)
    try:
        deployed = Deployed.model_validate_json(path.read_bytes())
    except ValidationError as error:
        faults = [
            ": ".join([*(".".join(map(str, one["loc"])),) * bool(one["loc"]), one["msg"]]) for one in error.errors()
        ]
        problems = [Problem(str(path), "settings of this version", fault, HOW_TO_GET_THEM) for fault in faults]
        raise BadInput(problems) from None
    networks = [folder / name / f"fold_{fold}.keras" for name in deployed.models for fold in deployed.folds]
    faulty = {path: found for path in networks if (found := network_file.fault(path))}
    if faulty:
        problems = [Problem(str(path), "a fold's network", found, HOW_TO_GET_THEM) for path, found in faulty.items()]
        raise BadInput(problems)
    return deployed


def unwritable(out: Path) -> list[Problem]:
    """A problem where no file can be written into the folder `out`, which need not be there yet."""
    there = next(path for path in [out.absolute(), *out.absolute().parents] if path.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return []
    found = f"{there}: {'no right to write' if there.is_dir() else 'a file'}"
    return [Problem(str(out), "a folder to write into", found, "name another folder")]
