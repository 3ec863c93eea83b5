from pathlib import Path

import pandas as pd
import pytest

from bulbar.training.architectures import ARCHITECTURES, Network, cost

TABLE_1 = pd.read_csv(Path(__file__).parents[2] / "reference/als_table1_architectures.csv", index_col="code")


def test_the_ten_are_table_1s():
    assert list(ARCHITECTURES) == list(TABLE_1.index)


@pytest.mark.parametrize("code", TABLE_1.index)
def test_the_multiply_adds_are_those_of_the_closed_form(code):
    """Of 128 × 128 images; filters, pooling and weights are compared in test_networks."""
    depth = int(TABLE_1.loc[code, "conv_layers"])
    channels, after_convolution, after_pooling = (1, 16, 32, 64, 128, 256), (126, 61, 28, 12, 4), (63, 30, 14, 6, 2)
    by_hand = sum(after_convolution[n] ** 2 * 9 * channels[n] * channels[n + 1] for n in range(depth))
    flat = after_pooling[depth - 1] ** 2 * channels[depth]
    assert cost(Network(ARCHITECTURES[code], (128, 128)))[0] == by_hand + flat * 256


def test_a_network_without_images_costs_nothing_of_the_image_branch():
    assert cost(Network(None, (128, 128), n_clinical=4)) == (0, 0)


def test_networks_have_names_for_people():
    s1b = ARCHITECTURES["S1B"]
    assert Network(s1b, (128, 128)).name == "S1B"
    assert Network(s1b, (128, 128), n_clinical=3).name == "fused_S1B"
    assert Network(None, (128, 128), n_clinical=3).name == "clinical"
