"""Training in a stage: settings from params.yaml, the fit cache, and a printed estimate before the start."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bulbar.core import parallel
from bulbar.training import fit_cache
from bulbar.training.fits import Fit, Fitted, Settings, Study, digest
from stages.parts.params import params, settings
from stages.parts.places import is_synthetic


def training_settings(role: str = "main") -> Settings:
    """Training settings for a cohort.

    Only on a synthetic cohort `phantom.max_epochs` limits `train.max_epochs`, and `phantom.batch_size` replaces
    `train.batch_size`. `fusion` trains its networks of clinical columns alone without the two.
    """
    training = settings("train", Settings)
    if not is_synthetic(role):
        return training
    phantom = params()["phantom"]  # checked by the stage `phantom`
    batch_size = phantom.get("batch_size") or training.batch_size
    return training.model_copy(
        update={"max_epochs": min(training.max_epochs, phantom["max_epochs"]), "batch_size": batch_size}
    )


def train(fits: Sequence[Fit], study: Study, label: str) -> Iterator[Fitted]:
    """Print what will be trained, then yield the result of every fit in order; cached fits are not trained again."""
    computing = settings("compute", parallel.Settings)
    cache = fit_cache.FitCache(computing.fit_cache_folder)
    print(f"{label}: {fit_cache.plan(fits, study, cache, computing.n_workers)}", flush=True)
    return fit_cache.run(fits, study, cache, computing=computing, label=label)


def export_model(fit: Fit, study: Study, path: Path) -> None:
    """Copy the network of a cached fit to `path`."""
    fit_cache.FitCache(settings("compute", parallel.Settings).fit_cache_folder).export_model(digest(fit, study), path)
