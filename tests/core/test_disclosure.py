import itertools
from collections import defaultdict
from collections.abc import Iterator

import pytest

from bulbar.core.disclosure import FEWEST_SHOWN, shown, shown_apart, withheld


def test_counts_of_few_people_are_not_shown():
    assert [shown(count) for count in (0, 1, 4, 5, 51)] == ["none", "<5", "<5", 5, 51]
    assert shown(101, 102) == "all but <5"
    assert shown(102, 102) == 102
    assert shown(97, 102) == 97


def test_counts_that_would_give_a_small_group_away_are_withheld():
    assert withheld([11, 7, 14, 1], 33) == [False, True, False, True]  # 33 − 11 − 14 − 7 = 1
    assert withheld([1, 13, 15, 2], 31) == [True, True, False, True]  # both, and no more than 3 together
    assert withheld([28, 3], 31) == [True, True]
    assert withheld([20, 9], 31) == [False, True]  # of two the group is not recorded
    assert withheld([20, 11, 0], 31) == [False, False, False]
    assert shown_apart([11, 7, 14, 1], 33) == [11, "5 or more", 14, "<5"]
    assert shown_apart([28, 3], 31) == ["all but <5", "<5"]


@pytest.mark.parametrize("counts", [[3, 4, 9], [4, 5, 7], [3, 3, 9], [1, 4, 9], [2, 5, 9]])
def test_no_more_is_withheld_than_has_to_be(counts):
    """Of these 4 + 3 leaves two tables open, 4 + 5 below 7 too, and so on: the third count is shown."""
    assert withheld(counts, sum(counts)) == [True, True, False]


def test_who_is_under_five_is_shown_where_others_are_counted():
    assert shown_apart([1, 1, 1, 2, 5], 10) == ["<5", "<5", "<5", "<5", 5]


def possible(printed: int | str, total: int) -> range:
    """The counts that a reader may think of where a table of `total` people says this."""
    words = {"none": range(1), "<5": range(1, 5), "5 or more": range(5, total + 1), "withheld": range(1, total + 1)}
    if isinstance(printed, int):
        return range(printed, printed + 1)
    return words.get(printed, range(max(5, total - 4), total))  # all but <5


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_no_count_of_fewer_than_five_people_follows_from_what_is_printed_and_the_total(groups):
    """Every table of 5 to 26 people, read by one who also knows who is in no group, unless these are under 5."""
    for total in range(5, 27):
        for counts in itertools.product(range(1, 10), repeat=groups):
            if (beside := total - sum(counts)) < 0:
                continue
            printed = shown_apart([*counts, 0], total)
            beside_shown = shown_apart([*counts, beside], total)[-1] if beside else "none"
            read = [possible(one, total) for one in (*printed, beside_shown)]
            for place, count in enumerate(counts):
                if count < FEWEST_SHOWN:
                    rest = [one for at, one in enumerate(read) if at != place]
                    least, most = (total - sum(one[end] for one in rest) for end in (-1, 0))
                    open_to = [n for n in read[place] if least <= n <= most]
                    assert count in open_to and len(open_to) > 1, (counts, total, printed, beside_shown)


def test_so_few_people_that_any_word_would_reveal_them_are_withheld():
    assert shown_apart([1, 5], 6) == ["withheld", "withheld"]
    assert shown_apart([4, 4], 8) == ["withheld", "withheld"]
    assert shown_apart([1, 5, 9], 15) == ["<5", "5 or more", "5 or more"]


def divided(total: int, groups: int) -> Iterator[tuple[int, ...]]:
    """Every way to divide people into groups."""
    for ends in itertools.combinations_with_replacement(range(total + 1), groups - 1):
        yield tuple(high - low for low, high in itertools.pairwise((0, *ends, total)))


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_one_who_prints_every_table_that_might_be_finds_two_for_each_count_under_five(groups):
    """The last part of each table is who is in no group, of whom nothing is printed."""
    for total in range(5, 19):
        tables = defaultdict(list)
        for parts in divided(total, groups + 1):
            tables[tuple(map(str, shown_apart(parts[:-1], total)))].append(parts)
        for printed, those in tables.items():
            for counts in zip(*those, strict=True):
                assert len(set(counts)) > 1 or not 0 < counts[0] < FEWEST_SHOWN, (printed, total, those[0])
