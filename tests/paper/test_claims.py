import re
import tomllib
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bulbar.core.names import Cell
from bulbar.paper import claims, claims_page
from bulbar.paper.orderings import parsed
from bulbar.scoring import intervals
from tests import sweeps
from tests.sweeps import ARCHITECTURES, DROPOUT_RATES, FUSION_MODELS, ROOT, history, predictions

TABLE_4 = pd.read_csv(ROOT / "reference/als_table4_accuracy.csv")
TABLE_5 = pd.read_csv(ROOT / "reference/als_table5_modalities.csv")
CLAIMS = claims.ClaimTable.model_validate(tomllib.loads((ROOT / "reference/als_claims.toml").read_text()))
PRINTED = TABLE_4.set_index("code").drop("average")
FOLDS = sweeps.with_folds(sweeps.subjects_and_recordings(120), "subject_wise")
CELLS = [Cell(name, rate) for name in ARCHITECTURES for rate in DROPOUT_RATES]
BOTH = ("published", "selected")

CONSISTENT, NEVER, DROPOUT = "S1B consistently highest", "deeper networks never surpass S1B", "dropout of 0.4 to 0.5"
AVERAGE, MAX, DEPTH = "average pooling is better than", "max pooling is better than", "pooling matters less than depth"
BEST, EACH, VOICE = "S1 best on average", "each further layer lowers accuracy", "80.33 % from voice"
PERFECT, IMPROVE, OVERFITTING = "100 % with clinical data", "clinical data improve on voice", "no overfitting"
ALL, COMMON = "synergy of voice and all", "synergy of voice and the clinical columns"


class Answers(dict[str, dict[str, claims.ClaimResult]]):
    """Claim -> source -> its result; a claim is found by how its name begins."""

    def __missing__(self, start: str) -> dict[str, claims.ClaimResult]:
        [name] = [name for name in self if name.startswith(start)]
        return self[name]


def found(*runs: claims.ProtocolRun, table_4: pd.DataFrame = TABLE_4) -> Answers:
    judged = claims.judge(CLAIMS, table_4, TABLE_5, runs, draws=300)
    return Answers({claim.name: {result.source: result for result in results} for claim, results in judged})


def sweep(effect_of: Callable[[Cell], float], cells: list[Cell] = CELLS) -> dict[Cell, pd.DataFrame]:
    return {cell: predictions(FOLDS, effect_of(cell), seed=place) for place, cell in enumerate(cells)}


def of_sweep(predictions: dict[Cell, pd.DataFrame], claim: str) -> claims.ClaimResult:
    """What a sweep of ours gives for a claim."""
    return found(claims.ProtocolRun("subject_wise", predictions))[claim]["subject_wise"]


def of_tables(models: dict[str, pd.DataFrame], *, trained: float = 0.9) -> Answers:
    """The verdicts of models of ours. trained: their accuracy in training."""
    curves = pd.concat([history(5, 1.5, fold).assign(fold=fold, accuracy=trained) for fold in range(1, 6)])
    run = claims.ProtocolRun(
        "subject_wise",
        sweep(lambda _: 0.5, CELLS[:1]),
        models={cell: models for cell in BOTH},
        histories={cell: {"fused_all": curves} for cell in BOTH},
        baselines={"age_sex": predictions(FOLDS, 0.0, seed=9).assign(probability=0.9)},
    )
    return found(run)


PUBLISHED = "subject_wise, published cell"


@cache
def of_effects(effects: tuple[tuple[str, float], ...]) -> Answers:
    return of_tables({model: predictions(FOLDS, effect, seed=place) for place, (model, effect) in enumerate(effects)})


def of_models(claim: str, **effects: float) -> claims.ClaimResult:
    """What models of ours that separate the classes that well give for a claim."""
    return of_effects(tuple(effects.items()))[claim][PUBLISHED]


