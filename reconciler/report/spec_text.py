"""A spec document -> YAML that people can read and that reads back as the same values."""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml

from reconciler.resources.base import Json

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})

_COMMENTS: Mapping[str, str] = {
    "apiVersion": "Exported from a live installation: planning it changes nothing.\n"
    "What is not declared is not managed: take out what you do not want to manage.",
    "im": "Nothing inside these entries can be read back. Fill in what is left blank, then send it once:\n"
    "reconciler apply --rewrite bytebase/im",
    "environments": "Who may run the stages of an environment, and whether they start by themselves.",
    "projects": "Webhook URLs are secrets: declare them as `url: {env: NAME}` if they are to be managed.",
    "approvalRules": "Ordered; a fallback has no source.",
    "definitions": "Adopted: their shape is checked, and they are never written.",
}


class _Dumper(yaml.SafeDumper):
    """Quotes every text that some reader of YAML might take for something else."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent list items below their key."""
        del indentless
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    is_plain = _PLAIN.fullmatch(value) is not None and value.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if is_plain else '"')


_Dumper.add_representer(str, _text)


def spec_text(document: Mapping[str, Json]) -> str:
    """The document with a comment before each part that needs one. Parts come in the order of the document."""
    lines = ["# yaml-language-server: $schema=spec.schema.json"]
    _section(lines, document, 0)
    return "\n".join(lines) + "\n"


def _section(lines: list[str], section: Mapping[str, Json], depth: int) -> None:
    indent = "  " * depth
    for key, value in section.items():
        lines += [f"{indent}# {line}" for line in _COMMENTS.get(key, "").splitlines()]
        if key in {"spec", "bytebase", "feishu"} and isinstance(value, Mapping) and value:
            lines.append(f"{indent}{key}:")
            _section(lines, value, depth + 1)
            continue
        text = yaml.dump(
            {key: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100_000
        )
        lines += [f"{indent}{line}" if line else line for line in text.splitlines()]
