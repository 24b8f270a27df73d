"""Doctor reads: no request of it changes anything, and its ports have nothing that could."""

from __future__ import annotations

from doctor.clinic import Clinic

from reconciler.ports.setup import FeishuSetupReader
from reconciler.providers.feishu.setup import FeishuSetup

READ_BY_POST = {
    "/v1/auth/login",
    "/callback/ws/endpoint",
    "/open-apis/auth/v3/tenant_access_token/internal",
    "/open-apis/contact/v3/users/batch_get_id",
    "/open-apis/application/v6/applications/cli_sandbox/visibility/check_white_black_list",
}
"""Sign in, look people up, ask where a long connection would be made: POST, and nothing is different afterwards."""


async def test_no_request_writes() -> None:
    clinic = Clinic()
    await clinic.examine()
    assert len(clinic.requests) > 15
    assert {path for method, path in clinic.requests if method != "GET"} <= READ_BY_POST


async def test_only_the_probe_writes_and_only_what_it_announces() -> None:
    clinic = Clinic()
    await clinic.examine(probe="stage-gate")
    wrote = [path for method, path in clinic.requests if method != "GET" and path not in READ_BY_POST]
    assert wrote == [
        "/open-apis/approval/v4/instances",
        "/open-apis/approval/v4/tasks/approve",
        "/open-apis/approval/v4/instances",
        "/open-apis/approval/v4/instances/cancel",
    ]


def test_what_doctor_reads_feishu_through_can_only_read() -> None:
    offered = {name for name in vars(FeishuSetup) if not name.startswith("_")}
    assert offered == {name for name in vars(FeishuSetupReader) if not name.startswith("_")}
    assert not [name for name in offered if name.startswith(("create", "put", "write", "set", "publish", "subscribe"))]
