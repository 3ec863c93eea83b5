"""The `explain` block of params.yaml."""

from typing import Literal

from pydantic import Field

from bulbar.core.settings import MOST, Count, Strict


class Settings(Strict):
    """How the networks are explained.

    baseline: what an image is compared with, and what stands where a part of it is hidden: the mean image of the fold's
    training recordings, or the floor, which is silence. steps: points on the way from there to the image.
    bands, stretches: equal parts of the image's height and length that are hidden one at a time. randomised: images of
    a fold, at most, whose maps are made again with random weights. deletions: steps of a deletion curve. shuffles: of
    each group of clinical columns between held-out subjects. background: training recordings that stand in for a
    clinical column that is left out.
    """

    baseline: Literal["training_mean", "floor"] = "training_mean"
    steps: Count = 16
    bands: Count = 8
    stretches: Count = 8
    randomised: Count = 10
    deletions: int = Field(default=20, ge=2, le=MOST)
    shuffles: Count = 50
    background: Count = 25
