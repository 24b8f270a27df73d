"""A spec document -> YAML that people can read and that reads back as the same values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import yaml

from reconciler.resources.base import Json
from reconciler.sync.foreign import one_line

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})

_CARRIED = "Carried over from the spec that gave the connection"
_COMMENTS: Mapping[str, str] = {
    "apiVersion": "Exported from a live installation: planning it changes nothing.\n"
    "Each part says whether it was read live or carried over from the spec that gave the connection.\n"
    "What is not declared is not managed: take out what you do not want to manage.",
    "spec.bytebase": f"{_CARRIED}: how Bytebase is reached. Secrets are references;\n"
    "files are looked for from the folder of this file.",
    "spec.bytebase.im": "Only the types were read live: nothing inside an entry can be read back.",
    "spec.bytebase.environments": "Read live: who may run the stages of an environment, and whether they start by themselves.",
    "spec.bytebase.projects": "Read live, but for webhook URLs, which are secrets: they are carried over where they are declared.\n"
    "Declare the others as `url: {env: NAME}` if they are to be managed.",
    "spec.bytebase.approvalRules": "Read live. Ordered; a fallback has no source.",
    "spec.bytebase.roles": "Read live.",
    "spec.bytebase.bindings": f"{_CARRIED}, as far as they are live.\nBindings that others made are not declared.",
    "spec.feishu": f"{_CARRIED}: the platform, the app, and how its events arrive.",
    "spec.feishu.definitions": "Adopted: their shape was read live and is checked, and they are never written.",
    "spec.users": f"{_CARRIED}: how people are found in Feishu.",
    "spec.externalNodes": f"{_CARRIED}.",
    "spec.gates": f"{_CARRIED}.",
    "spec.notify": f"{_CARRIED}.",
    "spec.protect": f"{_CARRIED}: what a plan may delete.",
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


def spec_text(
    document: Mapping[str, Json], notes: Mapping[str, Sequence[str]] | None = None, left_out: Sequence[str] = ()
) -> str:
    """The document with a comment before each part that needs one. Parts come in the order of the document.

    `notes` are more sentences, by dotted path; `left_out` says at the top what the document does not hold.
    """
    lines = ["# yaml-language-server: $schema=spec.schema.json"]
    told = dict(notes or {})
    if left_out:
        told["apiVersion"] = [*told.get("apiVersion", ()), "Left out:", *(f"  - {each}" for each in left_out)]
    _section(lines, document, (), told)
    return "\n".join(lines) + "\n"


def _section(
    lines: list[str], section: Mapping[str, Json], above: tuple[str, ...], notes: Mapping[str, Sequence[str]]
) -> None:
    indent = "  " * len(above)
    for key, value in section.items():
        path = ".".join((*above, key))
        said = [*_COMMENTS.get(path, "").splitlines(), *notes.get(path, ())]
        lines += [f"{indent}# {one_line(sentence, 500)}" for sentence in said]
        if path in _DESCENDED and isinstance(value, Mapping) and value:
            lines.append(f"{indent}{key}:")
            _section(lines, value, (*above, key), notes)
            continue
        text = yaml.dump(
            {key: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100_000
        )
        lines += [f"{indent}{line}" if line else line for line in text.splitlines()]


_DESCENDED = frozenset({"spec", "spec.bytebase", "spec.feishu"})
