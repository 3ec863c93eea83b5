"""The `explain` block of params.yaml."""

from typing import Literal

from pydantic import Field

from bulbar.core.settings import MOST, Count, Strict


class Settings(Strict):
    """How the networks are explained.

    Parameters
    ----------
    baseline : {"training_mean", "floor"}
        The image that an image is compared with, and that replaces hidden parts: the mean of the fold's training
        images, or the floor, which is silence.
    steps : int
        Points between the baseline and the image for integrated gradients.
    bands, stretches : int
        Number of equal parts of the image's height and width; they are hidden one at a time.
    randomised : int
        Number of images per fold, at most, in the sanity check with random weights.
    deletions : int >= 2
        Steps of a deletion curve.
    shuffles : int
        Shuffles of each group of clinical columns between held-out subjects.
    background : int
        Training recordings that replace a left-out clinical column for SHAP.
    """

    baseline: Literal["training_mean", "floor"] = "training_mean"
    steps: Count = 16
    bands: Count = 8
    stretches: Count = 8
    randomised: Count = 10
    deletions: int = Field(default=20, ge=2, le=MOST)
    shuffles: Count = 50
    background: Count = 25
