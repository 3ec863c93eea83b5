"""Workbooks as people send them."""

from tests.broken_inputs import Case

CASES: list[Case] = []
