from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bulbar.core.names import Cell
from bulbar.paper import claims
from bulbar.scoring import intervals
from tests.sweeps import ARCHITECTURES, DROPOUT_RATES, ROOT, history, predictions, subjects_and_recordings, with_folds

TABLE_4 = pd.read_csv(ROOT / "reference/als_table4_accuracy.csv")
TABLE_5 = pd.read_csv(ROOT / "reference/als_table5_modalities.csv")
PRINTED = TABLE_4.set_index("code")
FOLDS = with_folds(subjects_and_recordings(120), "subject_wise")
CELLS = [Cell(name, rate) for name in ARCHITECTURES for rate in DROPOUT_RATES]
BOTH = ("published", "selected")


def sweep(effect_of: Callable[[Cell], float], cells: list[Cell] = CELLS) -> dict[Cell, pd.DataFrame]:
    return {cell: predictions(FOLDS, effect_of(cell), seed=place) for place, cell in enumerate(cells)}


def found(*runs: claims.Run, table_4: pd.DataFrame = TABLE_4) -> dict[str, dict[str, claims.Answer]]:
    """Claim -> source -> its answer."""
    every = claims.claims(table_4, TABLE_5, runs, draws=500)
    return {claim.name: {answer.of: answer for answer in claim.answers} for claim in every}


def of_sweep(predictions: dict[Cell, pd.DataFrame]) -> dict[str, claims.Answer]:
    """What a sweep of ours says of each claim."""
    run = claims.Run("subject_wise", predictions)
    return {name: answers["subject_wise"] for name, answers in found(run).items() if "subject_wise" in answers}


def of_models(**effects: float) -> dict[str, claims.Answer]:
    """What models of ours that separate the classes that well say of each claim."""
    models = {model: predictions(FOLDS, effect, seed=place) for place, (model, effect) in enumerate(effects.items())}
    curves = pd.concat([history(5, 1.5, fold).assign(fold=fold, accuracy=0.9) for fold in range(1, 6)])
    run = claims.Run(
        "subject_wise",
        sweep(lambda _: 0.5, CELLS[:1]),
        models={cell: models for cell in BOTH},
        histories={cell: {"fused_all": curves} for cell in BOTH},
    )
    key = "subject_wise, published cell"
    return {name: answers[key] for name, answers in found(run).items() if key in answers}


def test_the_papers_own_digits_hold_some_claims_and_refute_others():
    verdicts = {name: answers["paper"].verdict for name, answers in found().items()}
    assert verdicts == {
        "results averaged over folds": "not held",
        "S1B consistently highest": "not held",
        "deeper networks never surpass S1B": "not held",
        "dropout of 0.4 to 0.5 lowers accuracy": "held",
        "average pooling is better than max pooling": "not held",
        "max pooling is better than average pooling": "held",
        "pooling matters less than depth": "held",
        "S1 best on average": "held",
        "each further layer lowers accuracy": "held",
        "80.33 % from voice": "not held",
        "100 % with clinical data": "not testable",
        "clinical data improve on voice": "held",
        "synergy of voice and all clinical columns": "not testable",
        "synergy of voice and the clinical columns that both groups have": "not testable",
        "no overfitting": "not testable",
    }


def test_the_counterexamples_are_read_from_the_table():
    digits = {claim.name: claim.digits for claim in claims.claims(TABLE_4, TABLE_5, [])}
    above = [rate for rate in DROPOUT_RATES if PRINTED[f"dropout_{rate}"].drop("average").idxmax() != "S1B"]
    assert above == [0.4, 0.1, 0.0]
    for rate in above:
        assert f"at {rate}: S1B" in digits["S1B consistently highest"]
    assert "S3B 77.87 against S1B 77.05 at 0.0" in digits["deeper networks never surpass S1B"]
    printed_averages = PRINTED["average"]
    assert f"S1A {printed_averages['S1A']:.2f}" in digits["S1B consistently highest"]
    value = found()["S1B consistently highest"]["paper"].value
    assert 100 * value == pytest.approx(printed_averages["S1B"] - printed_averages["S1A"], abs=0.011)


