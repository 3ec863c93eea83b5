"""Read and check a folder of deployed models, and check that a folder is writable."""

import os
from pathlib import Path

from pydantic import ValidationError

from bulbar.core.errors import BadInput, Problem
from bulbar.deployment import network_file
from bulbar.deployment.deployed import Deployed

HOW_TO_GET_THEM = "run `dvc repro deploy`, or get them from another clone with `dvc artifacts get`: see docs/predict.md"


def read_settings(folder: Path) -> Deployed:
    """Read the settings of deployed models, and check that each network is there and safe to load.

    Parameters
    ----------
    folder : Path
        Folder with settings.json, and MODEL/fold_K.keras for each model and fold.

    Returns
    -------
    Deployed
        The settings.

    Raises
    ------
    BadInput
        If the settings or a network are missing, damaged, or of another version.
    """
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
    """A problem if the folder `out` is not writable. It need not exist yet."""
    there = next(path for path in [out.absolute(), *out.absolute().parents] if path.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return []
    found = f"{there}: {'no permission to write' if there.is_dir() else 'a file'}"
    return [Problem(str(out), "a writable folder", found, "name another folder")]
