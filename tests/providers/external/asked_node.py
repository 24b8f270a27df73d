"""A node that answers as a test says, and the one question that it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import httpx

from reconciler.providers.external.node import NodeApprovals
from reconciler.providers.external.settings import NodeSettings
from reconciler.providers.http import HttpSettings
from reconciler.providers.http_retry import RetryPolicy
from reconciler.secret import Secret
from reconciler.subjects.instance import (
    AskedPerson,
    Dialect,
    FieldText,
    Instance,
    InstanceRequest,
    InstanceStatus,
    NodeBrief,
)

CANARY = "Bearer canary-of-the-node"
BRIEF = NodeBrief(
    subject="projects/demo/issues/101#0",
    issue="101",
    project="demo",
    creator="alice@example.com",
    title="Add column",
    description="",
    stage="roles/oa",
    statement="ALTER TABLE t ADD c int;",
    link="https://bytebase.example/projects/demo/issues/101",
    digest="d1",
    created=datetime(2026, 11, 25, 9, tzinfo=UTC),
)
REQUEST = InstanceRequest(
    uuid="11111111-1111-5111-8111-111111111111",
    definition_code="node:oa",
    node_key="",
    submitter="",
    approvers=(AskedPerson("bob@example.com", "bob@example.com"),),
    title=FieldText("title", (("en-US", "Add column"),)),
    form=(),
    brief=BRIEF,
)
PENDING = Instance("node:oa:7", "", "node:oa", InstanceStatus.PENDING, "", datetime(2026, 11, 25, tzinfo=UTC), ())


async def no_sleep(_seconds: float) -> None:
    """Retries wait for nothing here."""


def node(
    answer: Callable[[httpx.Request], httpx.Response], dialect: Dialect = Dialect.RELAY, **more: object
) -> NodeApprovals:
    settings = NodeSettings("oa", "https://oa.example/bytebase", dialect, "Authorization", Secret(CANARY))
    http = HttpSettings(transport=httpx.MockTransport(answer), retry=RetryPolicy(sleep=no_sleep))
    return NodeApprovals(replace(settings, **more), http=http)
