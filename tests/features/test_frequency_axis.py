import numpy as np
import pytest

from bulbar.features.spectrogram import Settings, hz_of_rows, image_of, mel_filterbank, rows_of_hz


def test_an_edge_between_bands_is_where_their_triangles_are_equally_high():
    settings = Settings(mel_bands=32)
    edges = hz_of_rows(np.arange(33), settings)
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
        assert brightest - 0.25 <= rows_of_hz(np.array([hz]), settings)[0] <= brightest + 1.25
    edges = np.arange(129)
    np.testing.assert_allclose(rows_of_hz(hz_of_rows(edges, settings), settings), edges, atol=1e-6)