@pytest.mark.parametrize(
    ("claim", "verdict"),
    {
        "results averaged over folds": "not held", CONSISTENT: "not held", NEVER: "not held", DROPOUT: "held",
        AVERAGE: "not held", MAX: "held", DEPTH: "held", BEST: "held", EACH: "held", VOICE: "not held",
        PERFECT: "not testable", IMPROVE: "held", ALL: "not testable", COMMON: "not testable",
        OVERFITTING: "not testable",
    }.items(),
)  # fmt: skip
def test_the_papers_own_digits_hold_some_claims_and_refute_others(claim, verdict):
    assert found()[claim]["paper"].verdict == verdict


@pytest.mark.parametrize(
    ("claim", "points"),
    {
        CONSISTENT: PRINTED.loc["S1B"].mean() - PRINTED.drop("S1B").T.mean().max(),
        NEVER: 77.05 - 77.87,
        MAX: PRINTED.loc["S1A"].mean() - PRINTED.loc["S1B"].mean(),
        BEST: PRINTED.iloc[:2].mean(axis=1).min() - PRINTED.iloc[2:].mean(axis=1).max(),
        IMPROVE: 100 - 80.33,
        VOICE: 80.33,
    }.items(),
)
def test_the_papers_own_value_is_read_from_its_tables(claim, points):
    columns = [f"dropout_{rate}" for rate in DROPOUT_RATES]
    assert list(PRINTED.columns) == [*columns, "average"]
    assert 100 * found()[claim]["paper"].value == pytest.approx(points, abs=0.011)  # its averages are rounded


def test_every_digit_that_a_claim_quotes_is_a_cell_or_a_mean_of_the_papers_table():
    grid = PRINTED.drop(columns="average").to_numpy()  # architectures × dropout rates
    depths, poolings = ([0, 1], [2, 3], [4, 5], [6, 7], [8, 9]), ([0, 2, 4, 6, 8], [1, 3, 5, 7, 9])
    rows = [*([place] for place in range(10)), *depths, *poolings, list(range(10))]
    columns = [*([place] for place in range(6)), [0, 1], [2, 3, 4, 5], list(range(6))]
    spread = [f"{grid[row].std(ddof=1):.2f}" for row in range(10)]
    known = {f"{grid[np.ix_(own, rates)].mean():.2f}" for own in rows for rates in columns} | set(spread)
    assert len(known) < 200  # of 1,354 values between the lowest and the highest cell
    quoted = [number for claim in CLAIMS.claim for number in re.findall(r"\b\d+\.\d\d\b", claim.digits + claim.note)]
    assert len(quoted) > 40 and set(quoted) <= known


def test_the_notes_on_luck_agree_with_the_binomial_distribution():
    note = next(claim.note for claim in CLAIMS.claim if claim.name == VOICE)
    behind = [float(text) / 100 for text in re.findall(r"(\d+\.\d) %", note)]
    for accuracy, folds in zip(behind, (5, 300), strict=True):
        best = (1 - stats.binom.cdf(np.arange(245), 245, accuracy) ** folds).sum() / 245
        assert best == pytest.approx(0.8033, abs=5e-4)
    size, share = 245, 0.8033
    points = 100 * stats.norm.isf(0.025) * np.sqrt(2 * share * (1 - share) / size)
    assert f"up to {points:.0f} points by chance" in next(claim.note for claim in CLAIMS.claim if claim.within)


def test_a_table_in_which_s1b_is_always_first_holds_the_claims_on_it():
    table = TABLE_4.copy()
    table.loc[table["code"] == "S1B", [f"dropout_{rate}" for rate in DROPOUT_RATES]] = 80.33
    answers = found(table_4=table)
    verdicts = {claim: answers[claim]["paper"].verdict for claim in (CONSISTENT, NEVER, AVERAGE, MAX)}
    assert verdicts == {CONSISTENT: "held", NEVER: "held", AVERAGE: "held", MAX: "not held"}


def test_being_highest_on_average_alone_is_not_being_consistently_highest():
    table = TABLE_4.copy()
    table.loc[table["code"] == "S1B", "dropout_0.3"] = 99.0
    answer = found(table_4=table)[CONSISTENT]["paper"]
    assert answer.value > 0 and answer.verdict == "not held" and "3 of 6" in answer.because


S1B_IS_BEST = {"S1A": 0.7, "S1B": 1.4}


