"""Answers on the models: what is trained on whom, how the reported one is picked, and where it lies."""

from collections.abc import Mapping
from typing import Any

from bulbar.core.disclosure import FEWEST_SHOWN, shown
from bulbar.core.settings import classes_of
from bulbar.report.checklist.facts import Facts
from bulbar.report.checklist.wording import SPLIT, joined, percent, score, with_interval


def trained(facts: Facts) -> str:
    """What was trained, on what, with which loss."""
    params = facts["params"]
    sweep, training = params["sweep"], params["train"]
    epochs = training["max_epochs"]
    if facts.synthetic:
        epochs = min(epochs, params["phantom"]["max_epochs"])
    compared = ", ".join(f"`{name}`" for name in facts.of_protocols("fusion")[-1][1]["selected"])
    return (
        f"Convolutional networks on the voice image ({', '.join(sweep['architectures'])}, each at dropout"
        f" {', '.join(map(str, sweep['dropout_rates']))}), with one sigmoid unit; fusion with a dense branch for"
        f" clinical features ({params['fusion']['output']}). Models compared: {compared}. Loss: cross-entropy;"
        f" Adam from {training['learning_rate']:g}, batches of {training['batch_size']}, at most {epochs} epochs,"
        f" stopped after {training['early_stopping_patience']} without a lower validation loss."
    )


def splits(facts: Facts) -> str:
    """Who is trained, watched and tested on, per protocol."""
    said, (negative, positive) = [], classes_of(facts["params"]["positive_class"])
    for protocol, split in facts.of_protocols("folds"):
        parts = []
        for part, name in (("train", "training"), ("validation", "validation"), ("test", "test")):
            counts = split[part]
            people = f"{_people(*counts['positive'])} {positive}, {_people(*counts['negative'])} {negative}"
            parts.append(f"{name} {_recordings(*counts['recordings'])} recordings ({people})")
        watched = "; validation is the test fold itself" if protocol == "record_wise" else ""
        said.append(f"{SPLIT[protocol]}, each of {split['folds']} stratified folds: {', '.join(parts)}{watched}.")
    return " ".join([*said, "In brackets: subjects."])


def _people(low: int, high: int) -> str:
    """A count of people over several folds."""
    if low == high or high < FEWEST_SHOWN:
        return str(shown(high))
    return f"{shown(low)} to {high}"


def _recordings(low: int, high: int) -> str:
    """A count of recordings over several folds."""
    return str(low) if low == high else f"{low} to {high}"


RULES = {
    "highest_fold_accuracy": "the cell with the highest accuracy on a single test fold, as the paper may have done",
    "lowest_validation_loss": "the cell with the lowest validation loss on a single fold, which is its test loss",
    "lowest_validation_log_loss_in_each_fold": (
        "in each fold the cell with the lowest log loss on its validation subjects; test subjects take no part"
    ),
}


def selection_rule(facts: Facts) -> str:
    """How the reported cell was picked."""
    said = [
        f"{SPLIT[protocol]}, selection takes {RULES[picked['rule']]}."
        for protocol, picked in facts.of_protocols("selection")
    ]
    return " ".join(said)


def tuning(facts: Facts) -> str:
    """The grid, what was taken from it, and how optimistic its winner is."""
    sweep = facts["params"]["sweep"]
    n, rates = len(sweep["architectures"]), len(sweep["dropout_rates"])
    said = [f"{n} architectures × {rates} dropout rates on every fold, nothing else tuned."]
    for protocol, picked in facts.of_protocols("selection"):
        taken = list(dict.fromkeys(map(_cell, picked["cells"].values())))
        said.append(f"{SPLIT[protocol]}: {joined(taken)}.")
        if winner := picked.get("pooled_winner"):
            said.append(
                f"The winner over all folds, {_cell(winner)}, has accuracy {score(winner['accuracy_optimistic'])}; the"
                " luck of picking it taken out (bootstrap bias-corrected cross-validation), it has"
                f" {with_interval(winner, 'accuracy_corrected', interval='accuracy')}."
            )
    return " ".join(said)


def _cell(cell: Mapping[str, Any]) -> str:
    return f"{cell['architecture']} at dropout {cell['dropout_rate']}"


def building(facts: Facts) -> str:
    """Model, steps, tuning and internal validation."""
    return f"{trained(facts)} {tuning(facts)} Internal validation is by cross-validation. {selection_rule(facts)}"


def predictions(facts: Facts) -> str:
    """How predictions come about."""
    facts.need("fusion")
    return (
        "Each recording is predicted by the network of the fold that tests it; a subject's probability is the mean over"
        " their recordings."
    )


def imbalance(facts: Facts) -> str:
    """Nothing is done about it; the majority is shown."""
    read = facts["ingest"]
    sizes = [count for count in (read["patients"], read["controls"]) if isinstance(count, int)]
    larger = percent(max(sizes) / read["subjects"]) if len(sizes) == 2 else "all but a few"
    return (
        f"None treated: no weights, no resampling. The larger class has {larger} of the subjects; folds are"
        " stratified, and every table shows the majority baseline."
    )


def specification(facts: Facts) -> str:
    """Where the trained models are."""
    facts.need("fusion")
    facts.cite("bulbar/training/networks.py")
    return (
        "Layers in bulbar/training/networks.py, settings in params.yaml; the trained networks of every fold of the"
        " selected cells as Keras files in models/, in the DVC cache, which is not public."
    )
