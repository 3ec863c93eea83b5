import numpy as np
import pytest

from bulbar.explain import perturbation
from bulbar.explain.gradients import log_odds
from tests.explain.test_gradients import SHAPE, images_of, linear


def test_hiding_a_part_of_a_linear_network_costs_the_sum_of_the_part():
    weights = np.random.default_rng(0).normal(size=SHAPE)
    images, baseline = images_of(3), images_of(1, seed=7)[0]
    adds = (images - baseline) * weights
    network = log_odds(linear(weights))
    plain = (images * weights).sum(axis=(1, 2)) + 0.2
    for axis in (0, 1):
        hidden = perturbation.hidden(network, images, baseline, axis=axis, parts=4)
        parts = np.split(adds, 4, axis=axis + 1)
        np.testing.assert_allclose(hidden, plain[:, None] - np.stack([p.sum(axis=(1, 2)) for p in parts], 1), atol=1e-4)


def test_hiding_each_image_s_own_bands_costs_a_linear_network_their_sum():
    weights = np.random.default_rng(0).normal(size=SHAPE)
    images, baseline = images_of(3), images_of(1, seed=7)[0]
    bands = np.random.default_rng(4).random((3, SHAPE[0])) < 0.4
    bands[2] = False
    hidden = perturbation.hidden_bands(log_odds(linear(weights)), images, baseline, bands)
    costs = [((image - baseline) * weights)[rows].sum() for image, rows in zip(images, bands, strict=True)]
    np.testing.assert_allclose(hidden, (images * weights).sum(axis=(1, 2)) + 0.2 - costs, atol=1e-4)


def test_parts_cover_the_axis_and_are_never_empty():
    assert perturbation.edges(128, 8).tolist() == [0, 16, 32, 48, 64, 80, 96, 112, 128]
    assert perturbation.edges(3, 8).tolist() == [0, 1, 2, 3]


def test_deletion_of_a_linear_network_takes_the_largest_shares_first():
    weights = np.random.default_rng(1).normal(size=SHAPE)
    images, baseline = images_of(5), np.full(SHAPE, 0.5, np.float32)
    evidence = (images - baseline) * weights
    left = perturbation.curves(log_odds(linear(weights)), images, baseline, evidence, steps=4)
    for curve, shares in zip(left, evidence.reshape(5, -1), strict=True):
        toward = np.sort(shares * np.sign(shares.sum()))[::-1]
        expected = [toward.sum() - toward[:gone].sum() for gone in (0, 120, 240, 360, 480)]
        np.testing.assert_allclose(curve, expected, atol=1e-4)
    assert (left[:, 0] >= 0).all()


def test_what_matters_leaves_less_area_than_a_random_order_and_its_reverse_more():
    weights = np.random.default_rng(2).normal(size=SHAPE)
    images, baseline = images_of(8), np.full(SHAPE, 0.5, np.float32)
    evidence, network = (images - baseline) * weights, log_odds(linear(weights))
    random = np.stack([perturbation.random_attributions(SHAPE, seed) for seed in range(8)])
    area = {
        name: perturbation.areas(perturbation.curves(network, images, baseline, order, steps=10))
        for name, order in {"map": evidence, "random": random, "reversed": -evidence}.items()
    }
    assert (area["map"] < area["random"]).all() and (area["random"] < area["reversed"]).all()


def test_the_area_of_a_straight_line_is_half_its_height():
    assert perturbation.areas(np.linspace(3, 0, 7)[np.newaxis])[0] == pytest.approx(1.5)
