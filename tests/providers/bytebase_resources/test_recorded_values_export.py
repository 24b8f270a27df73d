"""What a real server answered is observed, exported, and planned to nothing: its defaults cause no perpetual difference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fakes.declarative_specs import SMALL, target_of

from reconciler.desired.target import desired_of
from reconciler.diff import diff
from reconciler.operations.export import Found, document_of
from reconciler.ports.declarative import ResourceReader
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.connection import BytebaseConnection, ServiceAccount
from reconciler.providers.bytebase_resources.approval_rules import ApprovalRulesReader
from reconciler.providers.bytebase_resources.im import ImReader
from reconciler.providers.bytebase_resources.project import ProjectReader, WebhookReader
from reconciler.providers.bytebase_resources.reads import SharedReads
from reconciler.providers.bytebase_resources.rollout_policy import RolloutPolicyReader
from reconciler.providers.http import HttpSettings
from reconciler.report.spec_text import spec_text
from reconciler.resources.base import Resource
from reconciler.resources.project import Project
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.secret import Secret

RECORDINGS = Path(__file__).parents[2] / "recordings" / "bytebase"
PATHS = (
    "/v1/settings/APP_IM",
    "/v1/settings/WORKSPACE_APPROVAL",
    "/v1/environments/staging/policies/rollout_policy",
    "/v1/environments/prod/policies/rollout_policy",
    "/v1/projects/demo",
)


def recorded(file: Path) -> list[tuple[str, str]]:
    """Path and body of each different answer to a read of these paths."""
    content = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    found: dict[tuple[str, str], None] = {}
    for exchange in content.get("interactions", ()) if isinstance(content, dict) else ():
        request, response = exchange["request"], exchange["response"]
        path = httpx.URL(request["uri"]).path
        if request["method"] == "GET" and response["status"]["code"] == 200 and path in PATHS:
            found[path, response["body"]["string"]] = None
    return list(found)


def client_of(path: str, body: str) -> BytebaseClient:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/auth/login":
            return httpx.Response(200, json={"token": "t"})
        if request.url.path == path:
            return httpx.Response(200, text=body, headers={"Content-Type": "application/json"})
        environments = [{"name": f"environments/{name}", "id": name, "title": name} for name in ("staging", "prod")]
        return httpx.Response(200, json={"name": "x", "value": {"environment": {"environments": environments}}})

    connection = BytebaseConnection("http://127.0.0.1:1", ServiceAccount("sync@service.bytebase.com", Secret("k")))
    return BytebaseClient(connection, http=HttpSettings(transport=httpx.MockTransport(answer)))


def reading(path: str, client: BytebaseClient) -> tuple[ResourceReader, list[Resource]]:
    if path.endswith("APP_IM"):
        return ImReader(client), []
    if path.endswith("WORKSPACE_APPROVAL"):
        return ApprovalRulesReader(client), []
    if path.startswith("/v1/environments/"):
        return RolloutPolicyReader(client, SharedReads(client)), [RolloutPolicy(path.split("/")[3])]
    return ProjectReader(SharedReads(client)), [Project("demo")]


@pytest.mark.parametrize("file", sorted(RECORDINGS.glob("*.yaml")), ids=lambda file: file.stem)
async def test_recorded_values_plan_to_nothing_after_their_export(file: Path) -> None:
    for path, body in recorded(file):
        await plans_to_nothing(path, body)


def test_the_recordings_hold_every_path() -> None:
    assert {path for file in RECORDINGS.glob("*.yaml") for path, _ in recorded(file)} == set(PATHS)


async def plans_to_nothing(path: str, body: str) -> None:
    async with client_of(path, body) as client:
        reader, wanted = reading(path, client)
        seen = await reader.observe(wanted, inventory=True)
        live = [*seen.live, *seen.others]
        if path == "/v1/projects/demo":
            live += (await WebhookReader(SharedReads(client), ["demo"]).observe([], inventory=True)).others
    text = spec_text(document_of(Found(target_of(SMALL), live)).document)
    observed = {each.key: each for each in live}
    for one in desired_of(target_of(text), {}).declared:
        if one.key in observed:
            assert diff(observed[one.key], one.resource).fields == (), text
            del observed[one.key]
    assert set(observed) <= {key for key in observed if key.kind == "bytebase/im"}
    assert _rules(body) == len(getattr(next(iter(live), None), "rules", ()))


def _rules(body: str) -> int:
    value: dict[str, Any] = json.loads(body).get("value", {})
    return len(value.get("workspaceApproval", {}).get("rules", []))
