"""Groups of clinical columns: those of one questionnaire, and those that a release fills in together."""

from collections.abc import Iterable

AGE_AND_SEX = "Age and sex"
GROUPS: dict[str, tuple[str, ...]] = {
    AGE_AND_SEX: ("age_years", "sex"),
    "Cantagallo": ("cantagallo",),
    "ALSFRS-R": ("alsfrs_r",),
    "MRC": ("mrc",),
    "PUMNS": ("pumns",),
    "Genetics": ("genetic_test",),
    "FVC": ("fvc",),
    "Onset and course": (
        *("onset_region", "diagnostic_delay", "disease_duration", "months_since_onset", "progression_rate"),
    ),
    "Criteria and stage": ("el_escorial", "king_stage"),
    "Bulbar signs": ("bulbar_signs",),
    "Therapy": ("therapy",),
}
"""Name of a group -> prefixes of its column names."""


def of_columns(columns: Iterable[str]) -> dict[str, list[str]]:
    """Sort columns into groups, in the order of `GROUPS`. A column that matches no group is its own group.

    Examples
    --------
    >>> of_columns(["sex", "mrc_1", "mrc_2", "height"])
    {'Age and sex': ['sex'], 'MRC': ['mrc_1', 'mrc_2'], 'height': ['height']}
    """
    found: dict[str, list[str]] = {name: [] for name in GROUPS}
    for column in columns:
        fits = [name for name, starts in GROUPS.items() if column.startswith(starts)]
        found.setdefault(fits[0] if fits else column, []).append(column)
    return {name: members for name, members in found.items() if members}
