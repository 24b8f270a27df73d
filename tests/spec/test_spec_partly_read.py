"""What is wrong between fields is told in the same run as what is wrong in them, and nothing is told that may be right."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.spec import SpecText, parse_documents
from reconciler.spec.fill import completed
from reconciler.spec.yaml import load_documents

MINIMAL = (Path(__file__).parent / "minimal.yaml").read_text()
COMPLETE = (Path(__file__).parent / "complete.yaml").read_text()
CODE = "7C468A54-8745-2245-9675-08B7C63E7A85"
NODE = "  externalNodes: [{name: oa, endpoint: https://oa.acme.example, dialect: v1}]\n"
APP = "app: {id: cli_1, secret: {env: S}}"
FEISHU = f"  feishu: {{{APP}, definitions: [{{name: stage-gate}}]}}\n"


def said(*texts: str) -> list[str]:
    parsed = parse_documents([SpecText.of(f"{n}.yaml", text) for n, text in enumerate(texts, 1)])
    return [error.sentence() for error in parsed.errors]


def bytebase(line: str) -> str:
    return MINIMAL.replace("    url:", f"    {line}\n    url:")


@pytest.mark.parametrize(
    ("text", "first", "also"),
    [
        # a missing field, and a name that leads nowhere in the same gate
        (MINIMAL + NODE + "  gates: [{name: g, decide: {externalNode: ao}}]\n", "missing field 'at'", "no external node is called 'ao'"),
        (MINIMAL + FEISHU + "  gates: [{at: stage, decide: {definition: stage-gat}}]\n", "missing field 'name'", "did you mean 'stage-gate'"),
        # a wrong value that must be there
        (MINIMAL.replace("https://bytebase.acme.example", "5") + NODE + "  gates: [{name: g, at: stage, decide: {externalNode: ao}}]\n",
         "expected text, got 5", "no external node is called 'ao'"),
        (MINIMAL + NODE + "  gates:\n    - {name: g, at: stage, decide: {externalNode: oa}, settle: 5x}\n    - {name: g, at: review, decide: {externalNode: oa}}\n",
         "expected a duration", "a second gate 'g'"),
        # a mapping that is none, beside something else that is wrong
        (bytebase("projects: 7") + f"  feishu: {{{APP}, definitions: [{{name: d}}, {{name: d}}]}}\n", "expected a list, got 7", "a second definition 'd'"),
        (bytebase("environments: [{name: a}, 5, {name: a}]"), "expected a mapping, got 5", "a second environment 'a'"),
        # an unknown field beside
        (MINIMAL + f"  feishu: {{{APP}, definitions: [{{name: d, nmae: x}}, {{name: d}}]}}\n", "unknown field 'nmae'", "a second definition 'd'"),
    ],
)  # fmt: skip
def test_what_can_be_known_is_told_in_the_same_run(text: str, first: str, also: str) -> None:
    found = said(text)
    assert any(first in sentence for sentence in found)
    assert any(also in sentence for sentence in found)
    assert len(found) == 2


@pytest.mark.parametrize(
    "text",
    [
        # what was written there would decide
        MINIMAL + f"  feishu: {{{APP}, definitions: [{{name: d, mode: adoptd, code: {CODE}, form: {{digest: w}}}}]}}\n",
        MINIMAL + f"  feishu: {{{APP}, definitions: [{{name: d, mode: adopted, code: 'a b', form: {{digest: w}}}}]}}\n",
        MINIMAL + f"  feishu: {{{APP}, definitions: [{{name: d, mode: adopted, code: {CODE}, form: {{}}}}]}}\n",
        MINIMAL + f"  feishu: {{{APP}, definitions: [{{name: d, mode: adopted, code: {CODE}, fomr: {{digest: w}}}}]}}\n",
        MINIMAL + f"  feishu: {{{APP}, definitions: [{{nam: d}}]}}\n  gates: [{{name: g, at: stage, decide: {{definition: d}}}}]\n",
        MINIMAL + f"  feishu: {{{APP}, definitions: 5}}\n  gates: [{{name: g, at: stage, decide: {{definition: d}}}}]\n",
        MINIMAL + "  feishu: 5\n  gates: [{name: g, at: stage, decide: {definition: d}}]\n",
        MINIMAL + "  feishu: {app: 7, definitions: [{name: d}]}\n",
        MINIMAL + "  feishu: {ap: {id: cli_1, secret: {env: S}}, definitions: [{name: d}]}\n",
        MINIMAL + f"  feishu: {{{APP}, events: {{transport: callback, encryptKey: secret}}}}\n",
        MINIMAL + f"  feishu: {{{APP}, events: {{transport: nowhere, encryptKey: {{env: K}}}}}}\n",
        MINIMAL + "  externalNodes: [{endpoint: https://oa.acme.example, dialect: v1}]\n  gates: [{name: g, at: stage, decide: {externalNode: oa}}]\n",
        MINIMAL + NODE + "  gates: [{name: g, decide: {externalNode: oa}, approvers: {from: flow}}]\n",
        MINIMAL + NODE + "  gates: [{name: g, decide: {externalNode: oa}, approvers: {from: rolloutPolicy}}]\n",
        MINIMAL + NODE + "  gates: [{name: g, at: stage, decide: {externalNode: oa}, approvers: {from: flwo}}]\n",
        MINIMAL + NODE + "  gates: [{name: g, at: stage, decide: 5}]\n",
        MINIMAL + NODE + "  gates: 5\n",
        bytebase("im: {settings: [{type: LARK, from: feishu}]}") + f"  feishu: {{platform: lrak, {APP}}}\n",
        bytebase("im: {settings: [{type: LARK, from: feishu}]}") + f"  feishu: {{platfrom: lark, {APP}}}\n",
        bytebase("im: {settings: [{type: SLCK}, {token: {env: A}}]}"),
        bytebase("bindings: [{role: roles/a, member: allUsers}, {role: roles/a, member: allUsers, project: 5}]"),
        bytebase("projects: [{name: a, webhooks: [{title: t, type: A}, {title: t, type: B}]}]"),
        MINIMAL + "  users: {domains: [{bytebase: 5, feishu: c}, {bytebase: 6, feishu: d}]}\n",
        "apiVersion: reconciler/v1\nkind: Integration\n",
        "apiVersion: reconciler/v1\nkind: Integration\nmetadata: {name: a}\nspec: {gates: [5, 6]}\n",
    ],
)  # fmt: skip
def test_nothing_is_told_that_depends_on_what_could_not_be_read(text: str) -> None:
    parsed = parse_documents([SpecText.of("f", text)])
    between = (
        "a second",
        "called",
        "needs",
        "is only for",
        "no use",
        "cannot be verified",
        "source",
        "no review",
        "no rollout",
        "there is no",
    )
    assert parsed.errors
    assert [error.message for error in parsed.errors if any(word in error.message for word in between)] == []
    assert parsed.targets == ()


def test_two_documents_are_compared_although_one_has_an_error() -> None:
    gate = NODE + "  gates: [{name: g, at: stage, decide: {externalNode: oa}%s}]\n"
    other = (MINIMAL + gate % "").replace("name: acme", "name: zeta")
    assert any("overlaps with gate 'g'" in sentence for sentence in said(MINIMAL + gate % ", settle: 5x", other))
    assert any("already called 'acme'" in sentence for sentence in said(MINIMAL + gate % ", settle: 5x", MINIMAL))
    apart = (MINIMAL + gate % ", match: {projects: [b]}").replace("name: acme", "name: zeta")
    assert not any("overlaps" in sentence for sentence in said(MINIMAL + gate % ", match: 5", apart))
    assert any("overlaps" in sentence for sentence in said(MINIMAL + gate % ", match: 5", other))
    elsewhere = (MINIMAL + gate % "").replace("https://bytebase.acme.example", "nowhere")
    assert not any("overlaps" in sentence for sentence in said(elsewhere, other))


def test_a_place_behind_something_that_could_not_be_read_is_its_own() -> None:
    text = MINIMAL + "  gates:\n    - 5\n    - {at: stage}\n    - {name: g, at: stage, decide: {externalNode: ao}}\n"
    (error,) = [each for each in parse_documents([SpecText.of("f", text)]).errors if "'ao'" in each.message]
    assert error.path == "spec.gates[2].decide.externalNode"
    assert text.split("\n")[error.position.line - 1][error.position.column - 1 :].startswith("ao")


@pytest.mark.parametrize(
    "spec",
    [
        "{bytebase: {url: 5, credentials: {serviceAccount: a@b, key: hunter2}}, gates: [{name: g, at: stage, decide: {externalNode: ao}}]}",
        "{bytebase: {credentials: {serviceAccount: a@b, key: {env: K}}, key: hunter2, url: 5}}",
        "{bytebase: {url: 'https://a:hunter2@b.example', credentials: 7}, notify: [{to: requester, when: [ran]}]}",
    ],
)
def test_no_error_shows_the_secret_that_stands_on_its_line(spec: str) -> None:
    text = f"apiVersion: reconciler/v1\nkind: Integration\nmetadata: {{name: acme}}\nspec: {spec}\n"
    parsed = parse_documents([SpecText.of("f", text)])
    assert len(parsed.errors) > 1
    assert not any("hunter2" in error.render("error") for error in parsed.errors)


def test_what_could_be_read_is_the_same_in_both_completions() -> None:
    (document,) = load_documents(COMPLETE)
    whole = completed(document.value)
    assert whole is not None
    assert whole[0] == whole[1]
    (damaged,) = load_documents(MINIMAL.replace("https://bytebase.acme.example", "5"))
    pair = completed(damaged.value)
    assert pair is not None
    assert pair[0].spec.bytebase.url != pair[1].spec.bytebase.url
    assert pair[0].spec.bytebase.credentials == pair[1].spec.bytebase.credentials


(WHOLE,) = load_documents(COMPLETE)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(below for key, child in children for below in paths(child, (*path, key)))]


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(paths(WHOLE.value)[1:]), st.sampled_from([7.5, "no such thing", ["x"], {"x": 1}, None]))
def test_one_damaged_value_in_a_right_spec_brings_errors_about_that_value_alone(
    path: tuple[str | int, ...], damage: object
) -> None:
    """Nothing else is wrong, so nothing else may be told: neither above it, nor beside it."""
    document = copy.deepcopy(WHOLE.value)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = damage
    parsed = parse_documents([SpecText.of("f", yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True))])
    if parsed.targets:
        return
    damaged = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")
    for error in parsed.errors:
        assert error.path.startswith(damaged) or damaged.startswith(error.path)
