"""The clinical table: typed columns, counts of recorded values, and its encoding under each protocol."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder
from sklearn.utils.validation import check_is_fitted

from bulbar.core.disclosure import shown
from bulbar.core.names import Protocol

PAPER_FEATURES = 35
"""Number of features stated in the paper (section 4.A)."""


def dtypes(kinds: Mapping[str, str]) -> dict[str, type]:
    """Column -> type for reading a clinical CSV, so that a category such as King stage `1` stays a string."""
    return {"subject_id": str, "label": str} | {
        name: float if kind == "numeric" else str for name, kind in kinds.items()
    }


def typed(table: pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """The columns of `kinds`, in that order: numeric as float, categorical as strings; missing values stay missing.

    Raises KeyError if a column is missing, ValueError if a numeric column contains anything else.
    """
    columns = {}
    for name, kind in kinds.items():
        if kind == "numeric":
            columns[name] = table[name].astype(float)
        else:
            written = table[name].astype(object)
            columns[name] = written.where(written.isna(), written.map(str)).where(written.notna(), np.nan)
    return pd.DataFrame(columns, index=table.index)


class CategoryColumns(TransformerMixin, BaseEstimator):
    """One column for each category seen in `fit`; a missing or unseen category is 0 in all of them.

    OneHotEncoder gets the categories explicitly, because otherwise it makes an extra column for `missing`.
    """

    def fit(self, table: pd.DataFrame, y: object = None) -> Self:
        """Learn the categories of each column of `table`."""
        seen = {name: sorted(set(table[name].dropna())) for name in table.columns}
        self.feature_names_in_ = np.asarray(table.columns, dtype=object)
        self.columns_ = [name for name, categories in seen.items() if categories]
        self.encoder_ = OneHotEncoder(
            categories=[np.asarray(seen[name], dtype=object) for name in self.columns_],
            handle_unknown="ignore",
            sparse_output=False,
        )
        if self.columns_:
            self.encoder_.fit(table[self.columns_].fillna({name: seen[name][0] for name in self.columns_}))
        return self

    def transform(self, table: pd.DataFrame) -> np.ndarray:
        """Encoded columns, shape (rows, categories), 0 or 1."""
        check_is_fitted(self, "encoder_")
        if not self.columns_:
            return np.zeros((len(table), 0))
        return self.encoder_.transform(table[self.columns_].astype(object))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Column and category, such as `genetic_test_SOD1`."""
        check_is_fitted(self, "encoder_")
        return self.encoder_.get_feature_names_out() if self.columns_ else np.asarray([], dtype=object)


def encoder(kinds: Mapping[str, str], protocol: Protocol) -> Pipeline:
    """Build the encoder of a clinical table. Fit it only on rows that it may learn from.

    Parameters
    ----------
    kinds : mapping of str to str
        Column -> `numeric` or `categorical`, of tables from `typed`.
    protocol : str
        `record_wise`, fitted on the whole table: missing numbers become 0, a missing category becomes 0 in each of its
        columns, then Min-Max scaling (equation 1). `subject_wise`, fitted on a fold's training subjects: missing values
        become their medians and modes, without a sign that a value was missing; values outside their range are clipped.

    Returns
    -------
    Pipeline
        Its output is a DataFrame of named columns in [0, 1], numeric ones first.

    Raises
    ------
    ValueError
        If the protocol is unknown.

    Notes
    -----
    `record_wise`: Switrayana et al. 2025, section 4.B and Table 3.
    """
    numeric = [name for name, kind in kinds.items() if kind == "numeric"]
    categorical = [name for name, kind in kinds.items() if kind == "categorical"]
    if protocol == "record_wise":
        fill_numbers = SimpleImputer(strategy="constant", fill_value=0, keep_empty_features=True)
        categories = Pipeline([("columns", CategoryColumns())])
    elif protocol == "subject_wise":
        fill_numbers = SimpleImputer(strategy="median", keep_empty_features=True)
        categories = Pipeline(
            [
                ("modes", SimpleImputer(strategy="most_frequent", keep_empty_features=True)),
                ("columns", CategoryColumns()),
            ]
        )
    else:
        raise ValueError(f"protocol record_wise or subject_wise expected, got {protocol!r}")
    columns = ColumnTransformer(
        [("numeric", fill_numbers, numeric), ("categorical", categories, categorical)],
        verbose_feature_names_out=False,
    )
    pipeline = Pipeline([("columns", columns), ("scale", MinMaxScaler(clip=protocol == "subject_wise"))])
    return pipeline.set_output(transform="pandas")


def availability(table: pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Number of subjects with a value, by column and label.

    table: subjects with `label` and the columns of `kinds`. Returns column, label, recorded, subjects.
    """
    rows = [
        (name, label, int(group[name].notna().sum()), len(group))
        for name in kinds
        for label, group in table.groupby("label", sort=True)
    ]
    return pd.DataFrame(rows, columns=["column", "label", "recorded", "subjects"])


def metrics(
    contract: Mapping[str, Any], subjects: pd.DataFrame, recorded: pd.DataFrame, features: Mapping[str, int]
) -> dict[str, Any]:
    """Totals of the clinical table; counts of people as `shown` prints them.

    contract: source, synthetic and kinds of columns of the cohort. recorded: from `availability`. features: number of
    encoded columns of `all` and `common`.
    """
    kinds = contract["clinical"]["all"]
    counts: dict[str, Any] = {
        "source": contract["source"],
        "synthetic": contract["synthetic"],
        "clinical_columns": {"all": len(kinds), "common": len(contract["clinical"]["common"])},
        "features": dict(features),
    }
    if contract["source"] == "voc_als":
        counts["columns_beside_the_acoustic_ones"] = len(kinds) + len(("ID", "Category"))
        counts["features_counted_by_the_paper"] = PAPER_FEATURES
        counts["fus_cases"] = shown(int(subjects["genetic_test"].str.contains("FUS", na=False).sum()))
    counts["recorded"] = {
        str(name): {
            label: shown(int(count), int(out_of))
            for label, count, out_of in zip(rows["label"], rows["recorded"], rows["subjects"], strict=True)
        }
        for name, rows in recorded.groupby("column", sort=False)
    }
    return counts
