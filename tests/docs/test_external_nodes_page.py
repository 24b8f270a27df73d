"""What the page about external nodes shows is what is sent, read and signed."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from docs.pages import ROOT, blocks, section

from reconciler.providers.external.callback import is_authentic
from reconciler.providers.external.node import NodeApprovals
from reconciler.providers.external.settings import NodeSettings
from reconciler.providers.external.wire import V1Approval
from reconciler.providers.http import HttpSettings
from reconciler.secret import Secret
from reconciler.subjects.gate import node_code
from reconciler.subjects.instance import AskedPerson, Dialect, FieldText, InstanceRequest, NodeBrief

PAGE = ROOT / "docs" / "external-nodes.md"
KEY = "a key for callbacks"


def shown(language: str, title: str) -> list[str]:
    """The blocks of one language in one section of the page."""
    text = section(PAGE, title)
    return [block for name, block in blocks(PAGE) if name == language and block in text]


def questions() -> list[dict[str, Any]]:
    return [found for found in map(json.loads, shown("json", "What is asked")) if "title" in found]


async def sent(dialect: Dialect, asked: dict[str, Any]) -> dict[str, Any]:
    """The body in which a node is asked what the example asks."""
    bodies = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(201, json={"id": "7", "status": "PENDING"})

    brief = NodeBrief(
        subject=asked.get("subject", ""),
        issue=asked["issueId"],
        project=asked["project"],
        creator=asked["creator"],
        title=asked["title"],
        description=asked["description"],
        stage=asked.get("stage", ""),
        statement=asked["statement"],
        link=asked.get("link", ""),
        digest=asked.get("digest", ""),
        created=datetime.fromisoformat(asked["createTime"]),
    )
    people = tuple(AskedPerson(email, email) for email in asked.get("approvers", ()))
    request = InstanceRequest(
        uuid="7d0c9a52-2f0e-5a3b-9a52-1c8f6f1f7a10",
        definition_code=node_code("oa"),
        node_key="",
        submitter="",
        approvers=people,
        title=FieldText("title", ()),
        form=(),
        brief=brief,
    )
    http = HttpSettings(transport=httpx.MockTransport(answer))
    node = NodeApprovals(NodeSettings("oa", "https://oa.example", dialect), http=http)
    await node.create(request)
    await node.aclose()
    return bodies[0]


async def test_the_questions_that_are_shown_are_those_that_are_sent() -> None:
    relay, v1 = questions()
    assert await sent(Dialect.RELAY, relay) == relay
    assert await sent(Dialect.V1, v1) == v1


def test_the_answer_that_is_shown_has_every_field_that_is_read() -> None:
    (answer,) = map(json.loads, shown("json", "What is read"))
    assert set(answer) == set(V1Approval.model_fields)
    assert V1Approval.model_validate(answer).model_dump() == answer
    assert answer["digest"] == questions()[1]["digest"]


def test_the_signing_that_is_shown_verifies() -> None:
    (code,) = shown("python", "Calling back")
    names: dict[str, Any] = {}
    exec(code, names)
    body = b'{"id": "7"}'
    headers = names["signed"](KEY, body)
    assert judged(headers["X-Reconciler-Timestamp"], headers["X-Reconciler-Signature"], body)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_signing_in_a_shell_that_is_shown_verifies() -> None:
    (code,) = shown("sh", "Calling back")
    script = f"curl() {{ printf '%s\\n' \"$@\"; }}\n{code}"
    given = {"PATH": "/usr/bin:/bin:/usr/local/bin", "ID": "7", "OA_SIGNING_KEY": KEY, "SYNC": "http://127.0.0.1:8377"}
    said = subprocess.run(["bash", "-c", script], env=given, capture_output=True, text=True, check=True).stdout
    values = dict(line.split(": ", 1) for line in said.splitlines() if line.startswith("X-"))
    body = said.splitlines()[-1].encode()
    assert json.loads(body) == {"id": "7"}
    assert judged(values["X-Reconciler-Timestamp"], values["X-Reconciler-Signature"], body)


def judged(timestamp: str, signature: str, body: bytes) -> bool:
    return is_authentic(Secret(KEY), timestamp=timestamp, signed=signature, body=body, now=datetime.now(UTC))
