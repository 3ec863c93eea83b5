import numpy as np
import pandas as pd
import pytest

from bulbar.cohort import clinical
from bulbar.deployment.encoding import StoredEncoder

KINDS = {"age_years": "numeric", "sex": "categorical", "cantagallo_questionnaire": "numeric"}


def people(n: int, seed: int, missing: float = 0.2) -> pd.DataFrame:
    draws = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age_years": draws.integers(20, 95, n).astype(float),
            "sex": draws.choice(["F", "M"], n).astype(object),
            "cantagallo_questionnaire": draws.gamma(1, 20, n).round(),
        }
    )
    return table.mask(draws.random(table.shape) < missing)


@pytest.fixture(scope="module")
def fitted():
    return clinical.encoder(KINDS, "subject_wise").fit(clinical.typed(people(30, seed=1), KINDS))


def person(row: pd.Series) -> dict:
    return {name: value for name, value in row.items() if not pd.isna(value)}


def test_a_person_is_encoded_as_by_the_pipeline_that_the_network_was_trained_on_bit_for_bit(fitted):
    others = clinical.typed(people(200, seed=2), KINDS)
    expected = fitted.transform(others).to_numpy(dtype=np.float32)
    stored = StoredEncoder.of(fitted)
    np.testing.assert_array_equal(np.stack([stored(person(row)) for _, row in others.iterrows()]), expected)
    assert expected.min() == 0 and expected.max() == 1, "some lie beyond the training subjects"


def test_json_gives_the_same_encoder_back(fitted):
    stored = StoredEncoder.of(fitted)
    assert StoredEncoder.model_validate_json(stored.model_dump_json()) == stored


def test_what_is_not_known_of_a_person_takes_the_training_subjects_median_and_mode(fitted):
    trained = people(30, seed=1)
    known = {
        "age_years": trained["age_years"].median(),
        "sex": trained["sex"].mode()[0],
        "cantagallo_questionnaire": trained["cantagallo_questionnaire"].median(),
    }
    stored = StoredEncoder.of(fitted)
    np.testing.assert_array_equal(stored({}), stored(known))


def test_columns_of_one_kind_alone_are_stored_too():
    for kinds in ({"age_years": "numeric"}, {"sex": "categorical"}):
        table = clinical.typed(people(20, seed=3), kinds)
        fitted = clinical.encoder(kinds, "subject_wise").fit(table)
        stored = StoredEncoder.of(fitted)
        expected = fitted.transform(table).to_numpy(dtype=np.float32)
        np.testing.assert_array_equal(np.stack([stored(person(row)) for _, row in table.iterrows()]), expected)
