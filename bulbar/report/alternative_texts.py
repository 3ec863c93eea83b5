"""What each figure shows, in words and with a number, for whoever does not see it."""

from collections.abc import Callable

import numpy as np

from bulbar.report.results import Results, defined
from bulbar.report.verdict import AUDIT

APPRAISE = "metrics/appraise/{}.json"
EVALUATE = "plots/evaluate"
MODELS = ("audio", "clinical_common", "fused_common", "clinical_all", "fused_all")


def _say(value: object, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if isinstance(value, int | float) and defined(value) else "not defined"


def of_table_4(results: Results, protocol: str) -> str:
    """Where ours and the paper's accuracies lie."""
    table = results.table(f"{EVALUATE}/table_4_{protocol}.csv")
    cells = table[(table["architecture"] != "average") & (table["dropout_rate"].astype(str) != "average")]
    return (
        f"Four heat maps of accuracy by architecture and dropout rate. Our highest folds lie between "
        f"{_say(cells['highest_fold'].min(), 1)} and {_say(cells['highest_fold'].max(), 1)} %, the means of the folds "
        f"between {_say(cells['mean'].min(), 1)} and {_say(cells['mean'].max(), 1)} %, the paper’s values between "
        f"{_say(cells['paper'].min(), 1)} and {_say(cells['paper'].max(), 1)} %."
    )


def of_figure_10(results: Results, protocol: str) -> str:
    """How accuracy goes with the dropout rate."""
    table = results.table(f"{EVALUATE}/figure_10_{protocol}.csv")
    lines = table.drop(columns=["dropout_rate", "majority"])
    return (
        f"Lines of accuracy over the dropout rate, one for each of {lines.shape[1]} architectures, ours beside the "
        f"paper’s: ours from {_say(lines.min().min(), 1)} to {_say(lines.max().max(), 1)} %, the majority baseline at "
        f"{_say(table['majority'].iloc[0], 1)} %."
    )


def of_figure_11(results: Results, protocol: str) -> str:
    """Which architecture is best on average."""
    table = results.table(f"{EVALUATE}/figure_11_{protocol}.csv").set_index("architecture")
    ours, paper = table["average_accuracy"].dropna(), table["paper"].dropna()
    best = [
        f"{whose} is {column.idxmax()} with {_say(column.max(), 1)} %"
        for whose, column in (("our highest", ours), ("the paper’s", paper))
        if len(column)
    ]
    return f"Bars of each architecture’s accuracy, averaged over the dropout rates: {'; '.join(best)}."


def of_calls(results: Results, protocol: str, figure: str, of: str) -> str:
    """How many of each class are called what they are, in the selected cell, per recording."""
    table = results.table(f"{EVALUATE}/{figure}_{protocol}_selected_recording.csv")
    right = [
        f"{int((rows['predicted'] == actual).sum())} of {len(rows)} recordings of {actual}"
        for actual, rows in table.groupby("actual")
    ]
    return f"Confusion matrices of {of}, {protocol}. The selected cell calls {' and '.join(right)} what they are."


OF_PAPER: dict[str, Callable[[Results, str], str]] = {
    "figure_10": of_figure_10,
    "figure_11": of_figure_11,
    "figure_12": lambda results, protocol: of_calls(results, protocol, "figure_12", "voice alone"),
    "figure_13": lambda results, protocol: of_calls(results, protocol, "figure_13", "voice and clinical columns"),
}


def of_learning(results: Results, protocol: str) -> str:
    """Where the losses of the first fold shown begin and end."""
    curve = results.table(f"{EVALUATE}/figure_14_{protocol}.csv")
    first, last = curve.iloc[0], curve.iloc[-1]
    return (
        f"Learning curves. In fold {first['fold']:.0f}, over {len(curve)} epochs, the training loss goes from "
        f"{_say(first['loss'])} to {_say(last['loss'])} and the validation loss from "
        f"{_say(first['validation_loss'])} to {_say(last['validation_loss'])}."
    )


def of_roc(results: Results, protocol: str) -> str:
    """The AUC of every model, per subject."""
    table = results.table(f"{EVALUATE}/table_5.csv")
    mine = table[
        (table["protocol"] == protocol) & (table["cell"] == "selected") & (table["unit"] == "subject")
    ].set_index("model")["roc_auc_pooled"]
    told = ", ".join(f"{model.replace('_', ' ')} {_say(mine.get(model, np.nan) / 100)}" for model in MODELS)
    return f"ROC curves per recording and per subject. AUC per subject, all pairs: {told}; chance is 0.50."


def of_precision_recall(results: Results, protocol: str) -> str:
    """The precision of every model at half of the patients found, per subject."""
    table = results.table(f"{EVALUATE}/precision_recall_{protocol}_selected_subject.csv").set_index("recall")
    half = table.loc[(table.index - 0.5 >= -1e-9)].iloc[0]
    told = ", ".join(f"{model.replace('_', ' ')} {_say(half.get(model, np.nan))}" for model in MODELS)
    return f"Precision–recall curves per recording and per subject. Precision per subject at a recall of 0.5: {told}."


def of_reliability(results: Results, protocol: str) -> str:
    """How far probabilities lie from what came true."""
    models = results.json(APPRAISE.format(protocol), "calibration") or {}
    told = ", ".join(
        f"{model.replace('_', ' ')} {_say((scores['uncalibrated'].get('ece') or {}).get('value'))}"
        for model, scores in models.items()
    )
    return f"Reliability curves: mean probability against the share of patients. Calibration error as it is: {told}."


def of_comparisons(results: Results) -> str:
    """How many differences are shown to lie above or below 0."""
    table = results.table("plots/appraise/subject_wise/comparisons.csv")
    above, below = int((table["low"] > 0).sum()), int((table["high"] < 0).sum())
    defined_ones = table.dropna(subset=["difference"]).sort_values("difference", kind="stable")
    lowest = [
        f" The lowest is {row.comparison} with {_say(row.difference)}." for row in defined_ones.head(1).itertuples()
    ]
    return (
        f"Differences of AUC with intervals for {len(table)} pairs of models: per subject, {above} lie above 0 and "
        f"{below} below, the others hold 0.{''.join(lowest)}".replace("_", " ")
    )


def of_groups(results: Results) -> str:
    """Between which values the AUCs of the groups lie."""
    table = results.table("plots/appraise/subject_wise/groups_audio.csv").dropna(subset=["auc"])
    table = table.sort_values("auc", kind="stable")
    if table.empty:
        return "AUC by group: no group is large enough to have one."
    low, high = table.iloc[0], table.iloc[-1]
    return (
        f"AUC by group with intervals. Of {len(table)} groups of voice alone the lowest is {low['group']} with "
        f"{_say(low['auc'])}, the highest {high['group']} with {_say(high['auc'])}; chance is 0.50."
    )


def of_told_from(results: Results) -> str:
    """What tells the label best by itself."""
    values = {
        of: told["value"]
        for probe in ("missingness", "recording_conditions")
        for of, told in (results.json(AUDIT, "findings", probe) or {}).items()
        if defined(told["value"])
    }
    if not values:
        return "AUC of what might tell the label by itself: none could be measured."
    best = max(values, key=lambda of: values[of])
    return (
        f"AUC with interval of {len(values)} things that might tell the label by themselves. The highest is {best} "
        f"with {_say(values[best])}; chance is 0.50."
    )


def of_shuffles(results: Results) -> str:
    """What each split scores when there is nothing to learn."""
    found = results.json(AUDIT, "findings", "label_shuffle") or {}
    told = " and ".join(f"{_say(finding['value'])} split {protocol}" for protocol, finding in found.items())
    return f"Histograms of AUC with labels shuffled between subjects: on average {told}; nothing to learn is 0.50."


def of_table_4_folds(results: Results) -> str:
    """That every accuracy of the paper is that of one fold."""
    share = results.json(AUDIT, "findings", "published_numbers", "Table 4", "value")
    of_one_fold = _say(100 * share if defined(share) else None, 0)
    return f"The paper’s 60 accuracies as k of 244 and of 245 recordings: {of_one_fold} % of them are of one fold."


OF_AUDIT: dict[str, Callable[[Results], str]] = {
    "told_from": of_told_from,
    "shuffles": of_shuffles,
    "table_4_folds": of_table_4_folds,
}
