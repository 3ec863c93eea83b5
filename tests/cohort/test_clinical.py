import csv
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bulbar.cohort import clinical, voc_als
from bulbar.core.names import PROTOCOLS
from tests.releases import MAXIMA, PUBLISHED, voc_als_control, voc_als_patient, voc_als_rows, write_voc_als

TABLE_3 = Path(__file__).parents[2] / "reference" / "als_table3_scaled_clinical.csv"

KINDS = {"fvc": "numeric", "gene": "categorical"}


def table_of(fvc, gene):
    return clinical.typed(pd.DataFrame({"fvc": fvc, "gene": gene}), KINDS)


def voc_als_table(tmp_path, rows):
    release = voc_als.read(write_voc_als(tmp_path, rows, tasks=()))
    return clinical.typed(release.subjects.set_index("subject_id"), release.clinical), release


def test_the_record_wise_matrix_is_the_papers_table_3_digit_by_digit(tmp_path):
    table, release = voc_als_table(tmp_path, [*PUBLISHED, *MAXIMA])
    matrix = clinical.encoder(release.clinical, "record_wise").fit_transform(table)
    ours = {
        "genetic_sod1": "genetic_test_SOD1",
        "genetic_tardbp": "genetic_test_TARDBP",
        "genetic_c9orf72": "genetic_test_C9ORF72 expansion",
        "genetic_negative": "genetic_test_negative",
        "fvc_scaled": "fvc_percent",
        "alsfrs_total_scaled": "alsfrs_r_total",
        "cantagallo_scaled": "cantagallo_questionnaire",
    }
    with TABLE_3.open() as file:
        published = list(csv.DictReader(file))
    assert len(published) == 8
    for row in published:
        for theirs, name in ours.items():
            digits = Decimal(float(matrix.loc[row["subject_id"], name])).quantize(Decimal("0.0001"), ROUND_DOWN)
            assert digits == Decimal(row[theirs]), (row["subject_id"], name)


def test_every_record_wise_value_lies_in_zero_to_one_and_has_a_readable_name(tmp_path):
    table, release = voc_als_table(tmp_path, [*PUBLISHED, *MAXIMA])
    matrix = clinical.encoder(release.clinical, "record_wise").fit_transform(table)
    assert matrix.min(axis=None) == 0
    assert matrix.max(axis=None) == 1
    assert list(matrix.index) == list(table.index)
    assert {"king_stage_2", "therapy_None", "therapy_Riluzole", "el_escorial_probable", "sex_F"} <= set(matrix)
    assert next(iter(matrix)) == "age_years"


def test_min_max_is_equation_1(tmp_path):
    ages = [44, 50, 71, 63]
    rows = [voc_als_control(f"CT00{n}", **{"Age (years)": age}) for n, age in enumerate(ages)]
    table, _ = voc_als_table(tmp_path, rows)
    scaled = clinical.encoder({"age_years": "numeric"}, "record_wise").fit_transform(table)["age_years"]
    # equation 1: (X - X_min) / (X_max - X_min), with X_min 44 and X_max 71
    np.testing.assert_allclose(scaled, [0, 6 / 27, 1, 19 / 27], rtol=1e-12)


def test_not_recorded_stays_apart_from_zero_until_it_is_filled():
    table = table_of([np.nan, 0.0, 80.0], [None, "SOD1", "negative"])
    assert table["fvc"].isna().tolist() == [True, False, False]
    record_wise = clinical.encoder(KINDS, "record_wise").fit_transform(table)
    assert record_wise["fvc"].tolist() == [0, 0, 1]
    subject_wise = clinical.encoder(KINDS, "subject_wise").fit_transform(table)
    assert subject_wise["fvc"].tolist() == [0.5, 0, 1]


def test_subject_wise_fills_medians_and_modes_of_the_rows_it_was_fitted_on():
    fitted_on = table_of([60, 80, 100, 120, np.nan], ["negative", "negative", "SOD1", None, "negative"])
    fitted = clinical.encoder(KINDS, "subject_wise").fit(fitted_on)
    held_out = fitted.transform(table_of([np.nan, 300, 0, 75], [None, "TARDBP", "SOD1", "negative"]))
    assert list(held_out) == ["fvc", "gene_SOD1", "gene_negative"]
    # median of 60, 80, 100, 120 is 90: (90 - 60) / 60; beyond the fitted range it is clipped
    assert held_out["fvc"].tolist() == [0.5, 1.0, 0.0, 0.25]
    assert held_out[["gene_SOD1", "gene_negative"]].to_numpy().tolist() == [[0, 1], [0, 0], [1, 0], [0, 1]]


def test_subject_wise_keeps_nothing_of_what_was_missing():
    fitted_on = table_of([60, 80, 100], ["negative", "negative", "SOD1"])
    fitted = clinical.encoder(KINDS, "subject_wise").fit(fitted_on)
    missing = fitted.transform(table_of([np.nan], [None]))
    recorded = fitted.transform(table_of([80], ["negative"]))
    pd.testing.assert_frame_equal(missing, recorded)


def test_a_changed_held_out_row_changes_no_other_row(tmp_path):
    table, release = voc_als_table(tmp_path, [*PUBLISHED, *MAXIMA, *voc_als_rows(3, 3)])
    training = table.index[:10]

    def encoded(changed):
        return clinical.encoder(release.clinical, "subject_wise").fit(changed.loc[training]).transform(changed)

    changed = table.copy()
    changed.loc["CT003", ["fvc_percent", "age_years", "genetic_test", "king_stage"]] = [9999.0, -5.0, "FUS", "9"]
    before, after = encoded(table), encoded(changed)
    pd.testing.assert_frame_equal(before.drop(index="CT003"), after.drop(index="CT003"))
    assert not before.loc["CT003"].equals(after.loc["CT003"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_columns_that_nobody_has_are_kept_and_hold_no_missing_value(protocol):
    matrix = clinical.encoder(KINDS, protocol).fit_transform(table_of([np.nan, np.nan], [None, None]))
    assert "fvc" in matrix
    assert (matrix == 0).all(axis=None)


def test_another_protocol_is_refused():
    with pytest.raises(ValueError, match="clip_wise"):
        clinical.encoder(KINDS, "clip_wise")


def test_stages_of_a_cohort_without_letters_stay_strings(tmp_path):
    path = tmp_path / "subjects.csv"
    path.write_text("subject_id,label,king_stage\nCT001,HC,\nPZ001,ALS,1\nPZ002,ALS,2\n")
    kinds = {"king_stage": "categorical"}
    read = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=clinical.dtypes(kinds))
    matrix = clinical.encoder(kinds, "record_wise").fit_transform(clinical.typed(read, kinds))
    assert list(matrix) == ["king_stage_1", "king_stage_2"]


def test_availability_counts_each_column_in_each_group(tmp_path):
    rows = [voc_als_control("CT001"), voc_als_patient("PZ001", **{"FVC% ": "-"}), voc_als_patient("PZ002")]
    release = voc_als.read(write_voc_als(tmp_path, rows, tasks=()))
    counted = clinical.availability(release.subjects, release.clinical).set_index(["column", "label"])
    assert counted.loc[("fvc_percent", "ALS")].tolist() == [1, 2]
    assert counted.loc[("fvc_percent", "HC")].tolist() == [0, 1]
    assert counted.loc[("cantagallo_questionnaire", "HC")].tolist() == [1, 1]
    assert len(counted) == 2 * len(release.clinical)
