"""A made-up cohort of 14 subjects with two recordings each, read in and trained on in seconds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stages import (
    acoustic,
    conditions,
    deploy,
    folds,
    fusion,
    ingest,
    mel_spectrogram,
    preprocess_audio,
    preprocess_clinical,
    select,
    sweep,
    voice,
)
from tests import traced
from tests.projects import write_params
from tests.releases import voc_als_rows, write_voc_als

SMALL: dict[str, Any] = {
    "phantom": {"max_epochs": 3},
    "spectrogram": {"mel_bands": 20, "frames": 20},
    "folds": {"n_splits": 2},
    "sweep": {"architectures": ["S1B"], "dropout_rates": [0.3]},
    "bootstrap": {"draws": 100},
    "explain": {
        "steps": 3, "bands": 3, "stretches": 2, "randomised": 2, "deletions": 3, "shuffles": 2, "background": 2,
    },
}  # fmt: skip


def set_params(root: Path, release: Path | None = None, **blocks: Any) -> None:
    """Write the params of the small study, with blocks of a test's own, for the release below `root` or another."""
    write_params(root, **{"cohort": {"root": str(release or root / "release")}, **SMALL, **blocks})


def train(root: Path, *, swept: Sequence[str], fused: Sequence[str] = (), **blocks: Any) -> Path:
    """Run every stage up to folds; sweep and select for some protocols, and fusion for some of them."""
    rows = voc_als_rows(6, 8)
    for number, patient in enumerate(rows[6:]):  # with equal values, a filled cell would predict what any does
        patient |= {"ALSFRS-R_SpeechSubscore": number % 5, "ALSFRS-R_TotalScore": 48 - 3 * number}
    write_voc_als(root / "release", rows, tasks=("A", "PA"), duration_s=0.6)
    (root / "release/SYNTHETIC.txt").touch()
    set_params(root, **blocks)
    with pytest.MonkeyPatch.context() as patch, traced.once():
        patch.chdir(root)
        patch.setenv("BULBAR_CACHE", str(root / "fit_cache"))
        for stage in (ingest, preprocess_clinical, preprocess_audio, conditions, mel_spectrogram, folds):
            stage.main()
        for protocol in swept:
            sweep.main(protocol)
            select.main(protocol)
        for protocol in fused:
            fusion.main(protocol)
    return root


def deploy_models(root: Path) -> Path:
    """Fit the voice model of a trained study, and deploy it with the networks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        acoustic.main()
        voice.main("subject_wise")
        deploy.main()
    return root
