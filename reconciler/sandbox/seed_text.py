"""YAML text of a seed: plain scalars as in YAML 1.2, repeated keys refused, and the place of a key in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml

from reconciler.errors import FilePosition, SpecError


class _SeedLoader(yaml.SafeLoader):
    """SafeLoader without YAML 1.1's surprises: `no` is text, dates are text, `010` is ten, a key occurs once."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 -- overrides the base's

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """Refuse a key that is written twice: one of the two would be lost in silence."""
        seen: set[object] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be plain text", key_node.start_mark)
            if key_node.value in seen:
                message = f"the key {key_node.value!r} is written twice"
                raise yaml.constructor.ConstructorError(None, None, message, key_node.start_mark)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)


def _integer(loader: yaml.SafeLoader, node: yaml.Node) -> int:
    text = str(loader.construct_scalar(node))  # type: ignore[arg-type]
    return int(text, 0) if text.startswith(("0x", "0o")) else int(text)


_SeedLoader.add_constructor("tag:yaml.org,2002:int", _integer)
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _SeedLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), [*_first, *([""] if _tag == "null" else [])]
    )


def read_yaml(text: str, name: str) -> object:
    """The one document in `text` as plain values; raises `SpecError` with the place of what cannot be read."""
    try:
        return yaml.load(text, Loader=_SeedLoader)  # noqa: S506 -- a SafeLoader underneath
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = FilePosition(name, mark.line + 1, mark.column + 1) if mark else name
        raise SpecError("this seed is not YAML", where=where, why=error.problem or "", next_step=_NEXT) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SpecError("this seed is not YAML", where=name, why=type(error).__name__, next_step=_NEXT) from error


_NEXT = "correct the file; docs/sandbox.md shows a whole seed"


def locate(text: str, name: str, path: Sequence[int | str]) -> FilePosition:
    """The place of `path` in `text`, or of the deepest part of it that is there."""
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    mark = node.start_mark if node else None
    for part in path:
        found: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key_node, value_node in node.value:
                if key_node.value == part:
                    mark, found = key_node.start_mark, value_node
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = node.value[part]
            mark = found.start_mark
        if found is None:
            break
        node = found
    return FilePosition(name, mark.line + 1, mark.column + 1) if mark else FilePosition(name, 1, 1)
