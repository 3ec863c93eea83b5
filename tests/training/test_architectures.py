from pathlib import Path

import pandas as pd
import pytest

from bulbar.training.architectures import ARCHITECTURES, Network, cost

TABLE_1 = pd.read_csv(Path(__file__).parents[2] / "reference/als_table1_architectures.csv", index_col="code")
LAST_SIDE = {1: 63, 2: 30, 3: 14, 4: 6, 5: 2}
"""Of a 128 × 128 image after each convolution and pooling: (128 - 2) / 2 = 63, (63 - 2) // 2 = 30, 14, 6, 2."""


def test_the_ten_are_table_1s():
    assert list(ARCHITECTURES) == list(TABLE_1.index)


@pytest.mark.parametrize("code", TABLE_1.index)
def test_filters_and_pooling_are_table_1s(code):
    printed = TABLE_1.loc[code]
    architecture = ARCHITECTURES[code]
    assert architecture.code == code
    assert len(architecture.filters) == printed["conv_layers"]
    assert list(architecture.filters) == [int(number) for number in str(printed["filters"]).split()]
    assert architecture.pooling == printed["pooling"]


@pytest.mark.parametrize("code", TABLE_1.index)
def test_the_cost_is_that_of_the_closed_form(code):
    multiply_adds, weights = cost(Network(ARCHITECTURES[code], (128, 128)))
    depth = len(ARCHITECTURES[code].filters)
    by_hand_weights = by_hand_adds = 0
    for layer, side in zip(range(depth), (126, 61, 28, 12, 4), strict=False):
        into, out = (1, 16, 32, 64, 128)[layer], (16, 32, 64, 128, 256)[layer]
        by_hand_weights += 3 * 3 * into * out + out
        by_hand_adds += side * side * 3 * 3 * into * out
    flat = LAST_SIDE[depth] ** 2 * 16 * 2 ** (depth - 1)
    assert weights == by_hand_weights + flat * 256 + 256
    assert multiply_adds == by_hand_adds + flat * 256


def test_a_network_without_images_costs_nothing_of_the_image_branch():
    assert cost(Network(None, (128, 128), n_clinical=4)) == (0, 0)


def test_networks_have_names_for_people():
    s1b = ARCHITECTURES["S1B"]
    assert Network(s1b, (128, 128)).name == "S1B"
    assert Network(s1b, (128, 128), n_clinical=3).name == "fused_S1B"
    assert Network(None, (128, 128), n_clinical=3).name == "clinical"
