"""Convert the clinical columns to types, count recorded values, and write the paper's scaled matrices (its Table 3)."""

from bulbar.cohort import clinical
from bulbar.core.files import write_json, write_table
from stages.parts.places import cohort_contract, metrics_file, stage_folder, stage_table
from stages.parts.run import run


def main() -> None:
    """Read data/cohort/; write data/clinical/ and metrics/clinical.json."""
    contract = cohort_contract()
    kinds, common = contract["clinical"]["all"], contract["clinical"]["common"]
    subjects = stage_table("cohort", "subjects.csv", dtypes=clinical.dtypes(kinds))
    table = clinical.typed(subjects, kinds)

    out = stage_folder("clinical")
    write_table(subjects[["subject_id", "label"]].join(table), out / "subjects.csv")
    write_json({"all": kinds, "common": common}, out / "columns.json")
    encoded = {}
    for name, chosen in {"all": kinds, "common": {name: kinds[name] for name in common}}.items():
        matrix = clinical.encoder(chosen, "record_wise").fit_transform(table)
        matrix.insert(0, "subject_id", subjects["subject_id"])
        write_table(matrix.round(6), out / f"record_wise_{name}.csv")
        encoded[name] = matrix.shape[1] - 1

    recorded = clinical.availability(subjects, kinds)
    write_json(clinical.metrics(contract, subjects, recorded, encoded), metrics_file("clinical"))
    print(
        f"{len(subjects)} subjects, {len(kinds)} clinical columns ({len(common)} common to both groups)"
        f" as {encoded['all']} ({encoded['common']}) features in [0, 1]"
    )


if __name__ == "__main__":
    run(main)
