"""A project folder with what the report is made of, as git holds it, and the page as elements."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from stages import gender_overview, report
from tests.projects import ROOT

HOSTILE = "<script>window.taken = 1</script><img src=x onerror='window.taken = 2'>\"'|`"
"""What must stay text."""


def write_inputs(folder: Path) -> Path:
    """Copy what the stage of the ALS study reads from the repository."""
    _copy(ROOT, folder, (*report.READ["als"], "params.yaml", "requirements.txt"))
    return folder


def write_gender_inputs(folder: Path) -> Path:
    """Copy what the stage of the gender study reads from the repository, and draw its overview. Returns its folder."""
    _copy(ROOT, folder, ("requirements.txt",))
    place = folder / "gender"
    _copy(ROOT / "gender", place, [name for name in (*report.READ["gender"], "params.yaml") if name != OVERVIEW])
    contract = place / "data/cohort/cohort.json"
    contract.parent.mkdir(parents=True)
    contract.write_text((place / "metrics/ingest.json").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        gender_overview.main()
    return place


OVERVIEW = "plots/overview"


def _copy(source: Path, target: Path, names: Iterable[str]) -> None:
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (source / name).is_dir() else shutil.copy)(source / name, target / name)


def change(file: Path, changed: Callable[[Any], Any]) -> None:
    """Put every value of a JSON file through `changed`."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(inner) for key, inner in value.items()}
        return [walk(inner) for inner in value] if isinstance(value, list) else changed(value)

    file.write_text(json.dumps(walk(json.loads(file.read_text()))))


class Element:
    """A tag with its attributes and the text inside it."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes, self.text = tag, attributes, ""

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]


class Page(HTMLParser):
    """A page's elements in their order, read with the parser of the standard library."""

    EMPTY = ("meta", "link", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()
        assert not self._open, [element.tag for element in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in self.EMPTY:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, *tags: str) -> Iterator[Element]:
        return (element for element in self.elements if element.tag in tags)
