"""How sure the scores are, and what they are worth: selection, spread, calibration, thresholds, comparisons, groups."""

from bulbar.report import alternative_texts
from bulbar.report.elements import NOT_DEFINED, Cell, Figure, Number, Part, Prose, Section, Table
from bulbar.report.results import Results, interval, percent, shown, three, two, whole
from bulbar.report.run import PROTOCOLS
from bulbar.report.verdict import level

APPRAISE = "metrics/appraise/{}.json"
BASELINES = "metrics/baselines/{}.json"
SPREAD = "metrics/spread/{}.json"
SELECTION = "metrics/selection/subject_wise.json"
SCALINGS = ("uncalibrated", "platt", "isotonic")


def uncertainty(results: Results) -> Section:
    """Intervals, the luck of the selection, the spread over splits and starts."""
    drawing = results.params["bootstrap"]
    return Section(
        "uncertainty",
        "Uncertainty",
        [
            [
                "Every interval is of ",
                level(results),
                ": subjects, not recordings, are drawn ",
                shown(drawing["draws"], "params.yaml", "bootstrap.draws", whole),
                " times within each class; exact binomial ones for the shares of subjects in the tables of operating "
                "points and groups, and for scores that are perfect or nil. No interval mends the bias of a split by "
                "recording.",
            ],
            winner(results),
            *([f"`{protocol}`: ", *quoted(results, SPREAD.format(protocol), "sentence")] for protocol in PROTOCOLS),
        ],
    )


def quoted(results: Results, file: str, *keys: str) -> Prose:
    """A sentence of a metrics file, and where it stands."""
    return [f"{results.json(file, *keys) or NOT_DEFINED} (", Number(file, None, file, ".".join(keys)), ")"]


def winner(results: Results) -> Table:
    """The best of all cells, as it looks and as it is on subjects that took no part in picking it."""
    scores = {"accuracy": percent, "roc_auc": two, "roc_auc_per_subject": two, "log_loss": three}
    rows: list[list[Cell]] = []
    for name, form in scores.items():
        before = ("pooled_winner",)
        low, high = results.json(SELECTION, *before, "intervals", name) or (None, None)
        rows.append(
            [
                name.replace("roc_auc", "AUC").replace("_", " "),
                results.number(SELECTION, *before, f"{name}_optimistic", form=form),
                results.number(SELECTION, *before, f"{name}_corrected", form=form),
                interval(low, high, SELECTION, f"pooled_winner.intervals.{name}", form),
            ]
        )
    cell = results.json(SELECTION, "pooled_winner") or {}
    caption = (
        f"The pooled winner of the sweep, split by subject: {cell.get('architecture')} at {cell.get('dropout_rate')}"
    )
    return Table("winner", caption, ["Score", "As picked", "Corrected for picking", "Interval"], rows)


def section(results: Results) -> Section:
    """Calibration, thresholds, comparisons."""
    subject_wise = APPRAISE.format("subject_wise")
    return Section(
        "worth",
        "What the scores are worth",
        [
            quoted(results, subject_wise, "earns_its_place"),
            baselines(results),
            comparisons(results),
            Figure(
                "plots/appraise/subject_wise/comparisons.png",
                "Differences of AUC, subject_wise",
                alternative_texts.of_comparisons(results),
                "plots/appraise/subject_wise/comparisons.csv",
            ),
            calibration(results),
            *(reliability(results, protocol) for protocol in PROTOCOLS),
            operating_points(results),
        ],
    )


def baselines(results: Results) -> Table:
    """What a network must beat, under both splits."""
    rows: list[list[Cell]] = []
    for protocol in PROTOCOLS:
        file = BASELINES.format(protocol)
        for name in results.json(file) or {}:
            if results.json(file, name, "per_subject") is None:
                continue
            rows.append(
                [
                    name.replace("_", " "),
                    protocol,
                    results.score(file, name, "per_subject", "roc_auc"),
                    results.score(file, name, "per_subject", "roc_auc_pooled"),
                    *(
                        results.score(file, name, "per_subject", score, form=percent)
                        for score in ("accuracy", "balanced_accuracy", "sensitivity", "specificity")
                    ),
                    results.score(file, name, "per_subject", "brier", form=three),
                ]
            )
    columns = [
        "Baseline", "Protocol", "AUC within folds", "AUC of all pairs", "Accuracy", "Balanced accuracy", "Sensitivity",
        "Specificity", "Brier score",
    ]  # fmt: skip
    return Table("baselines", "What a network must beat, per subject", columns, rows)


def comparisons(results: Results) -> Table:
    """Differences between models per subject, first minus second."""
    file = APPRAISE.format("subject_wise")
    rows: list[list[Cell]] = []
    for pair in results.json(file, "comparisons") or {}:
        keys = ("comparisons", pair, "per_subject")
        rows.append(
            [
                pair.replace("_", " "),
                *(
                    results.estimate(file, *keys, score, form=form, value="difference")
                    for score, form in (("roc_auc", two), ("accuracy", points), ("brier", three))
                ),
                results.number(file, *keys, "roc_auc", "p", form=three),
                results.number(file, *keys, "roc_auc", "p_holm", form=three),
            ]
        )
    columns = ["First vs second", "AUC", "Accuracy (percentage points)", "Brier score", "p of the AUC", "Holm’s p"]
    return Table("comparisons", "Comparisons per subject, split by subject: first minus second", columns, rows)


