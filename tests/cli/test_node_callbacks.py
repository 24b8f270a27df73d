"""A node's callback only wakes what it is about: unsigned it is refused, unknown it is acknowledged, and it never fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.declarative_specs import SMALL, target_of

from reconciler.adapters.secret_sources import SecretResolver
from reconciler.cli.node_callbacks import node_callbacks
from reconciler.errors import UnavailableError
from reconciler.providers.external.callback import signature
from reconciler.secret import Secret

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SPEC = (
    SMALL
    + """\
  externalNodes:
    - {name: quiet, endpoint: https://quiet.example, dialect: relay}
    - {name: oa, endpoint: https://oa.example, dialect: v1, callback: {secret: {env: OA_CALLBACK}}}
"""
)


class Agenda:
    """Knows one request; its store may be away."""

    is_away = False

    async def subject_of(self, *, code: str, uuid: str) -> str | None:
        if self.is_away:
            raise UnavailableError("the store cannot be reached")
        return "projects/demo/issues/101#0" if (code, uuid) == ("node:oa:7", "") else None


async def call(body: bytes, *, key: str = "canary-key", at: datetime = NOW, agenda: Agenda | None = None):
    secrets = SecretResolver({"OA_CALLBACK": "canary-key"}, Path())
    callbacks = await node_callbacks(target_of(SPEC), secrets, agenda or Agenda(), now=lambda: NOW)  # type: ignore[arg-type]
    assert list(callbacks) == ["oa"]
    stamp = str(int(at.timestamp()))
    headers = {"x-reconciler-timestamp": stamp, "x-reconciler-signature": signature(Secret(key), stamp, body)}
    answer, subject = await callbacks["oa"](headers, body)
    assert "canary" not in str(answer)
    return answer.status, subject


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"id": "7"}', (200, "projects/demo/issues/101#0")),
        (b'{"id": "8"}', (200, None)),
        (b'{"subject": "projects/demo/issues/101#0"}', (400, None)),
        (b"nonsense", (400, None)),
    ],
)
async def test_a_signed_callback_wakes_the_subject_of_its_approval_and_no_other(body, expected):
    assert await call(body) == expected


async def test_another_key_or_an_old_time_is_refused():
    assert await call(b'{"id": "7"}', key="another") == (401, None)
    assert await call(b'{"id": "7"}', at=NOW - timedelta(seconds=301)) == (401, None)


async def test_a_callback_without_headers_is_refused():
    callbacks = await node_callbacks(
        target_of(SPEC),
        SecretResolver({"OA_CALLBACK": "canary-key"}, Path()),
        Agenda(),  # type: ignore[arg-type]
        now=lambda: NOW,
    )
    answer, subject = await callbacks["oa"]({}, b'{"id": "7"}')
    assert (answer.status, subject) == (401, None)


async def test_a_store_that_is_away_is_no_failure_of_the_page(caplog):
    agenda = Agenda()
    agenda.is_away = True
    assert await call(b'{"id": "7"}', agenda=agenda) == (503, None)
    assert "a callback of oa could not be followed up" in caplog.text
