"""One read that fails: a line that says so, all other lines as they were, and never an end without lines."""

from __future__ import annotations

import re

import httpx
import pytest
from doctor.clinic import Clinic, shown

from reconciler.setup.check import Status

pytestmark = pytest.mark.slow

OWN = re.compile(r"oav_[0-9a-f]+|[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}|/workspaces/[^/:]+")
BYTEBASE = {"bytebase", "externalUrl", "licence", "rights", "rights/prod", "approvers", "availability"}
PEOPLE_AND_RIGHTS = {"rights", "rights/prod", "approvers", "availability"}
AFFECTED = {
    "/v1/auth/login": {*BYTEBASE, "account/sync"},
    "/v1/actuator/info": BYTEBASE,
    "/v1/subscription": BYTEBASE,
    "/v1/users/me": {"account/sync"},
    "/v1/settings/APP_IM": set(),
    "/v1/settings/ENVIRONMENT": PEOPLE_AND_RIGHTS,
    "/v1/roles": PEOPLE_AND_RIGHTS,
    "/v1/groups": PEOPLE_AND_RIGHTS,
    "/v1/projects/demo:getIamPolicy": PEOPLE_AND_RIGHTS,
    "/v1/ID:getIamPolicy": PEOPLE_AND_RIGHTS,
    "/v1/environments/prod/policies/rollout_policy": PEOPLE_AND_RIGHTS,
    "/open-apis/bot/v3/info": {"bot"},
    "/open-apis/application/v6/scopes": {"scopes", "scope/"},
    "/open-apis/application/v6/applications/me": {"icon", "version", "enabled", "events/configured"},
    "/open-apis/application/v6/applications/cli_sandbox/app_versions/ID": {"version", "events/configured"},
    "/open-apis/application/v6/applications/cli_sandbox/visibility/check_white_black_list": {"availability"},
    "/open-apis/contact/v3/users/batch_get_id": {"approvers", "availability"},
    "/open-apis/approval/v4/approvals/ID": {"definition/", "customIds/", "events/subscription/"},
    "/open-apis/approval/v4/instances": {"sharedApp"},
    "/open-apis/event/v1/connection": {"events/arriving", "sharedApp"},
    "/callback/ws/endpoint": {"events/transport"},
}
"""Which lines may change when a read fails. All of Feishu rests on the token, and has a test of its own."""


class Failing(httpx.AsyncBaseTransport):
    """Answers one path with a fault."""

    def __init__(self, inner: httpx.AsyncBaseTransport, path: str, fault: str) -> None:
        self._inner = inner
        self._path = path
        self._fault = fault

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if general(request.url.path) != self._path:
            return answer
        match self._fault:
            case "500":
                return httpx.Response(500, json={"code": 13, "message": "internal"}, request=request)
            case "403":
                return httpx.Response(403, json={"code": 7, "message": "no", "msg": "no"}, request=request)
            case "nonsense":
                return httpx.Response(200, content=b"<html>", request=request)
            case _:
                raise httpx.ConnectTimeout("no answer", request=request)


def general(path: str) -> str:
    return OWN.sub(lambda found: "/ID" if found[0].startswith("/") else "ID", path)


async def test_every_read_has_its_row() -> None:
    clinic = Clinic()
    await clinic.examine()
    read = {general(path) for _, path in clinic.requests} - {"/open-apis/auth/v3/tenant_access_token/internal"}
    assert read == set(AFFECTED)


@pytest.mark.parametrize("fault", ["500", "403", "nonsense", "silence"])
@pytest.mark.parametrize("path", AFFECTED)
async def test_a_failed_read_changes_only_what_rests_on_it(path: str, fault: str) -> None:
    usual = {key: shown(check) for key, check in (await Clinic().lines()).items()}
    clinic = Clinic(wrap=lambda transport: Failing(transport, path, fault))
    lines = await clinic.lines()
    may_change = AFFECTED[path]
    for key, line in usual.items():
        if key in may_change or any(each.endswith("/") and key.startswith(each) for each in may_change):
            assert key in lines or key.startswith("rights/"), key
        else:
            assert shown(lines[key]) == line, key
    for check in lines.values():
        assert check.status is Status.OK or (check.cause and check.fix and check.link), check.id
