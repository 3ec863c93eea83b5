"""First on a stage's PYTHONPATH, in its workers as well: notes each leaf of params.yaml whose value is used.

To read a block and to check it is no use of it; an attribute of the model, an item of the mapping, a dump of them is.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML

FOLDER = Path(os.environ["TRACE"])
BLOCK, REPLACED = "_traced_block", "_traced_replaced"
noted: set[str] = set()


def note(name: str) -> None:
    """Append to the trace at once: workers end without notice."""
    if name not in noted:
        noted.add(name)
        with (FOLDER / "params").open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")


class Params(dict[str, Any]):
    """A block of params.yaml that notes which of its leaves are used."""

    def __init__(self, found: Mapping[str, Any], block: str = "") -> None:
        self.block = block
        super().__init__(
            {key: Params(value, f"{block}{key}.") if isinstance(value, dict) else value for key, value in found.items()}
        )

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        if not isinstance(value, Params):
            note(self.block + key)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401 - it is `get`

    def __iter__(self) -> Iterator[str]:  # defined, it makes `{**block}` and `dict(block)` get every item
        return super().__iter__()

    def values(self) -> Any:
        return [self[key] for key in self]

    def items(self) -> Any:
        return [(key, self[key]) for key in self]

    def unwatched(self) -> dict[str, Any]:
        """The same, to be checked: that reads everything and uses nothing."""
        return {key: value.unwatched() if isinstance(value, Params) else value for key, value in super().items()}

    def __reduce__(self) -> Any:
        return Params, (self.unwatched(), self.block)


def trace_params() -> None:
    load, validate = YAML.load, BaseModel.model_validate.__func__
    pairs, copy = BaseModel.__iter__, BaseModel.model_copy

    def tag(model: BaseModel, block: str) -> None:
        model.__dict__[BLOCK] = block
        for name in type(model).model_fields:
            if isinstance(inner := model.__dict__[name], BaseModel):
                tag(inner, f"{block}{name}.")

    def note_all(model: BaseModel, exclude: Any) -> None:
        for name in set(type(model).model_fields) - set(exclude or ()):
            value = getattr(model, name)
            if isinstance(value, BaseModel):
                note_all(value, None)

    def load_traced(yaml: YAML, stream: Any) -> Any:
        found = load(yaml, stream)
        return Params(found) if stream == Path("params.yaml").read_text(encoding="utf-8") else found

    def validated(cls: type[BaseModel], found: Any, **options: Any) -> BaseModel:
        if not isinstance(found, Params):
            return validate(cls, found, **options)
        model = validate(cls, found.unwatched(), **options)
        tag(model, found.block)
        return model

    def attribute(model: BaseModel, name: str) -> Any:
        values = object.__getattribute__(model, "__dict__")
        field = name in values and name not in (BLOCK, REPLACED) and name not in values.get(REPLACED, ())
        if field and BLOCK in values and not isinstance(values[name], BaseModel):
            note(values[BLOCK] + name)
        return object.__getattribute__(model, name)

    def noting(dump: Any) -> Any:
        def dumped(model: BaseModel, **options: Any) -> Any:
            note_all(model, options.get("exclude"))
            return dump(model, **options)

        return dumped

    def iterated(model: BaseModel) -> Any:
        note_all(model, None)
        return ((name, value) for name, value in pairs(model) if name not in (BLOCK, REPLACED))

    def copied(model: BaseModel, **options: Any) -> BaseModel:
        other = copy(model, **options)
        other.__dict__[REPLACED] = {*model.__dict__.get(REPLACED, ()), *(options.get("update") or ())}
        return other

    YAML.load = load_traced
    BaseModel.model_validate = classmethod(validated)
    BaseModel.__getattribute__, BaseModel.model_copy = attribute, copied
    BaseModel.model_dump, BaseModel.model_dump_json = noting(BaseModel.model_dump), noting(BaseModel.model_dump_json)
    BaseModel.__iter__ = iterated


trace_params()
