"""Read and check a folder of deployed models, and check that a folder is writable."""

import os
from pathlib import Path

from pydantic import ValidationError

from bulbar.core.errors import BadInput, Problem
from bulbar.core.settings import Model
from bulbar.deployment import network_file
from bulbar.deployment.deployed import NETWORKS, Deployed
from bulbar.deployment.voice_models import VoiceFolds

VOICE = "voice.json"

FAULTS = 20
"""So many of a file's faults are named at most."""

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
    deployed = _read(path, Deployed, "settings of this version")
    networks = [folder / name / f"fold_{fold}.keras" for name in NETWORKS for fold in deployed.folds]
    faulty = {path: found for path in networks if (found := network_file.fault(path))}
    problems = [Problem(str(path), "a fold's network", found, HOW_TO_GET_THEM) for path, found in faulty.items()]
    try:
        held = sorted(read_voice(folder).folds)
    except BadInput as error:
        problems += error.problems
    else:
        if held != deployed.folds:
            where, expected = str(folder / VOICE), f"voice models of the folds {deployed.folds}"
            problems.append(Problem(where, expected, f"of the folds {held}", HOW_TO_GET_THEM))
    if problems:
        raise BadInput(problems)
    return deployed


def read_voice(folder: Path) -> VoiceFolds:
    """The voice model of each fold. Raises BadInput where they are not there or not whole."""
    path = folder / VOICE
    if not path.is_file():
        raise BadInput.one(str(path), "the voice model of each fold", "no such file", HOW_TO_GET_THEM)
    return _read(path, VoiceFolds, "voice models of this version")


def _read(path: Path, kind: type[Model], expected: str) -> Model:
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        faults = [
            ": ".join([*(".".join(map(str, one["loc"])),) * bool(one["loc"]), one["msg"]]) for one in error.errors()
        ]
        raise BadInput([Problem(str(path), expected, fault, HOW_TO_GET_THEM) for fault in faults[:FAULTS]]) from None


def unwritable(out: Path) -> list[Problem]:
    """A problem if the folder `out` is not writable. It need not exist yet."""
    there = next(path for path in [out.absolute(), *out.absolute().parents] if path.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return []
    found = f"{there}: {'no permission to write' if there.is_dir() else 'a file'}"
    return [Problem(str(out), "a writable folder", found, "name another folder")]
