import pandas as pd
import pytest

from bulbar.paper import alternative_texts

ARCHITECTURES = pd.DataFrame(
    {"architecture": ["S1A", "S1B"], "average_accuracy": [61.2, 64.8], "paper": [70.0, None]},
)


def test_averages_are_not_counted_among_the_cells_of_table_4():
    table = pd.DataFrame(
        {"architecture": ["S1A", "S1A", "average"], "dropout_rate": ["0.0", "average", "0.0"],
         "highest_fold": [66.0, 99.0, 99.0], "mean": [60.0, 99.0, 99.0], "paper": [80.33, 99.0, 99.0]}
    )  # fmt: skip
    text = alternative_texts.heat_maps(table)
    assert "between 66.0 and 66.0 %" in text and "between 80.3 and 80.3 %" in text and "99" not in text


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (ARCHITECTURES, "our highest is S1B with 64.8 %; the paper’s is S1A with 70.0 %."),
        (ARCHITECTURES.assign(average_accuracy=float("nan")), "rates: the paper’s is S1A with 70.0 %."),
    ],
)
def test_of_architectures_it_names_the_best_on_average(table, expected):
    assert alternative_texts.pooling_effect(table).endswith(expected)


def test_a_confusion_matrix_is_counted_class_by_class():
    calls = pd.DataFrame({"actual": ["ALS", "ALS", "HC"], "predicted": ["ALS", "HC", "HC"]})
    text = alternative_texts.confusion_matrices(calls, "voice alone")
    assert (
        "of voice alone. The selected cell is correct for 1 of 2 recordings of ALS and 1 of 1 recordings of HC" in text
    )


def test_precision_is_read_at_half_of_the_patients_found():
    curve = pd.DataFrame({"recall": [0.25, 0.5, 0.75], "audio": [0.9, 0.8, 0.7]})
    text = alternative_texts.precision_recall_curves(curve)
    assert "audio 0.80, clinical common not defined" in text


def test_learning_curves_go_from_the_first_epoch_to_the_last():
    curve = pd.DataFrame({"fold": 2.0, "loss": [0.9, 0.5, 0.4], "validation_loss": [0.8, 0.6, float("nan")]})
    text = alternative_texts.learning_curves(curve)
    assert "In fold 2, over 3 epochs, the training loss changes from 0.90 to 0.40" in text
    assert text.endswith("the validation loss from 0.80 to not defined.")
