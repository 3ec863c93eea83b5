"""Disclosure rule for counts of people: this module alone decides how a count is printed.

The rule is k-anonymity with k = 5. A count of 1 to 4 people is printed as `<5`. Totals and other counts that would
reveal it are hidden too. A mean, a share or a score is printed only for 5 people or more. The rule is about properties
of people. The output of a model is not such a property: how many of 5 people or more it calls patients is printed
exactly. So is a ROC curve, whose steps show only the order in which a model ranks people.
Source: Griffiths et al. 2019, Handbook on Statistical Disclosure Control for Outputs (threshold, secondary disclosure).
"""

from collections.abc import Sequence

FEWEST_SHOWN = 5
"""Smallest count of people that is printed exactly."""


def shown(count: int, out_of: int | None = None) -> int | str:
    """A count of people as it may be printed.

    Parameters
    ----------
    count : int
        Number of people.
    out_of : int, optional
        Size of the group. With it, a count of nearly everyone is hidden too, because the rest could be recognised.

    Returns
    -------
    int or str
        The count; `none` for 0; `<5` for 1 to 4; `all but <5` if 1 to 4 of the group are not counted.

    Examples
    --------
    >>> shown(12), shown(3), shown(0), shown(28, out_of=30)
    (12, '<5', 'none', 'all but <5')
    """
    if count == 0:
        return "none"
    if count < FEWEST_SHOWN:
        return f"<{FEWEST_SHOWN}"
    if out_of is not None and 0 < out_of - count < FEWEST_SHOWN:
        return f"all but <{FEWEST_SHOWN}"
    return count


WITHHELD = "withheld"


def withheld(counts: Sequence[int], total: int) -> list[bool]:
    """Which counts of groups are hidden: those under 5, and others that would reveal them.

    Parameters
    ----------
    counts : sequence of int
        Sizes of groups without common members.
    total : int
        Number of people in all. People in no group count as one more group.

    Returns
    -------
    list of bool
        True for each count under 5, and for the smallest other counts, until the hidden groups have 5 people or more
        together, and at least two values remain possible for each count under 5, even for a reader who knows all that
        is printed and this rule.

    Examples
    --------
    >>> withheld([3, 9, 20], total=32)
    [True, True, False]
    """
    parts = [*counts, total - sum(counts)]
    hidden = _hidden(parts)
    return [place in hidden for place in range(len(counts))]


def _hidden(parts: Sequence[int]) -> set[int]:
    """Positions of the counts that `withheld` hides, including people in no group."""
    hidden = {place for place, count in enumerate(parts) if 0 < count < FEWEST_SHOWN}
    others = sorted((place for place, count in enumerate(parts) if count >= FEWEST_SHOWN), key=lambda at: parts[at])
    while hidden and others and not _open([parts[place] for place in hidden], below=parts[others[0]]):
        hidden.add(others.pop(0))
    return hidden


def _open(hidden: Sequence[int], below: int) -> bool:
    """Whether the hidden counts sum to 5 or more and leave at least two possible values for each count under 5.

    below: the smallest printed count, which is above every hidden one.
    """
    small = sum(count < FEWEST_SHOWN for count in hidden)
    large = len(hidden) - small
    least = sum(hidden) - (small - 1) * (FEWEST_SHOWN - 1) - large * (below - 1)
    most = sum(hidden) - (small - 1) - large * FEWEST_SHOWN
    return sum(hidden) >= FEWEST_SHOWN and min(most, FEWEST_SHOWN - 1) > max(least, 1)


def shown_apart(counts: Sequence[int], total: int) -> list[int | str]:
    """Counts of groups as they may be printed, by the rule of `withheld`.

    Parameters
    ----------
    counts : sequence of int
        Sizes of groups without common members.
    total : int
        Number of people in all.

    Returns
    -------
    list of int or str
        Each as `shown`, or `5 or more`, or `withheld`. If all groups are hidden, and all could be under 5, all are
        `withheld`, because showing which groups are under 5 could reveal their counts.

    Examples
    --------
    >>> shown_apart([3, 9, 20], total=32)
    ['<5', '5 or more', 20]
    """
    parts = [*counts, total - sum(counts)]
    hidden = _hidden(parts)
    everyone = sum(parts[place] for place in hidden) == total
    enough = not everyone or total > len(hidden) * (FEWEST_SHOWN - 1)
    printed: list[int | str] = []
    for place, count in enumerate(counts):
        if place in hidden and not enough:
            printed.append(WITHHELD)
        elif place in hidden and isinstance(shown(count, total), int):
            printed.append(f"{FEWEST_SHOWN} or more")
        else:
            printed.append(shown(count, total))
    return printed
