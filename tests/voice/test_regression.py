import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from bulbar.voice import fitting
from bulbar.voice.regression import StoredRegression

NAMES = [f"A:m{n}" for n in range(6)]


@pytest.fixture
def people():
    """Sixty people: six measures, the first two with signal, age and sex, some values missing."""
    generator = np.random.default_rng(4)
    labels = np.repeat([0, 1], 30)
    known = pd.DataFrame({"age_years": generator.normal(60, 10, 60), "sex_male": generator.integers(0, 2, 60) * 1.0})
    rows = pd.DataFrame(generator.standard_normal((60, 6)), columns=NAMES)
    rows[NAMES[:2]] += labels[:, None] * 1.5
    rows = rows.add(0.1 * known["age_years"] + 2 * known["sex_male"], axis=0)
    return rows.mask(generator.random((60, 6)) < 0.05), known.mask(generator.random((60, 2)) < 0.05), labels


def by_hand(rows, known, labels, *, c, strongest):
    """The same regression from scikit-learn's linear models, numpy's medians and corrcoef."""
    medians, centres = rows.median(), known.median()
    filled, covariates = rows.fillna(medians), known.fillna(centres)
    residuals = filled - LinearRegression().fit(covariates, filled).predict(covariates)
    scaled = np.clip((residuals - residuals.mean()) / residuals.std(ddof=0), -3, 3)
    strength = [abs(np.corrcoef(scaled[name], labels)[0, 1]) for name in rows]
    kept = sorted(np.argsort(strength)[-strongest:])
    model = LogisticRegression(C=c, class_weight="balanced", max_iter=5000).fit(scaled.iloc[:, kept], labels)
    return rows.columns[kept], model.decision_function(scaled.iloc[:, kept])


@pytest.mark.parametrize(("c", "strongest"), [(0.01, 6), (1.0, 2), (0.001, 3)])
def test_a_stored_regression_predicts_as_scikit_learn_does(people, c, strongest):
    rows, known, labels = people
    fitted = fitting.fit(rows, known, labels, fitting.Recipe(strongest=strongest, c=c))
    names, expected = by_hand(rows, known, labels, c=c, strongest=strongest)
    assert [feature.name for feature in fitted.features] == list(names)
    found = fitted.log_odds(rows.join(known))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    again = StoredRegression.model_validate_json(fitted.model_dump_json())
    assert again.log_odds(rows.join(known)).tolist() == found.tolist()


def test_contributions_add_up_to_the_log_odds_and_are_clipped_at_three_standard_deviations(people):
    rows, known, labels = people
    fitted = fitting.fit(rows, known, labels, fitting.Recipe(c=0.1))
    far = rows.join(known).iloc[:2].assign(**{NAMES[0]: [1e6, -1e6]})
    parts = fitted.contributions(far)
    np.testing.assert_allclose(parts.sum(axis=1) + fitted.intercept, fitted.log_odds(far))
    assert parts[NAMES[0]].tolist() == pytest.approx([3 * fitted.features[0].weight, -3 * fitted.features[0].weight])


def test_what_is_missing_counts_as_the_training_median(people):
    rows, known, labels = people
    fitted = fitting.fit(rows, known, labels, fitting.Recipe(c=0.1))
    person = rows.join(known).iloc[[3]]
    filled = person.fillna({**rows.median(), **known.median()}).assign(**{NAMES[1]: rows[NAMES[1]].median()})
    without = person.drop(columns=NAMES[1])
    np.testing.assert_allclose(fitted.log_odds(without), fitted.log_odds(filled))


def test_adjustment_leaves_the_residuals_of_a_linear_regression():
    generator = np.random.default_rng(1)
    values, known = generator.standard_normal((40, 3)), generator.standard_normal((40, 2))
    values += known @ generator.standard_normal((2, 3)) + 5
    new = generator.standard_normal((7, 5))
    fitted = fitting.Adjustment(2).fit(np.hstack([values, known]))
    regression = LinearRegression().fit(known, values)
    np.testing.assert_allclose(fitted.transform(new), new[:, :3] - regression.predict(new[:, 3:]))
    np.testing.assert_allclose(fitting.Adjustment(0).fit(values).transform(values), values - values.mean(axis=0))


def test_a_measure_that_nobody_has_and_a_constant_one_are_left_out(people):
    rows, known, labels = people
    more = rows.assign(**{"TA:nobody": np.nan, "TA:constant": 2.0})
    assert fitting.fit(more, known, labels, fitting.Recipe(c=0.1)) == fitting.fit(
        rows, known, labels, fitting.Recipe(c=0.1)
    )
    empty = fitting.fit(more[["TA:nobody"]], known, labels, fitting.Recipe(c=0.1))
    assert empty.log_odds(more.join(known)).tolist() == [0.0] * 60
