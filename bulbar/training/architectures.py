"""Descriptions of the networks, without building them: their inputs, layers and cost.

`Network` is for the ALS paper, with the ten CNNs of its Table 1; `SequenceNetwork` is for the gender paper, on
sequences of frames.
"""

from dataclasses import dataclass
from functools import singledispatch
from typing import Literal

Pooling = Literal["max", "average"]
Output = Literal["softmax", "sigmoid"]


@dataclass(frozen=True)
class Architecture:
    """One row of Table 1: a 3 × 3 convolution for each entry of `filters`, each followed by 2 × 2 pooling."""

    code: str
    filters: tuple[int, ...]
    pooling: Pooling


_FILTERS = (16, 32, 64, 128, 256)

#: Table 1 of Switrayana et al. 2025: S1 to S5 have one to five convolutions; A is max pooling, B average pooling.
ARCHITECTURES: dict[str, Architecture] = {
    f"S{depth}{letter}": Architecture(f"S{depth}{letter}", _FILTERS[:depth], pooling)
    for depth in range(1, 6)
    for letter, pooling in zip("AB", Pooling.__args__, strict=True)  # type: ignore[attr-defined]
}


@dataclass(frozen=True)
class Network:
    """Inputs and output of a network. The networks of Table 1 have an image branch only, that of Figure 9 has both.

    Parameters
    ----------
    architecture : Architecture or None
        Image branch; None for a network without one.
    image_shape : (int, int)
        (mel, frame).
    n_clinical : int
        Number of features of the tabular branch; 0 for a network without one.
    clinical_dropout_rate : float in [0, 1)
        Dropout rate of the tabular branch.
    output : {"softmax", "sigmoid"}
    """

    architecture: Architecture | None
    image_shape: tuple[int, int]
    n_clinical: int = 0
    clinical_dropout_rate: float = 0.3
    output: Output = "sigmoid"

    @property
    def name(self) -> str:
        """Readable name: `S1B`, `clinical` or `fused_S1B`."""
        if self.architecture is None:
            return "clinical"
        return f"fused_{self.architecture.code}" if self.n_clinical else self.architecture.code

    @property
    def sees_features(self) -> bool:
        """Whether the network uses the feature array."""
        return self.architecture is not None


Kind = Literal["cnn", "lstm", "lstm_cnn", "cnn_lstm"]
KINDS: tuple[Kind, ...] = ("cnn", "lstm", "lstm_cnn", "cnn_lstm")


@dataclass(frozen=True)
class SequenceNetwork:
    """The networks of the gender paper (Kavitha et al.). What the paper does not state is our choice.

    Parameters
    ----------
    kind : {"cnn", "lstm", "lstm_cnn", "cnn_lstm"}
        `lstm_cnn` is Figure 1: an LSTM over the frames, convolutions over the stacked outputs of all steps, Dense.
        `cnn_lstm` has the opposite order, as in the paper's introduction. `cnn` has only the convolutions, `lstm` is
        Figure 1 without convolutions.
    image_shape : (int, int)
        (row, frame).
    filters : int
        Filters of the first 3 × 3 convolution; doubled from each to the next. Each is followed by 2 × 2 max pooling.
    lstm_units : int
        Units of each LSTM.
    n_layers : int
        Number of convolutions; for `lstm`, of LSTM layers.
    dense_units : int
        Units of the layer before the output.
    output : {"sigmoid"}
        One sigmoid unit.
    """

    kind: Kind
    image_shape: tuple[int, int]
    filters: int = 16
    lstm_units: int = 32
    n_layers: int = 2
    dense_units: int = 64
    output: Output = "sigmoid"

    @property
    def name(self) -> str:
        """Readable name such as `lstm_cnn_16x2_32`: filters x convolutions, then LSTM units."""
        parts = {
            "cnn": f"{self.filters}x{self.n_layers}",
            "lstm": f"{self.lstm_units}x{self.n_layers}",
        }
        return f"{self.kind}_{parts.get(self.kind, f'{self.filters}x{self.n_layers}_{self.lstm_units}')}"

    @property
    def sees_features(self) -> bool:
        """Whether the network uses the feature array."""
        return True

    @property
    def convolutions(self) -> tuple[int, ...]:
        """Filters of each convolution."""
        return () if self.kind == "lstm" else tuple(self.filters << layer for layer in range(self.n_layers))

    @property
    def convolved_shape(self) -> tuple[int, int]:
        """Shape (row, column) of the input of the convolutions: the features, or the stacked outputs of an LSTM."""
        rows, frames = self.image_shape
        return (frames, self.lstm_units) if self.kind == "lstm_cnn" else (rows, frames)


AnyNetwork = Network | SequenceNetwork


@singledispatch
def cost(network: AnyNetwork) -> tuple[int, int]:
    """Multiply-adds of one image's forward pass, and the number of weights.

    For a `Network` only the image branch up to Dense 256 counts; for a `SequenceNetwork` everything.
    """
    raise TypeError(f"a network expected, got {type(network).__name__}")


@cost.register
def _(network: Network) -> tuple[int, int]:
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


@cost.register
def _(network: SequenceNetwork) -> tuple[int, int]:
    rows, frames = network.image_shape
    multiply_adds = weights = 0

    def lstm(steps: int, inputs: int) -> None:
        nonlocal multiply_adds, weights
        units = network.lstm_units
        multiply_adds += steps * 4 * units * (inputs + units)
        weights += 4 * units * (inputs + units + 1)

    if network.kind == "lstm":
        for layer in range(network.n_layers):
            lstm(frames, network.lstm_units if layer else rows)
        flat = frames * network.lstm_units
    else:
        if network.kind == "lstm_cnn":
            lstm(frames, rows)
        (height, width), channels = network.convolved_shape, 1
        for filters in network.convolutions:
            multiply_adds += height * width * 9 * channels * filters
            weights += 9 * channels * filters + filters
            height, width, channels = height // 2, width // 2, filters
        flat = height * width * channels
        if network.kind == "cnn_lstm":
            lstm(width, height * channels)
            flat = width * network.lstm_units
    dense = network.dense_units
    return multiply_adds + (flat + 1) * dense, weights + (flat + 1) * dense + dense + 1
