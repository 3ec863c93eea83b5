"""Releases that lack something, or lie elsewhere."""

import shutil

from tests.broken_inputs import RELEASE, Case, Refused

CASES: list[Case] = [
    Case(
        "Releases",
        "`cohort.root` does not exist",
        lambda project: shutil.rmtree(project / RELEASE),
        Refused(RELEASE, "no such folder", "the folder of a release (cohort.root)"),
        Refused(RELEASE, "no such folder"),
    ),
]
