"""Disclosure rule for counts of people: the one place that decides what of a count is printed.

k-anonymity with k = 5: a count of 1 to 4 people is `<5`, what would reveal it (the total, the other counts) is
withheld with it, and a mean, a share or a score is of 5 people or more. Counted are people by what they are or have.
How many of 5 people or more a model called a patient is the model's doing, and is printed to the unit; so is a ROC
curve, whose steps say in which order a model put people, and nothing of them.
Source: Griffiths et al. 2019, Handbook on Statistical Disclosure Control for Outputs (threshold, secondary disclosure).
"""

from collections.abc import Sequence

FEWEST_SHOWN = 5
"""A count of people below this is not printed."""


def shown(count: int, out_of: int | None = None) -> int | str:
    """A count of people as it may be printed: a few, or all but a few, could be recognised.

    Nobody is `none`, fewer than 5 are `<5`, and all of a group but fewer than 5 are `all but <5`.
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
    """Of groups that divide `total` people, whose count is hidden: fewer than 5, and what would reveal those.

    Who is in no group counts as a group. With the counts under 5 the smallest others are hidden, until together they
    are 5 people or more and each of those under 5 can be two numbers at least for one who knows all that is printed,
    and that the smallest others were hidden.
    """
    parts = [*counts, total - sum(counts)]
    hidden = _hidden(parts)
    return [place in hidden for place in range(len(counts))]


def _hidden(parts: Sequence[int]) -> set[int]:
    """The places of the counts that `withheld` names, who is in no group included."""
    hidden = {place for place, count in enumerate(parts) if 0 < count < FEWEST_SHOWN}
    others = sorted((place for place, count in enumerate(parts) if count >= FEWEST_SHOWN), key=lambda at: parts[at])
    while hidden and others and not _open([parts[place] for place in hidden], below=parts[others[0]]):
        hidden.add(others.pop(0))
    return hidden


def _open(hidden: Sequence[int], below: int) -> bool:
    """Whether counts of 5 people or more in all, known to be under 5 or not, leave each of those under 5 open.

    below: the smallest count that is printed, which no hidden one reaches.
    """
    small = sum(count < FEWEST_SHOWN for count in hidden)
    large = len(hidden) - small
    least = sum(hidden) - (small - 1) * (FEWEST_SHOWN - 1) - large * (below - 1)
    most = sum(hidden) - (small - 1) - large * FEWEST_SHOWN
    return sum(hidden) >= FEWEST_SHOWN and min(most, FEWEST_SHOWN - 1) > max(least, 1)


def shown_apart(counts: Sequence[int], total: int) -> list[int | str]:
    """Each count of groups that divide `total` people as it may be printed: as `shown`, `5 or more`, or `withheld`.

    Where everyone is hidden, and all groups could be under 5, it is not shown which are: that could reveal them.
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