@pytest.mark.parametrize(
    ("effect_of", "verdicts"),
    [
        (
            lambda cell: S1B_IS_BEST.get(cell.architecture, 0.1),
            {CONSISTENT: "held", BEST: "held", AVERAGE: "held", NEVER: "held", MAX: "not held", EACH: "not testable"},
        ),
        (
            lambda cell: 1.5 if cell.architecture in ("S3A", "S3B") else 0.3,
            {CONSISTENT: "not held", NEVER: "not held", BEST: "not held"},
        ),
        (lambda cell: 0.2 if cell.dropout_rate >= 0.4 else 0.8, {DROPOUT: "held"}),
        (lambda cell: 0.8 if cell.dropout_rate >= 0.4 else 0.2, {DROPOUT: "not held"}),
        (
            lambda cell: 3.0 if cell.architecture[:2] == "S1" and cell.dropout_rate < 0.4 else 0.4,
            {DROPOUT: "not testable"},  # on average, but in two of ten architectures
        ),
    ],
    ids=["S1B is best", "S3 is best", "dropout costs", "dropout helps", "dropout costs S1 alone"],
)
def test_a_sweep_of_ours_holds_or_refutes_an_order_by_its_intervals(effect_of, verdicts):
    answers = found(claims.ProtocolRun("subject_wise", sweep(effect_of)))
    for claim, verdict in verdicts.items():
        answer = answers[claim]["subject_wise"]
        assert answer.verdict == verdict, claim
        assert verdict != "held" or answer.low > 0
        assert verdict != "not held" or answer.high < 0


def test_a_paired_difference_agrees_with_that_of_two_tables():
    tables = sweep(lambda cell: 0.6 if cell.architecture == "S1B" else 0.3)
    answer = of_sweep(tables, AVERAGE)
    right = {cell: (table["probability"].ge(0.5) == table["label"]).mean() for cell, table in tables.items()}
    of_each = [right[Cell("S1B", rate)] - right[Cell("S1A", rate)] for rate in DROPOUT_RATES]
    assert answer.value == pytest.approx(np.mean(of_each))
    assert answer.low < answer.value < answer.high
    assert f"in {sum(difference > 0 for difference in of_each)} of 6" in answer.because


def test_networks_that_all_call_everyone_the_same_test_nothing():
    lost = {cell: table.assign(probability=0.66) for cell, table in sweep(lambda _: 0.0).items()}
    answers = found(claims.ProtocolRun("subject_wise", lost))
    for claim in (CONSISTENT, NEVER, DROPOUT, AVERAGE, MAX, DEPTH, BEST, EACH):
        answer = answers[claim]["subject_wise"]
        assert answer.verdict == "not testable" and "predicts the same class for everyone" in answer.because


def test_an_order_among_networks_that_are_below_the_majority_tests_nothing():
    tables = sweep(lambda cell: -0.5 if cell.architecture.startswith("S1") else 0.0)
    tables = {cell: table if cell[0][:2] == "S1" else table.assign(probability=0.66) for cell, table in tables.items()}
    answer = of_sweep(tables, BEST)
    assert answer.verdict == "not testable" and answer.high < 0
    assert "better than the majority baseline" in answer.because


@pytest.mark.parametrize("cells", [CELLS[:2], [Cell("S1B", 0.3)], [Cell("S2A", 0.45)]])
def test_a_small_sweep_leaves_claims_untested_and_raises_nothing(cells):
    answer = of_sweep(sweep(lambda _: 1.0, cells), CONSISTENT)
    assert answer.verdict == "not testable" and "does not include" in answer.because


@pytest.mark.parametrize("claim", [VOICE, PERFECT, IMPROVE, ALL, COMMON, OVERFITTING])
def test_a_run_without_fusion_leaves_its_claims_untested(claim):
    answers = found(claims.ProtocolRun("record_wise", sweep(lambda _: 0.5, CELLS[:1])))
    assert answers[claim]["record_wise, published cell"].verdict == "not testable"


CLINICAL_ALONE_IS_PERFECT = dict(audio=0.3, clinical_all=9.0, fused_all=9.0, clinical_common=0.2, fused_common=0.3)
VOICE_ADDS = dict(audio=0.4, clinical_all=0.4, fused_all=1.2, clinical_common=0.2, fused_common=-1.0)