def test_a_table_in_which_s1b_is_always_first_holds_what_is_said_of_it():
    columns = [f"dropout_{rate}" for rate in DROPOUT_RATES]
    table = TABLE_4.copy()
    table.loc[table["code"] == "S1B", columns] = 80.33
    answers = found(table_4=table)
    assert answers["S1B consistently highest"]["paper"].verdict == "held"
    assert answers["deeper networks never surpass S1B"]["paper"].verdict == "held"
    assert answers["average pooling is better than max pooling"]["paper"].verdict == "held"
    assert answers["max pooling is better than average pooling"]["paper"].verdict == "not held"


def test_runs_in_which_s1b_is_best_and_depth_hurts_hold_the_claims():
    effects = {"S1A": 0.7, "S1B": 1.4}
    answers = of_sweep(sweep(lambda cell: effects.get(cell.architecture, 0.1)))
    for name in ("S1B consistently highest", "S1 best on average", "average pooling is better than max pooling"):
        assert answers[name].verdict == "held", name
        assert answers[name].low > 0
    assert answers["max pooling is better than average pooling"].verdict == "not held"
    assert answers["deeper networks never surpass S1B"].verdict == "held"
    assert answers["each further layer lowers accuracy"].verdict == "not testable"


def test_runs_in_which_deeper_networks_are_better_refute_the_claims():
    answers = of_sweep(sweep(lambda cell: 1.5 if cell.architecture in ("S3A", "S3B") else 0.3))
    for name in ("S1B consistently highest", "deeper networks never surpass S1B", "S1 best on average"):
        assert answers[name].verdict == "not held", name
        assert answers[name].high < 0


def test_dropout_that_costs_accuracy_is_seen_and_dropout_that_helps_too():
    costs = of_sweep(sweep(lambda cell: 0.2 if cell.dropout_rate >= 0.4 else 0.8))
    helps = of_sweep(sweep(lambda cell: 0.8 if cell.dropout_rate >= 0.4 else 0.2))
    assert costs["dropout of 0.4 to 0.5 lowers accuracy"].verdict == "held"
    assert helps["dropout of 0.4 to 0.5 lowers accuracy"].verdict == "not held"


def test_a_paired_difference_agrees_with_that_of_two_tables():
    tables = sweep(lambda cell: 0.6 if cell.architecture == "S1B" else 0.3)
    answer = of_sweep(tables)["average pooling is better than max pooling"]
    accuracy = {
        name: np.mean([(tables[Cell(name, rate)]["probability"].ge(0.5) == tables[Cell(name, rate)]["label"]).mean()
                       for rate in DROPOUT_RATES])
        for name in ("S1A", "S1B")
    }  # fmt: skip
    assert answer.value == pytest.approx(accuracy["S1B"] - accuracy["S1A"])
    assert answer.low < answer.value < answer.high


def test_networks_that_all_call_everyone_the_same_test_nothing():
    lost = {cell: table.assign(probability=0.66) for cell, table in sweep(lambda _: 0.0).items()}
    answers = of_sweep(lost)
    assert {answer.verdict for answer in answers.values()} == {"not testable"}
    assert "call everyone the same class" in answers["S1 best on average"].because


def test_an_order_among_networks_that_are_below_the_majority_tests_nothing():
    tables = sweep(lambda cell: -0.5 if cell.architecture.startswith("S1") else 0.0)
    for cell, table in tables.items():
        if cell.architecture[0:2] != "S1":
            table["probability"] = 0.66
    answer = of_sweep(tables)["S1 best on average"]
    assert answer.verdict == "not testable"
    assert answer.high < 0
    assert "better than calling everyone the majority" in answer.because


@pytest.mark.parametrize("cells", [CELLS[:2], [Cell("S1B", 0.3)], [Cell("S2A", 0.45)]])
def test_a_small_sweep_leaves_claims_untested_and_raises_nothing(cells):
    answers = of_sweep(sweep(lambda _: 1.0, cells))
    assert answers["S1B consistently highest"].verdict == "not testable"
    assert "does not hold" in answers["S1B consistently highest"].because


def test_a_run_without_fusion_leaves_its_claims_untested():
    answers = found(claims.Run("record_wise", sweep(lambda _: 0.5, CELLS[:1])))
    for name in ("80.33 % from voice", "100 % with clinical data", "no overfitting"):
        assert answers[name]["record_wise, published cell"].verdict == "not testable"


