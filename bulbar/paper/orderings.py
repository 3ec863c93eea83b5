"""Orderings of accuracies, `A > B`, in the notation of reference/als_claims.toml."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from bulbar.audit.collapse import Accuracies

WITHIN = ("architecture", "dropout_rate")
"""Parts of a cell's name, in order."""


class Ordering(NamedTuple):
    """A is above B (strict), or at least equal. A side is one group of cells or models, or two for |A1 - A2|."""

    label: str
    first: Sequence[Sequence[str]]
    second: Sequence[Sequence[str]]
    strict: bool

    @property
    def names(self) -> list[str]:
        """All cells or models that are compared."""
        return list(dict.fromkeys(chain(*self.first, *self.second)))

    def difference(self, accuracies: Accuracies[str]) -> np.ndarray:
        """A minus B, of means over each group: of the cohort, then of each draw, shape (1 + draws,)."""
        first, second = (
            means[0] if len(means) == 1 else np.abs(means[0] - means[1])
            for means in ([accuracies.mean(group) for group in side] for side in (self.first, self.second))
        )
        return first - second

    def holds(self, accuracies: Accuracies[str]) -> bool:
        """Whether the ordering holds for the accuracies themselves, without intervals."""
        value = self.difference(accuracies)[0]
        return bool(value > 0 or (value == 0 and not self.strict))

    def only(self, names: Collection[str]) -> "Ordering | None":
        """The same ordering restricted to these names; None if a group has none of them."""
        first, second = (
            [[name for name in group if name in names] for group in side] for side in (self.first, self.second)
        )
        return self._replace(first=first, second=second) if all([*first, *second]) else None


def parsed(texts: Collection[str], groups: Mapping[str, str], cells: Collection[str]) -> list[Ordering]:
    """Parse the orderings of a claim.

    Parameters
    ----------
    texts : collection of str
        `A > B`, `A >= B`, `A > each of B` or `|A - B| > C`. A name that is not a group is a model or a cell.
    groups : mapping
        name -> regular expression of the cells in the group.
    cells : collection of str
        Cells of the paper's Table 4, such as `S1B_0.3`.

    Returns
    -------
    list of Ordering
        One per text; for `each of B` one per architecture in B.
    """

    def side(text: str) -> list[list[str]]:
        patterns = [groups.get(name, name) for name in text.strip("|").split(" - ")]
        return [[cell for cell in cells if re.fullmatch(pattern, cell)] or [pattern] for pattern in patterns]

    found = []
    for text in texts:
        first, relation, second = re.split(" (>=?) ", text)
        whole = side(second.removeprefix("each of "))
        parts = {second: whole}
        if second.startswith("each of "):
            codes = dict.fromkeys(cell.split("_")[0] for cell in whole[0])
            parts = {code: [[cell for cell in whole[0] if cell.split("_")[0] == code]] for code in codes}
        found += [Ordering(f"{first} minus {name}", side(first), part, relation == ">") for name, part in parts.items()]
    return found


def inside(orderings: Sequence[Ordering], within: str) -> Iterator[tuple[str, list[Ordering]]]:
    """Restrict the orderings to each architecture or dropout rate (`within`) that occurs in all their groups."""
    part = WITHIN.index(within)
    for value in dict.fromkeys(name.split("_")[part] for name in orderings[0].names):
        members = {name for each in orderings for name in each.names if name.split("_")[part] == value}
        narrowed = [ordering.only(members) for ordering in orderings]
        complete = [ordering for ordering in narrowed if ordering]
        if len(complete) == len(orderings):
            yield value, complete
