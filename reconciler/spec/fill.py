"""A document with errors, completed in two ways, so that what is wrong between its fields is told in the same run.

What could not be read is filled in from the schema: once with as little as may be, once with everything there could be, and
with different names. What is found in both does not depend on what was filled in; what is found in one of them does, and
is not known yet.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from reconciler.spec.explain import closest
from reconciler.spec.locate import Path, below, member, resolved
from reconciler.spec.models.integration import Integration
from reconciler.spec.schema import spec_schema
from reconciler.spec.yaml import YamlValue

_ROUNDS = 20
"""A filled value may itself be wrong, by a rule that the schema does not know; then what is around it is filled in."""


def completed(value: YamlValue) -> tuple[Integration, Integration] | None:
    """Two models of a document, equal where it could be read; None where nothing could be made of it."""
    if not isinstance(value, dict):
        return None
    sparse, rich = _complete(value, _Filler(rich=False)), _complete(value, _Filler(rich=True))
    return (sparse, rich) if sparse is not None and rich is not None else None


def _complete(value: dict[str, YamlValue], filler: _Filler) -> Integration | None:
    root: dict[str, Any] = {"document": copy.deepcopy(value)}
    filled: set[Path] = set()
    for _ in range(_ROUNDS):
        try:
            return Integration.model_validate(root["document"])
        except ValidationError as error:
            now: set[Path] = set()
            for detail in error.errors(include_url=False, include_context=False, include_input=False):
                steps = _steps(root, detail["loc"])
                path = tuple(step.key for step in steps)
                if any(path[: len(done)] == done for done in now):
                    continue  # what this was about is another value by now
                while path in filled and len(path) > 1:
                    path = path[:-1]
                now.add(path)
                is_unknown = detail["type"] == "extra_forbidden" and len(path) == len(steps)
                (filler.without if is_unknown else filler.fill)(steps[len(path) - 1])
            filled |= now
    return None


@dataclass(frozen=True, slots=True)
class _Step:
    """One step towards an error: the mapping or list, the key or index in it, and the schema of the mapping or list."""

    container: Any
    key: str | int
    schema: Mapping[str, Any]


def _steps(root: dict[str, Any], location: Sequence[str | int]) -> list[_Step]:
    """The steps of a pydantic location that lead through the document, up to the first that it does not have."""
    schema: Mapping[str, Any] = {"properties": {"document": spec_schema()}, "required": ["document"]}
    steps = [_Step(root, "document", schema)]
    value, schema = root["document"], spec_schema()
    for element in location:
        schema = resolved(schema)
        if "oneOf" in schema:
            schema = member(schema["oneOf"], str(element))
            continue
        is_key = isinstance(value, dict) and isinstance(element, str)
        if not is_key and not (isinstance(value, list) and isinstance(element, int) and element < len(value)):
            break
        steps.append(_Step(value, element, schema))
        if is_key and element not in value:
            break
        value, schema = value[element], below(schema, element)
    return steps


class _Filler:
    """Makes valid values of a schema: the least there may be, or (`rich`) all there could be; no two texts are equal."""

    def __init__(self, *, rich: bool) -> None:
        self.rich = rich
        self._made = 0

    def fill(self, step: _Step) -> None:
        """Put something valid in the place of what could not be read, or nothing where nothing must be."""
        if self.rich or isinstance(step.container, list) or step.key in step.schema.get("required", ()):
            step.container[step.key] = self.value(below(step.schema, step.key))
        else:
            step.container.pop(step.key, None)

    def without(self, step: _Step) -> None:
        """Take out an unknown field. It may be another one misspelt, which is filled in: the nearest, or any."""
        step.container.pop(step.key, None)
        missing = {name for name in step.schema.get("properties", {}) if name not in step.container}
        meant = closest(str(step.key), missing)
        for name in sorted(missing if meant is None else {meant}) if self.rich else ():
            step.container[name] = self.value(step.schema["properties"][name])

    def value(self, schema: Mapping[str, Any]) -> Any:
        """A value that fits."""
        schema = resolved(schema)
        if "const" in schema:
            return schema["const"]
        for choices in ("enum", "oneOf", "anyOf"):
            if choices in schema:
                chosen = schema[choices][-1 if self.rich else 0]
                return chosen if choices == "enum" else self.value(chosen)
        match schema.get("type"):
            case "object":
                names = schema.get("properties", {}) if self.rich else schema.get("required", ())
                return {name: self.value(schema["properties"][name]) for name in names}
            case "array":
                return [self.value(schema["items"])] if self.rich or schema.get("minItems") else []
            case "boolean":
                return self.rich
            case "integer" | "number":
                least = schema.get("minimum", 0)
                return min(least + self.rich, schema.get("maximum", least + 1))
            case "string":
                return self._text(schema)
            case _:
                return None

    def _text(self, schema: Mapping[str, Any]) -> str:
        self._made += 1
        word = f"unread{self._made}{'b' if self.rich else 'a'}"
        if schema.get("format") == "uri":
            return f"https://{word}.invalid"
        forms = (word, f"roles/{word}", f"user:{word}@example.invalid", "1h", "2026-01-01")
        return next((form for form in forms if re.search(schema.get("pattern", ""), form)), word)
