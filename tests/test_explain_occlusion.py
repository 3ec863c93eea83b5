import numpy as np
import pytest

from bulbar.explain import deletion, occlusion
from bulbar.explain.gradients import log_odds
from bulbar.spectrogram import Settings, image_of, mel_filterbank
from tests.test_explain_gradients import SHAPE, images_of, linear


def test_hiding_a_part_of_a_linear_network_costs_what_the_part_says():
    weights = np.random.default_rng(0).normal(size=SHAPE)
    images, baseline = images_of(3), images_of(1, seed=7)[0]
    adds = (images - baseline) * weights
    network = log_odds(linear(weights))
    plain = (images * weights).sum(axis=(1, 2)) + 0.2
    for axis in (0, 1):
        hidden = occlusion.hidden(network, images, baseline, axis=axis, parts=4)
        parts = np.split(adds, 4, axis=axis + 1)
        np.testing.assert_allclose(hidden, plain[:, None] - np.stack([p.sum(axis=(1, 2)) for p in parts], 1), atol=1e-4)


def test_parts_cover_the_axis_and_are_never_empty():
    assert occlusion.edges(128, 8).tolist() == [0, 16, 32, 48, 64, 80, 96, 112, 128]
    assert occlusion.edges(3, 8).tolist() == [0, 1, 2, 3]


def test_an_edge_between_bands_is_where_their_triangles_are_equally_high():
    settings = Settings(mel_bands=32)
    edges = occlusion.hz_of_rows(np.arange(33), settings)
    assert edges[0] == 0 and edges[-1] == 11025
    filters = mel_filterbank(settings, 22050).toarray()
    bins = np.fft.rfftfreq(settings.frame_length, 1 / 22050)
    for band in (10, 25):
        below, above = (np.interp(edges[band], bins, filters[row]) for row in (band - 1, band))
        assert below == pytest.approx(above, abs=0.1) and below > 0.3


def test_a_tone_lights_up_the_row_at_which_its_frequency_is_drawn():
    settings = Settings()
    for hz in (100, 440, 3000, 10500):
        image = image_of(np.sin(2 * np.pi * hz * np.arange(22050) / 22050), 22050, settings)[0]
        brightest = int(image.mean(axis=1).argmax())
        assert brightest - 0.25 <= occlusion.rows_of_hz(np.array([hz]), settings)[0] <= brightest + 1.25
    edges = np.arange(129)
    np.testing.assert_allclose(occlusion.rows_of_hz(occlusion.hz_of_rows(edges, settings), settings), edges, atol=1e-6)


@pytest.mark.parametrize("representation", ["mel", "mfcc"])
def test_silence_is_what_an_image_holds_where_a_recording_is_silent(representation):
    settings = Settings(representation=representation, time_axis="pad", mel_bands=32, frames=40)
    samples = np.zeros(22050 * 2)
    samples[:4096] = np.random.default_rng(0).normal(0, 0.1, 4096)
    image = image_of(samples, 22050, settings)[0]
    np.testing.assert_allclose(image[:, 20:], occlusion.silence(settings)[:, 20:], atol=1e-6)
    assert np.abs(image[:, :6] - occlusion.silence(settings)[:, :6]).max() > 0.1


def test_deletion_of_a_linear_network_takes_the_largest_shares_first():
    weights = np.random.default_rng(1).normal(size=SHAPE)
    images, baseline = images_of(5), np.full(SHAPE, 0.5, np.float32)
    evidence = (images - baseline) * weights
    left = deletion.curves(log_odds(linear(weights)), images, baseline, evidence, steps=4)
    for curve, shares in zip(left, evidence.reshape(5, -1), strict=True):
        toward = np.sort(shares * np.sign(shares.sum()))[::-1]
        expected = [toward.sum() - toward[:gone].sum() for gone in (0, 120, 240, 360, 480)]
        np.testing.assert_allclose(curve, expected, atol=1e-4)
    assert (left[:, 0] >= 0).all()


def test_what_matters_leaves_less_area_than_a_random_order_and_its_reverse_more():
    weights = np.random.default_rng(2).normal(size=SHAPE)
    images, baseline = images_of(8), np.full(SHAPE, 0.5, np.float32)
    evidence, network = (images - baseline) * weights, log_odds(linear(weights))
    random = np.stack([deletion.random_evidence(SHAPE, seed) for seed in range(8)])
    area = {
        name: deletion.areas(deletion.curves(network, images, baseline, order, steps=10))
        for name, order in {"map": evidence, "random": random, "reversed": -evidence}.items()
    }
    assert (area["map"] < area["random"]).all() and (area["random"] < area["reversed"]).all()


def test_the_area_of_a_straight_line_is_half_its_height():
    assert deletion.areas(np.linspace(3, 0, 7)[np.newaxis])[0] == pytest.approx(1.5)
