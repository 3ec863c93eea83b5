"""All targets."""

from tests.fuzz import params, recordings, tables, workbooks

TARGETS = [*recordings.TARGETS, *workbooks.TARGETS, *tables.TARGETS, *params.TARGETS]