def test_clinical_columns_that_tell_everything_leave_no_room_for_synergy():
    answers = of_models(audio=0.3, clinical_all=9.0, fused_all=9.0, clinical_common=0.2, fused_common=0.3)
    synergy = answers["synergy of voice and all clinical columns"]
    assert synergy.verdict == "not held"
    assert "nothing to add" in synergy.because
    assert answers["100 % with clinical data"].verdict == "held"
    assert answers["clinical data improve on voice"].verdict == "held"


def test_synergy_is_seen_where_there_is_some():
    answers = of_models(audio=0.4, clinical_all=0.4, fused_all=1.2, clinical_common=0.2, fused_common=-1.0)
    assert answers["synergy of voice and all clinical columns"].verdict == "held"
    assert answers["synergy of voice and the clinical columns that both groups have"].verdict == "not held"
    assert answers["100 % with clinical data"].verdict == "not held"


def test_a_voice_model_is_placed_against_the_published_accuracy():
    assert of_models(audio=3.0)["80.33 % from voice"].verdict == "held"
    assert of_models(audio=0.2)["80.33 % from voice"].verdict == "not held"


def test_the_fusion_of_two_tables_is_compared_in_pairs():
    effects = {"audio": 0.4, "fused_all": 0.9}
    answer = of_models(**effects)["clinical data improve on voice"]
    audio, fused = (predictions(FOLDS, effect, seed=place) for place, effect in enumerate(effects.values()))
    expected = intervals.compare(fused, audio, draws=500)["accuracy"]
    assert (answer.value, answer.low, answer.high) == pytest.approx(expected[:3])


def test_a_model_much_better_in_training_than_on_new_subjects_is_overfitted():
    assert of_models(fused_all=0.1)["no overfitting"].verdict == "not held"
    assert of_models(fused_all=2.0)["no overfitting"].verdict == "held"


def test_a_model_that_learnt_nothing_is_not_praised_for_fitting_nothing_too_closely():
    lucky = history(5, 0.1, 0).assign(accuracy=0.3)
    table = predictions(FOLDS, 0.0, seed=1)
    run = claims.Run(
        "subject_wise",
        sweep(lambda _: 0.5, CELLS[:1]),
        models={"published": {"fused_all": table}},
        histories={"published": {"fused_all": pd.concat([lucky.assign(fold=fold) for fold in range(1, 6)])}},
    )
    answer = found(run)["no overfitting"]["subject_wise, published cell"]
    assert answer.verdict == "not testable"
    assert "above the majority" in answer.because


def test_baselines_stand_beside_the_voice():
    table = predictions(FOLDS, 0.5, seed=1)
    run = claims.Run(
        "subject_wise",
        {Cell("S1B", 0.3): table},
        models={cell: {"audio": table} for cell in BOTH},
        baselines={"age_sex": table.assign(probability=0.9)},
    )
    because = found(run)["80.33 % from voice"]["subject_wise, published cell"].because
    assert "majority 66.7%" in because
    assert "age_sex 66.7%" in because


def test_the_table_has_a_row_for_each_answer_and_the_metrics_a_key():
    run = claims.Run("subject_wise", sweep(lambda _: 0.5, CELLS[:1]))
    every = claims.claims(TABLE_4, TABLE_5, [run], draws=200)
    lines = [line for line in claims.markdown(every).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + sum(len(claim.answers) for claim in every)
    assert len({line.count("|") for line in lines}) == 1
    metrics = claims.metrics(every)
    assert list(metrics) == [claim.name for claim in every]
    assert metrics["S1B consistently highest"]["subject_wise"]["verdict"] == "not testable"


def test_networks_that_know_their_training_by_heart_and_call_all_new_ones_the_same_are_overfitted():
    by_heart = history(5, 0.1, 0).assign(accuracy=0.98)
    table = predictions(FOLDS, 0.0, seed=1).assign(probability=0.9)
    run = claims.Run(
        "subject_wise",
        sweep(lambda _: 0.5, CELLS[:1]),
        models={"published": {"fused_all": table}},
        histories={"published": {"fused_all": pd.concat([by_heart.assign(fold=fold) for fold in range(1, 6)])}},
    )
    assert found(run)["no overfitting"]["subject_wise, published cell"].verdict == "not held"
