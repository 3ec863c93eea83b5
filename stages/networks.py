"""Train the networks of the gender paper, before and after tuning, and evaluate each once on the test part."""

from pathlib import Path

from bulbar.core.files import read_json, write_table
from bulbar.core.names import Protocol
from bulbar.training import gender
from bulbar.tuning import search
from stages.parts.clip_data import load_data
from stages.parts.fitting import export_model, train
from stages.parts.params import settings
from stages.parts.places import stage_folder
from stages.parts.run import run


def main(protocol: Protocol) -> None:
    """Read data/features/P/ and data/tune/P/; write data/networks/P/ (predictions, histories) and models/P/."""
    network, data = settings("network", gender.Settings), load_data(protocol)
    default = gender.default_point(network, data.study.settings)
    points: dict[str, search.Point] = dict.fromkeys(gender.NETWORKS, default)
    pick = read_json(stage_folder("tune") / protocol / "pick.json")
    points[gender.TUNED] = settings("tune", search.Settings).space.read(pick["point"])
    fits = {model: gender.final_fit(data, model, network, point) for model, point in points.items()}
    results = train(list(fits.values()), data.study, f"networks, {protocol}")
    out = stage_folder("networks") / protocol
    for (model, fit), fitted in zip(fits.items(), results, strict=True):
        write_table(gender.predictions(data, fit, fitted), out / f"{model}.csv")
        write_table(fitted.history.round(6), out / f"{model}_history.csv")
        export_model(fit, data.study, Path("models") / protocol / f"{model}.keras")
    print(f"{protocol}: {', '.join(gender.IN_WORDS[model] for model in fits)} trained")


if __name__ == "__main__":
    run(main)
