"""params.yaml: read once; each block is checked before any work starts."""

from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, NonNegativeInt

from bulbar.core.settings import Model, Strict, checked, classes_of, read_settings_file


def params() -> dict[str, Any]:
    """All of params.yaml. Raises BadInput if it is missing, is not YAML, or contains anything but settings."""
    return read_settings_file(Path("params.yaml"))


def pinned_versions(file: Path = Path("requirements.txt")) -> dict[str, str]:
    """Package -> version, from requirements.txt, in the folder above for a study in a folder of its own."""
    lines = file.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if "==" in line]
    return {name: version for name, version in pairs}


def settings(block: str, model: type[Model]) -> Model:
    """One block of params.yaml, checked. An unknown key or an impossible value is reported before any work starts.

    block: such as `audio`, or `external.cohort` for a block inside another one.
    """
    found: Any = params()
    for name in block.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return checked(found, model, f"params.yaml: {block}")


class SeedSettings(Strict):
    """The settings at the top of every pipeline's params.yaml, shared by all stages."""

    model_config = ConfigDict(extra="ignore")

    seed: NonNegativeInt


class StudySettings(SeedSettings):
    """The settings at the top of the ALS pipeline's params.yaml."""

    positive_class: Literal["ALS", "HC"]

    @property
    def classes(self) -> tuple[str, str]:
        """The classes of labels 0 and 1."""
        return classes_of(self.positive_class)


def study_seed() -> int:
    """`seed` of params.yaml, checked."""
    return checked(params(), SeedSettings, "params.yaml:").seed


def study_settings() -> StudySettings:
    """`seed` and `positive_class` of params.yaml, checked."""
    return checked(params(), StudySettings, "params.yaml:")
