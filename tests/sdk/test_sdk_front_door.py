"""Tokens, refusals and limits as the official SDK meets them."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.sdk, pytest.mark.slow]


def tokens(sdk):
    from lark_oapi.core.token.manager import TokenManager

    return TokenManager


def test_the_sdk_fetches_one_token_and_keeps_it(tenant):
    issued = []
    issue = tenant.served.stand_in.world.tokens.issue
    tenant.served.stand_in.world.tokens.issue = lambda app_id: issued.append(app_id) or issue(app_id)
    tenant.definition()
    tenant.definition()
    assert issued == [tenant.app_id]


@pytest.mark.parametrize(("secret", "known", "code"), [("wrong", True, 10014), ("secret-1", False, 10003)])
def test_wrong_credentials_are_told_at_the_token_call(tenant, sdk, secret, known, code):
    client = sdk.client(tenant.url, tenant.app_id if known else "cli_0000000000000000", secret)
    request = sdk.request("approval", "GetInstanceRequest", instance_id="x")
    with pytest.raises(sdk.lark.core.exception.ObtainAccessTokenException) as caught:
        client.approval.v4.instance.get(request)
    assert caught.value.code == code


def test_an_expired_token_is_99991663_until_the_cache_is_cleared(tenant, sdk):
    code = tenant.definition()
    tenant.call(lambda standin: standin.expire_tokens())
    request = sdk.request("approval", "GetApprovalRequest", approval_code=code)
    assert tenant.approval.approval.get(request).code == 99991663
    tokens(sdk).cache.set(f"self_tenant_token:{tenant.app_id}", "", 0)
    assert tenant.approval.approval.get(request).success()


def test_a_missing_scope_names_the_scopes_and_the_link(make_tenant):
    narrow = make_tenant(app={"scopes": ["contact:user.id:readonly"]})
    response = narrow.define()
    assert (response.code, response.raw.status_code) == (99991672, 400)
    assert "One of the following scopes is required: [approval:approval, approval:definition]" in response.msg
    assert (
        f"https://open.feishu.cn/app/{narrow.app_id}/auth?q=approval:approval,approval:definition&op_from=openapi&token_type=tenant"
        in response.msg
    )
    assert [item["subject"] for item in narrow.content(response)["error"]["permission_violations"]] == [
        "approval:approval",
        "approval:definition",
    ]


def test_scopes_of_an_unpublished_app_are_not_in_force(make_tenant):
    assert make_tenant(app={"published": False}).define().code == 99991672


def test_a_disabled_app_is_refused_everywhere(tenant):
    tenant.definition()
    tenant.call(lambda standin: standin.actions.disable_app(tenant.app_id))
    assert tenant.define().code == 99991662


def test_unknown_paths_and_wrong_methods_have_their_codes(tenant):
    assert tenant.raw("GET", "/open-apis/approval/v4/nothing").code == 99991201
    assert tenant.raw("PUT", "/open-apis/approval/v4/approvals").code == 99991301


def test_the_path_is_judged_before_the_token(tenant, sdk):
    tenant.define()
    tenant.call(lambda standin: standin.expire_tokens())
    assert tenant.raw("GET", "/open-apis/approval/v4/nothing").code == 99991201
    assert tenant.raw("GET", "/open-apis/approval/v4/approvals/x").code == 99991663


def test_the_hundred_and_first_read_of_a_definition_in_a_minute_is_429(tenant, sdk):
    code = tenant.definition()
    request = sdk.request("approval", "GetApprovalRequest", approval_code=code)
    answers = [tenant.approval.approval.get(request) for _ in range(101)]
    assert {answer.code for answer in answers[:100]} == {0}
    last = answers[100]
    assert (last.code, last.raw.status_code, last.msg) == (99991400, 429, "request trigger frequency limit")
    assert last.raw.headers["x-ogw-ratelimit-limit"] == "100"
    assert 1 <= int(last.raw.headers["x-ogw-ratelimit-reset"]) <= 60
    assert tenant.ask(code).success()


def test_every_answer_has_a_log_id_the_sdk_finds(tenant):
    good, bad = tenant.define(), tenant.define(approval_name="plain")
    assert good.get_log_id()
    assert bad.get_log_id()
    assert bad.get_log_id() == tenant.content(bad)["error"]["log_id"]


def test_the_generic_call_finds_the_content_type_by_its_canonical_name(tenant):
    response = tenant.raw("GET", "/open-apis/bot/v3/info")
    assert response.code == 0
    assert response.raw.headers["Content-Type"].startswith("application/json")
    assert tenant.content(response)["bot"]["activate_status"] == 2


async def test_the_sdks_asynchronous_calls_work_too(tenant, sdk):
    code = tenant.definition()
    answer = await tenant.approval.approval.aget(sdk.request("approval", "GetApprovalRequest", approval_code=code))
    assert answer.success()
    assert answer.data.status == "ACTIVE"


def test_a_page_token_that_is_not_ours_is_a_field_violation(tenant, sdk):
    code = tenant.definition()
    query = {"approval_code": code, "start_time": 0, "end_time": 1, "page_token": "mine"}
    assert tenant.approval.instance.list(sdk.request("approval", "ListInstanceRequest", **query)).code == 99992402
