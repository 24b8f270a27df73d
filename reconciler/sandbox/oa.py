"""A sample OA server: decides what an external approval node asks, in the old relay dialect and in v1, at once.

`POST /approval` → `{id, status}`; `GET /approval/{id}`; `PATCH /approval/{id}` with empty title and statement withdraws
(the relay dialect has no verb for it); `DELETE /approval/{id}` withdraws (v1). A decision stays: `PATCH` answers with it as
a relay does, `DELETE` with 409. Answers carry `actor`, `reason` and `digest` besides, which a relay client does not read.
The same `Idempotency-Key` gives the same approval.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

OaStatus = Literal["PENDING", "APPROVED", "REJECTED", "CANCELED"]

_LARGEST = 4 * 1024 * 1024


@dataclass(slots=True)
class OaApproval:
    """One question and its answer; `asked` is the body it came with."""

    id: str
    asked: dict[str, Any]
    created: datetime
    status: OaStatus = "PENDING"
    actor: str = ""
    reason: str = ""

    @property
    def title(self) -> str:
        """What a person sees first."""
        return str(self.asked.get("title") or self.asked.get("subject") or self.id)

    def as_json(self) -> dict[str, object]:
        """The answer to a client of either dialect."""
        answer: dict[str, object] = {"id": self.id, "status": self.status}
        if self.actor:
            answer |= {"actor": self.actor, "reason": self.reason}
        if "digest" in self.asked:
            answer["digest"] = self.asked["digest"]
        return answer


class OaServer:
    """Keeps the approvals and serves their routes under a prefix."""

    def __init__(self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._approvals: dict[str, OaApproval] = {}
        self._by_key: dict[str, str] = {}

    def approvals(self) -> list[OaApproval]:
        """All of them, the newest first."""
        return list(reversed(self._approvals.values()))

    def decide(self, approval_id: str, status: Literal["APPROVED", "REJECTED"], *, actor: str, reason: str) -> bool:
        """Answer a pending question; false when it is not pending any more."""
        approval = self._approvals.get(approval_id)
        if approval is None or approval.status != "PENDING":
            return False
        approval.status, approval.actor, approval.reason = status, actor, reason
        return True

    def routes(self, prefix: str) -> list[Route]:
        """The HTTP face, below `prefix`."""
        return [
            Route(f"{prefix}/approval", self._create, methods=["POST"]),
            Route(f"{prefix}/approval/{{approval_id}}", self._one, methods=["GET", "PATCH", "DELETE"]),
        ]

    async def _create(self, request: Request) -> Response:
        asked = await _json_object(request)
        if asked is None:
            return JSONResponse({"error": "a JSON object is needed"}, status_code=400)
        key = request.headers.get("idempotency-key")
        known = self._by_key.get(key) if key else None
        if known is not None:
            return JSONResponse(self._approvals[known].as_json())
        approval = OaApproval(str(uuid.uuid4()), asked, self._now())
        self._approvals[approval.id] = approval
        if key:
            self._by_key[key] = approval.id
        return JSONResponse(approval.as_json())

    async def _one(self, request: Request) -> Response:
        approval = self._approvals.get(request.path_params["approval_id"])
        if approval is None:
            return JSONResponse({"error": "there is no such approval"}, status_code=404)
        if request.method == "PATCH":
            change = await _json_object(request)
            if change is None:
                return JSONResponse({"error": "a JSON object is needed"}, status_code=400)
            if change.get("title") == "" and change.get("statement") == "":
                self._withdraw(approval)
            else:
                approval.asked |= {name: change[name] for name in ("title", "statement") if name in change}
        elif request.method == "DELETE":
            if approval.status in ("APPROVED", "REJECTED"):
                return JSONResponse(approval.as_json(), status_code=409)
            self._withdraw(approval)
        return JSONResponse(approval.as_json())

    @staticmethod
    def _withdraw(approval: OaApproval) -> None:
        if approval.status == "PENDING":
            approval.status = "CANCELED"


async def _json_object(request: Request) -> dict[str, Any] | None:
    body = await request.body()
    if len(body) > _LARGEST:
        return None
    try:
        content = json.loads(body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
