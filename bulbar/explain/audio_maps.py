"""All explanations of one fold's audio network for its held-out recordings, in a process of its own."""

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

    model: its `.keras` file. images: (n, mel, frame). dead: which of their mel bands hold no voice, (n, mel), bool.
    names: of each image, from which what is drawn for it derives. baseline: (mel, frame). backend: Keras'.
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
    """What came of it, a row for each image. All evidence is for the positive class, in log-odds.

    log_odds, missed: the network's output, and what the steps of its integrated gradients missed, (n,). maps: by
    method, (n, mel, frame); Grad-CAM rectified. bands, stretches: log-odds with each part hidden, (n, parts).
    without_dead: log-odds with all dead bands hidden, (n,).
    deleted: curves, by order, (n, deletions + 1). likeness: by method and level of randomisation, (n, 3); NaN where an
    image was not among those that the sanity check looked at.
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
    """Explain one network on its images. Raises NotImplementedError under a backend without gradients."""
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
    random = np.stack([perturbation.random_evidence(baseline.shape, seed) for seed in seeds])
    random *= perturbation.directions(network, images, baseline)[:, np.newaxis, np.newaxis]
    found = ExplainedImages(
        log_odds=predict_log_odds(network, images),
        missed=completeness(network, images, maps["integrated_gradients"], baseline=baseline),
        maps={"integrated_gradients": maps["integrated_gradients"], "grad_cam": np.maximum(maps["grad_cam"], 0)},
        bands=perturbation.hidden(network, images, baseline, axis=0, parts=settings.bands),
        stretches=perturbation.hidden(network, images, baseline, axis=1, parts=settings.stretches),
        without_dead=perturbation.hidden_bands(network, images, baseline, fold.dead),
        deleted={
            order: perturbation.curves(network, images, baseline, evidence, steps=settings.deletions)
            for order, evidence in {**maps, "random": random}.items()
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
