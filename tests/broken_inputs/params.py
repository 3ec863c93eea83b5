"""params.yaml with a slip in it."""

from tests.broken_inputs import Case

CASES: list[Case] = []
