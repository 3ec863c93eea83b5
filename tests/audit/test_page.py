import numpy as np
import pytest

from bulbar.audit import page
from bulbar.audit.finding import Finding, p_of_shuffles, verdict_of


def finding(verdict, *, probe="missingness", of="clinical all", value=0.8):
    return Finding(probe, of, "AUC per subject", value, verdict, f"It is {verdict}.", 0.7, 0.9, 0.001)


@pytest.mark.parametrize(
    ("low", "p", "verdict"),
    [
        (0.61, 0.009, "leak"),
        (0.60, 0.009, "suspect"),  # the lower end has to be over 0.60
        (0.61, 0.01, "suspect"),  # p has to be under 0.01
        (0.9, 0.05, "clear"),  # and under 0.05 for anything
        (0.4, 0.6, "clear"),
        (np.nan, 0.001, "suspect"),
    ],
)
def test_the_rule_is_the_lower_end_and_p(low, p, verdict):
    assert verdict_of(low, p) == verdict
    assert verdict_of(low, p, meaning="sign") == ("sign" if verdict == "leak" else verdict)


def test_p_counts_the_observed_labels_among_the_shuffles():
    assert p_of_shuffles(0.9, np.linspace(0, 0.8, 999)) == 1 / 1000
    assert p_of_shuffles(0.5, np.array([0.5, 0.6, 0.1])) == 3 / 4  # a tie counts against


def test_the_gravest_finding_of_a_probe_comes_first():
    found = [finding("clear", probe="b"), finding("leak", probe="a"), finding("leak", probe="b", of="other")]
    assert [(one.probe, one.verdict) for one in page.by_gravity(found)] == [
        ("b", "leak"),
        ("b", "clear"),
        ("a", "leak"),
    ]


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [(3, np.nan, np.nan, "3"), (1.0, 0.9, 1.0, "1.000 (0.900 to 1.000)"), (np.nan, np.nan, np.nan, "–")],
)
def test_counts_are_whole_and_shares_have_their_interval(value, low, high, text):
    found = Finding("duplicates", "released recordings", "sets", value, "clear", "", low, high)
    assert page.table([found])["value (95 % interval)"].tolist() == [text]


def test_the_page_keeps_the_run_and_the_paper_apart():
    text = page.markdown([finding("leak")], [finding("suspect", probe="collapse", of="the paper's Table 4")])
    run, paper = text.split("## The paper's own tables")
    assert "1 leak." in run and "It is leak." in run and "0.800 (0.700 to 0.900)" in run
    assert "1 suspect." in paper and "It is suspect." in paper


def test_metrics_are_keyed_so_that_two_runs_can_be_compared():
    found = page.metrics([finding("leak"), finding("clear", of="clinical common")])
    assert set(found["missingness"]) == {"clinical all", "clinical common"}
    assert found["missingness"]["clinical all"]["value"] == 0.8
