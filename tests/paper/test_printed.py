"""Printed digits and the scores and counts behind them: against the decimal module's arithmetic."""

from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal

import numpy as np
import pytest

from bulbar.paper.printed import PRINTINGS, admits, bounds, counts

ROUNDINGS = {"rounded": (ROUND_HALF_UP, ROUND_HALF_DOWN), "cut off": (ROUND_DOWN,)}


@pytest.mark.parametrize("printing", PRINTINGS)
@pytest.mark.parametrize("sizes", [[244, 245], [59, 61], [8, 16, 32], [1224]])
def test_k_of_n_prints_as_decimal_arithmetic_has_it_and_no_other_k_does(sizes, printing):
    expected: dict[str, set[tuple[int, int]]] = {}
    for size in sizes:
        for right in range(size + 1):
            for rounding in ROUNDINGS[printing]:
                text = str((Decimal(100 * right) / Decimal(size)).quantize(Decimal("0.01"), rounding))
                expected.setdefault(text, set()).add((size, right))
    for text in [*expected, "33.34", "66.81"]:
        found = list(zip(*(found.tolist() for found in counts(text, sizes, printing)), strict=True))
        assert found == sorted(expected.get(text, set()))


def test_digits_say_to_what_a_score_was_rounded_or_cut_off():
    tried = np.array([91.4, 91.5, 92, 92.5, 92.6, 92.999, 93, np.nan])
    assert tried[admits("92", tried, "rounded")].tolist() == [91.5, 92, 92.5]
    assert tried[admits("92", tried, "cut off")].tolist() == [92, 92.5, 92.6, 92.999]
    assert bounds("98.57", "rounded") == pytest.approx((98.565, 98.575))
