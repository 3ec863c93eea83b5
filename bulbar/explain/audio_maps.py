"""All explanations of one fold's audio network for its held-out recordings, in a separate process."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bulbar.core.digests import seed_of
from bulbar.explain.settings import Settings
from bulbar.training import backend

METHODS = ("integrated_gradients", "grad_cam")


@dataclass(frozen=True, eq=False)
class ImageFold:
    """A fold's network and the images that it was not trained on.

    Parameters
    ----------
    model : Path
        The `.keras` file.
    images : array, shape (n, mel, frame)
        Held-out images.
    dead : bool array, shape (n, mel)
        Mel bands that contain no voice.
    names : sequence of str
        Name of each image; its random seeds derive from it.
    baseline : array, shape (mel, frame)
        Replaces hidden parts, and is the start of integrated gradients.
    backend : str
        Keras backend.
    """

    model: Path
    images: np.ndarray
    dead: np.ndarray
    names: Sequence[str]
    baseline: np.ndarray
    backend: str
    seed: int
    settings: Settings


@dataclass(frozen=True, eq=False)
class ExplainedImages:
    """Explanations, one row per image, in log-odds of the positive class.

    Parameters
    ----------
    log_odds : array, shape (n,)
        Output of the network.
    missed : array, shape (n,)
        Numerical error of the integrated gradients.
    maps : dict
        method -> array, shape (n, mel, frame); Grad-CAM is rectified.
    bands, stretches : array, shape (n, parts)
        Log-odds with each frequency band or time segment hidden.
    without_dead : array, shape (n,)
        Log-odds with all dead bands hidden.
    deleted : dict
        order -> deletion curves, shape (n, deletions + 1).
    likeness : dict
        (method, level of randomisation) -> array, shape (n, 3); NaN for images outside the sample of the sanity check.
    """

    log_odds: np.ndarray
    missed: np.ndarray
    maps: dict[str, np.ndarray]
    bands: np.ndarray
    stretches: np.ndarray
    without_dead: np.ndarray
    deleted: dict[str, np.ndarray]
    likeness: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)


def explain(fold: ImageFold) -> ExplainedImages:
    """Explain one network on its images. Raises NotImplementedError for a Keras backend without gradients."""
    backend.start(fold.backend)
    import keras

    from bulbar.explain import perturbation, sanity
    from bulbar.explain.gradients import completeness, grad_cam, integrated_gradients, log_odds, predict_log_odds

    network = log_odds(keras.models.load_model(fold.model, compile=False))
    images, baseline, settings = fold.images, fold.baseline, fold.settings

    def maps_of(network: keras.Model, images: np.ndarray) -> dict[str, np.ndarray]:
        return {
            "integrated_gradients": integrated_gradients(network, images, baseline=baseline, steps=settings.steps),
            "grad_cam": grad_cam(network, images, rectified=False),
        }

    maps = maps_of(network, images)
    seeds = [seed_of(fold.seed, f"deletion/{name}") for name in fold.names]
    random = np.stack([perturbation.random_attributions(baseline.shape, seed) for seed in seeds])
    random *= perturbation.directions(network, images, baseline)[:, np.newaxis, np.newaxis]
    found = ExplainedImages(
        log_odds=predict_log_odds(network, images),
        missed=completeness(network, images, maps["integrated_gradients"], baseline=baseline),
        maps={"integrated_gradients": maps["integrated_gradients"], "grad_cam": np.maximum(maps["grad_cam"], 0)},
        bands=perturbation.hidden(network, images, baseline, axis=0, parts=settings.bands),
        stretches=perturbation.hidden(network, images, baseline, axis=1, parts=settings.stretches),
        without_dead=perturbation.hidden_bands(network, images, baseline, fold.dead),
        deleted={
            order: perturbation.curves(network, images, baseline, attributions, steps=settings.deletions)
            for order, attributions in {**maps, "random": random}.items()
        },
    )
    seed = seed_of(fold.seed, f"sanity/{fold.model.stem}")
    some = np.sort(np.random.default_rng(seed).permutation(len(images))[: settings.randomised])
    for level in sanity.randomised(network, seed):
        for method, randomised in maps_of(network, images[some]).items():
            likeness = np.full((len(images), len(sanity.MEASURES)), np.nan)
            likeness[some] = sanity.likeness(maps[method][some], randomised)
            found.likeness[method, level] = likeness
    return found
