"""What the networks are, without building one: Table 1's ten, what each costs, and what a fit's network looks at."""

from dataclasses import dataclass
from typing import Literal

Pooling = Literal["max", "average"]
Output = Literal["softmax", "sigmoid"]


@dataclass(frozen=True)
class Architecture:
    """One row of Table 1: a convolution of 3 × 3 for each entry of `filters`, each followed by pooling of 2 × 2."""

    code: str
    filters: tuple[int, ...]
    pooling: Pooling


_FILTERS = (16, 32, 64, 128, 256)

#: Table 1 of Switrayana et al. 2025: S1 to S5 have one to five convolutions; A pools by maximum, B by average.
ARCHITECTURES: dict[str, Architecture] = {
    f"S{depth}{letter}": Architecture(f"S{depth}{letter}", _FILTERS[:depth], pooling)
    for depth in range(1, 6)
    for letter, pooling in zip("AB", Pooling.__args__, strict=True)  # type: ignore[attr-defined]
}


@dataclass(frozen=True)
class Network:
    """What a network looks at and what it says.

    architecture, image_shape: of the image branch; architecture None where there is none. n_clinical: features of the
    tabular branch; 0 where there is none. Table 1's networks have the first alone, Figure 9's has both.
    """

    architecture: Architecture | None
    image_shape: tuple[int, int]
    n_clinical: int = 0
    clinical_dropout_rate: float = 0.3
    output: Output = "sigmoid"

    @property
    def name(self) -> str:
        """A name for people: `S1B`, `clinical` or `fused_S1B`."""
        if self.architecture is None:
            return "clinical"
        return f"fused_{self.architecture.code}" if self.n_clinical else self.architecture.code


def cost(network: Network) -> tuple[int, int]:
    """Multiply-adds of one image's forward pass, and the number of weights, of the image branch up to Dense 256."""
    if network.architecture is None:
        return 0, 0
    rows, columns = network.image_shape
    channels, multiply_adds, weights = 1, 0, 0
    for filters in network.architecture.filters:
        rows, columns = rows - 2, columns - 2
        kernel = 9 * channels * filters
        multiply_adds += rows * columns * kernel
        weights += kernel + filters
        rows, columns, channels = rows // 2, columns // 2, filters
    flat = rows * columns * channels
    return multiply_adds + flat * 256, weights + flat * 256 + 256
