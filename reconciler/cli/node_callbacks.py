"""The callbacks of external nodes: what arrives signed is looked up and wakes its subject; it is never believed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from reconciler.adapters.secret_sources import SecretResolver
from reconciler.adapters.store import SqlAgenda
from reconciler.daemon.parts import ExternalCallback, HttpAnswer
from reconciler.errors import ReconcilerError
from reconciler.providers.external.callback import SIGNATURE, TIMESTAMP, approval_of, is_authentic
from reconciler.secret import Secret
from reconciler.spec.target import Target
from reconciler.subjects.gate import node_code

_log = logging.getLogger(__name__)


async def node_callbacks(
    target: Target, secrets: SecretResolver, agenda: SqlAgenda, *, now: Callable[[], datetime]
) -> Mapping[str, ExternalCallback]:
    """The callbacks of the target's nodes that declare a key, by node."""
    found = {}
    for number, node in enumerate(target.spec.external_nodes):
        if node.callback is not None:
            at = target.origin("spec", "externalNodes", number, "callback", "secret")
            found[node.name] = _callback(node.name, await secrets.resolve(node.callback.secret, at), agenda, now)
    return found


def _callback(name: str, secret: Secret, agenda: SqlAgenda, now: Callable[[], datetime]) -> ExternalCallback:
    async def judge(headers: Mapping[str, str], body: bytes) -> tuple[HttpAnswer, str | None]:
        timestamp, signed = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
        if not is_authentic(secret, timestamp=timestamp, signed=signed, body=body, now=now()):
            return HttpAnswer(401, {"error": "the signature does not fit, or is older than five minutes"}), None
        approval = approval_of(body)
        if approval is None:
            return HttpAnswer(400, {"error": 'the body names no approval: {"id": "…"}'}), None
        try:
            subject = await agenda.subject_of(code=f"{node_code(name)}:{approval}", uuid="")
        except ReconcilerError as error:
            _log.warning("a callback of %s could not be followed up, the next poll will: %s", name, error)
            return HttpAnswer(503, {"error": "it cannot be looked up now; it is polled in any case"}), None
        return HttpAnswer(200, {}), subject

    return judge
