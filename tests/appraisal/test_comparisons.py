import re

import numpy as np
import pandas as pd
import pytest

from bulbar.appraisal import comparisons
from bulbar.scoring import metrics


def model(effect: float, seed: int, subjects: int = 60) -> pd.DataFrame:
    """Two recordings a subject whose log odds lie `effect` apart between the classes."""
    generator = np.random.default_rng(seed)
    subject = np.repeat(np.arange(subjects), 2)
    label = subject % 2
    odds = effect * (2 * label - 1) / 2 + generator.normal(0, 1, len(subject))
    names = [f"R{n}" for n in range(len(subject))]
    table = pd.DataFrame({"recording_id": names, "subject_id": subject, "fold": subject // 2 % 5 + 1, "label": label})
    return table.assign(probability=1 / (1 + np.exp(-odds)))


def test_holms_p_are_those_of_his_procedure():
    assert comparisons.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # R: p.adjust
    assert comparisons.holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])


def test_a_comparison_without_p_is_not_counted():
    found = comparisons.holm([0.01, np.nan, 0.04])
    assert found[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(found[1])


def test_pairs_are_compared_where_both_models_are_there_per_subject_and_per_recording():
    models = {"audio": model(3, 1), "majority": model(0, 2).assign(probability=0.5), "fused_common": model(3, 3)}
    found = comparisons.compare_all(models, draws=200)
    pairs = set(zip(found["first"], found["second"], strict=True))
    assert pairs == {("audio", "majority"), ("fused_common", "audio")}
    assert set(found["unit"]) == {"subject", "recording"}
    row = found[(found["unit"] == "subject") & (found["score"] == "accuracy") & (found["second"] == "majority")].iloc[0]
    accuracy = {
        name: metrics.accuracy(table["label"], table["probability"])
        for name in ("audio", "majority")
        for table in [metrics.per_subject(models[name])]
    }
    assert row["difference"] == pytest.approx(accuracy["audio"] - accuracy["majority"])
    assert (found["p_holm"] >= found["p"] - 1e-12).all()


@pytest.mark.parametrize(
    ("effect", "others", "expected"),
    [
        (4, {"age_sex": 0}, r"The network beats all baselines: majority, AUC \+0.*; age_sex, AUC \+0"),
        (2, {"voice_linear": 2}, "The network beats majority.*, but not voice_linear"),
        (0, {}, "The network does not beat majority"),
    ],
)
def test_a_network_earns_its_place_where_it_beats_every_baseline(effect, others, expected):
    models = {"audio": model(effect, 1), "majority": model(0, 2).assign(probability=0.5)}
    models |= {name: model(of, 3) for name, of in others.items()}
    assert re.match(expected, comparisons.earns_its_place(comparisons.compare_all(models, draws=500)))


def test_without_baselines_no_verdict_is_given():
    found = comparisons.compare_all({"audio": model(1, 1), "fused_common": model(1, 2)}, draws=200)
    assert comparisons.earns_its_place(found).startswith("No baseline was run")