def points(difference: float) -> str:
    """A difference between two shares, in percentage points."""
    return f"{100 * difference:.1f}"


def calibration(results: Results) -> Table:
    """Calibration of each protocol's models, as they are and as scaled on other subjects."""
    rows: list[list[Cell]] = []
    for protocol in PROTOCOLS:
        file = APPRAISE.format(protocol)
        for model, told in (results.json(file, "calibration") or {}).items():
            for scaling in SCALINGS:
                if "absent" in told.get(scaling, {"absent": ""}):
                    continue
                keys = ("calibration", model, scaling)
                rows.append(
                    [
                        f"{model.replace('_', ' ')}, {scaling}",
                        protocol,
                        results.estimate(file, *keys, "brier", form=three),
                        results.number(file, "calibration", model, "base_rate_brier", form=three),
                        results.estimate(file, *keys, "ece"),
                        results.number(file, *keys, "ece_by_chance"),
                        results.estimate(file, *keys, "slope"),
                        results.estimate(file, *keys, "intercept"),
                    ]
                )
    columns = [
        "Model", "Protocol", "Brier score", "Brier of the base rate", "ECE", "ECE by chance", "Slope", "Intercept",
    ]  # fmt: skip
    return Table("calibration", "Calibration per subject", columns, rows)


def reliability(results: Results, protocol: str) -> Figure:
    """Reliability curves of a protocol."""
    return Figure(
        f"plots/appraise/{protocol}/reliability.png",
        f"Reliability, {protocol}",
        alternative_texts.of_reliability(results, protocol),
        f"plots/appraise/{protocol}/reliability_audio_uncalibrated.csv",
    )


def operating_points(results: Results) -> Table:
    """What is reached at thresholds that were chosen on other subjects, with PPV and NPV by prevalence."""
    file = APPRAISE.format("subject_wise")
    points = results.json(file, "operating_points") or {}
    prevalences = list(
        dict.fromkeys(
            prevalence for model in points.values() for told in model.values() for prevalence in told["at_prevalence"]
        )
    )
    rows: list[list[Cell]] = []
    for model, of_model in points.items():
        for point in of_model:
            keys = ("operating_points", model, point)
            values: list[Part] = [
                results.estimate(file, *keys, "at_prevalence", prevalence, value, form=percent)
                for prevalence in prevalences
                for value in ("ppv", "npv")
            ]
            rows.append(
                [
                    f"{model}, {point}".replace("_", " "),
                    results.estimate(file, *keys, "sensitivity", form=percent),
                    results.estimate(file, *keys, "specificity", form=percent),
                    *values,
                ]
            )
    at = [f"{value} at {100 * float(prevalence):g}\u00a0%" for prevalence in prevalences for value in ("PPV", "NPV")]
    columns = ["Model and threshold", "Sensitivity reached", "Specificity reached", *at]
    caption = "Operating points per subject, split by subject, and predictive values by share of patients"
    return Table("operating-points", caption, columns, rows)


def groups(results: Results) -> Section:
    """Scores by sex, age, task, severity; patients whose speech is rated normal."""
    file = APPRAISE.format("subject_wise")
    rows: list[list[Cell]] = []
    for model, groupings in (results.json(file, "groups") or {}).items():
        for grouping, found in groupings.items():
            for group in found:
                keys = ("groups", model, grouping, group)
                rows.append(
                    [
                        f"{grouping}: {group}",
                        model.replace("_", " "),
                        results.number(file, *keys, "patients", form=count),
                        results.number(file, *keys, "controls", form=count),
                        results.estimate(file, *keys, "roc_auc"),
                        *(
                            results.estimate(file, *keys, score, form=percent)
                            for score in ("sensitivity", "specificity", "accuracy")
                        ),
                    ]
                )
    columns = ["Group", "Model", "Patients", "Controls", "AUC", "Sensitivity", "Specificity", "Accuracy"]
    return Section(
        "groups",
        "Subgroups",
        [
            ["Per subject, split by subject. Groups of fewer than five people have no score."],
            Table("by-group", "Scores by group", columns, rows),
            Figure(
                "plots/appraise/subject_wise/groups.png",
                "AUC by group, subject_wise",
                alternative_texts.of_groups(results),
                "plots/appraise/subject_wise/groups_audio.csv",
            ),
            normal_speech(results),
        ],
    )


def count(value: float) -> str:
    """A count of people."""
    return f"{value:.0f}"


def normal_speech(results: Results) -> Table:
    """How many patients whose speech is rated normal are found."""
    file = APPRAISE.format("subject_wise")
    rows: list[list[Cell]] = []
    for model, told in (results.json(file, "normal_speech") or {}).items():
        for point in (told or {}).get("found", {}):
            keys = ("normal_speech", model, "found", point)
            rows.append(
                [
                    f"{model}, {point}".replace("_", " "),
                    results.number(file, "normal_speech", model, "patients", form=count),
                    results.estimate(file, *keys, form=percent),
                ]
            )
    columns = ["Model and threshold", "Patients", "Found"]
    return Table("normal-speech", "Patients whose speech is rated normal", columns, rows)