@pytest.mark.parametrize(
    ("effects", "claim", "verdict"),
    [
        (CLINICAL_ALONE_IS_PERFECT, ALL, "not held"),
        (CLINICAL_ALONE_IS_PERFECT, PERFECT, "held"),
        (CLINICAL_ALONE_IS_PERFECT, IMPROVE, "held"),
        (VOICE_ADDS, ALL, "held"),
        (VOICE_ADDS, COMMON, "not held"),
        (VOICE_ADDS, PERFECT, "not held"),
        ({"audio": 3.0}, VOICE, "held"),
        ({"audio": 0.2}, VOICE, "not held"),
        ({"fused_all": 0.1}, OVERFITTING, "not held"),
        ({"fused_all": 2.0}, OVERFITTING, "held"),
    ],
)
def test_models_hold_or_refute_the_claims_on_voice_and_clinical_data(effects, claim, verdict):
    assert of_models(claim, **effects).verdict == verdict


def test_nothing_is_above_clinical_columns_that_are_right_about_everyone():
    assert "nothing is above" in of_models(ALL, **CLINICAL_ALONE_IS_PERFECT).because


def test_the_fusion_of_two_tables_is_compared_in_pairs():
    effects = {"audio": 0.4, "fused_all": 0.9}
    answer = of_models(IMPROVE, **effects)
    audio, fused = (predictions(FOLDS, effect, seed=place) for place, effect in enumerate(effects.values()))
    expected = intervals.compare(fused, audio, draws=300)["accuracy"]
    assert (answer.value, answer.low, answer.high) == pytest.approx(expected[:3])


@pytest.mark.parametrize(("probability", "trained", "verdict"), [(None, 0.3, "not testable"), (0.9, 0.98, "not held")])
def test_only_a_model_that_learnt_something_can_be_free_of_overfitting(probability, trained, verdict):
    """One guesses and hardly fits its training; one knows its training by heart and calls all others the same."""
    table = predictions(FOLDS, 0.0, seed=1)
    table = table if probability is None else table.assign(probability=probability)
    answer = of_tables({"fused_all": table}, trained=trained)[OVERFITTING][PUBLISHED]
    assert answer.verdict == verdict
    assert ("above the majority" in answer.because) == (verdict == "not testable")


def test_baselines_are_compared_with_the_voice():
    because = of_models(VOICE, audio=0.5).because
    assert "majority 66.7%" in because and "age_sex 66.7%" in because


def test_the_table_has_a_row_for_each_result_and_the_metrics_a_key():
    run = claims.ProtocolRun("subject_wise", sweep(lambda _: 0.5, CELLS[:1]))
    judged = claims.judge(CLAIMS, TABLE_4, TABLE_5, [run], draws=200)
    lines = [line for line in claims_page.markdown(judged).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + sum(len(results) for _, results in judged)
    assert len({line.count("|") for line in lines}) == 1
    metrics = claims_page.metrics(judged)
    assert list(metrics) == [claim.name for claim in CLAIMS.claim]
    assert metrics[CONSISTENT]["subject_wise"]["verdict"] == "not testable"


@pytest.mark.parametrize("wrong", [{"compares": ["S1 > S2"]}, {"within": "depth"}, {"rule": "by eye"}])
def test_a_claim_with_a_field_that_nothing_reads_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        claims.Claim.model_validate({**CLAIMS.claim[1].model_dump(), **wrong})


def test_every_name_in_the_claims_is_a_cell_of_the_papers_table_or_a_model():
    cells, models = [str(cell) for cell in CELLS], set(FUSION_MODELS)
    for claim in CLAIMS.claim:
        texts = (*claim.compare, *claim.compare_in_paper, *claim.also_shown)
        names = [name for each in parsed(texts, CLAIMS.groups, cells) for name in each.names]
        assert {*names, claim.model} - {""} <= {*cells, *models}, claim.name
        assert sum(map(bool, (claim.compare, claim.at_least, claim.rule))) == 1, claim.name
