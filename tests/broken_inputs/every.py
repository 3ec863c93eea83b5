"""All broken inputs, group by group."""

from tests.broken_inputs import Case, params, recordings, releases, workbooks

CASES: list[Case] = [*recordings.CASES, *releases.CASES, *workbooks.CASES, *params.CASES]
