"""Settings, policies, licences, the server itself (facts §6, §7, §12)."""

from __future__ import annotations

import pytest

FEISHU = {"type": "FEISHU", "feishu": {"appId": "cli_x", "appSecret": "s"}}
LARK = {"type": "LARK", "lark": {"appId": "cli_y", "appSecret": "s"}}
RULE = {
    "source": "CHANGE_DATABASE",
    "condition": {"expression": 'resource.environment_id == "prod"'},
    "template": {"title": "T", "flow": {"roles": ["roles/projectOwner"]}},
}
POLICY = "environments/prod/policies/rollout_policy"


def im(*entries):
    return {"name": "settings/APP_IM", "value": {"appIm": {"settings": list(entries)}}}


def approval(*rules):
    return {"name": "settings/WORKSPACE_APPROVAL", "value": {"workspaceApproval": {"rules": list(rules)}}}


def environments(*items):
    return {"name": "settings/ENVIRONMENT", "value": {"environment": {"environments": list(items)}}}


async def read_im(bytebase):
    return (await bytebase.get("settings/APP_IM")).body["value"]["appIm"].get("settings", [])


async def test_im_entries_are_replaced_whole_and_never_shown(bytebase):
    assert await read_im(bytebase) == []
    await bytebase.connect("SettingService/UpdateSetting", {"setting": im(FEISHU, LARK)})
    assert await read_im(bytebase) == [{"type": "FEISHU", "feishu": {}}, {"type": "LARK", "lark": {}}]
    await bytebase.connect("SettingService/UpdateSetting", {"setting": im({"type": "LARK", "feishu": {}})})
    assert await read_im(bytebase) == [{"type": "LARK", "lark": {}}]
    await bytebase.connect("SettingService/UpdateSetting", {"setting": im()})
    assert await read_im(bytebase) == []


@pytest.mark.parametrize(
    "mask", [None, "value.app_im", "name", "value.app_im.lark", "value.app_im.feishu", "value.appIm.feishu"]
)
async def test_im_by_rest_dials_or_is_refused_and_stores_nothing(bytebase, mask):
    query = {"update_mask": mask} if mask else {}
    reply = await bytebase.patch("settings/APP_IM", im(FEISHU), **query)

    assert (reply.status, reply.code) == (400, 3)
    assert await read_im(bytebase) == []


async def test_im_credentials_are_good_if_somebody_says_so(bytebase):
    from reconciler.sandbox.bytebase import BytebaseStandIn
    from reconciler.sandbox.clock import SandboxClock

    asked = []

    def judge(kind, app_id, secret):
        asked.append((kind, app_id, secret))
        return secret == "s"

    seed = bytebase.stand_in.world.seed
    other = BytebaseStandIn(seed, clock=SandboxClock(), im_credentials=judge)
    bytebase.client._transport.app = other.app
    bytebase.tokens.clear()
    good = await bytebase.patch("settings/APP_IM", im(FEISHU), update_mask="value.app_im.feishu", validate_only=True)
    assert good.status == 200
    assert await read_im(bytebase) == []
    assert (await bytebase.patch("settings/APP_IM", im(FEISHU), update_mask="value.app_im.feishu")).status == 200
    assert await read_im(bytebase) == [{"type": "FEISHU", "feishu": {}}]
    wrong = {"type": "FEISHU", "feishu": {"appId": "cli_x", "appSecret": "wrong"}}
    assert (await bytebase.patch("settings/APP_IM", im(wrong), update_mask="value.app_im.feishu")).code == 3
    assert asked[0] == ("FEISHU", "cli_x", "s")


async def test_the_same_im_twice_is_refused(bytebase):
    reply = await bytebase.connect("SettingService/UpdateSetting", {"setting": im(FEISHU, FEISHU)})

    assert reply.body["message"] == "duplicate im type FEISHU"


async def test_a_new_workspace_has_the_fallback_rule_and_no_policy(bytebase):
    rules = (await bytebase.get("settings/WORKSPACE_APPROVAL")).body["value"]["workspaceApproval"]["rules"]

    assert [rule["template"]["title"] for rule in rules] == ["Fallback Rule"]
    assert (await bytebase.get("environments/prod/policies")).body == {}
    assert {setting["name"] for setting in (await bytebase.get("settings")).body["settings"]} == {
        f"settings/{name}"
        for name in ("APP_IM", "DATA_CLASSIFICATION", "WORKSPACE_APPROVAL", "WORKSPACE_PROFILE", "ENVIRONMENT")
    }


@pytest.mark.parametrize(
    "change",
    [
        {"condition": {"expression": "foo =="}},
        {"condition": {"expression": 'nope == "x"'}},
        {"condition": {"expression": 'request.role == "x"'}},
        {"condition": {"expression": "resource.environment_id == 1"}},
        {"condition": {"expression": 'statement.affected_rows > "many"'}},
        {"condition": {"expression": 'resource.environment_id == "x"'}, "source": "SOURCE_UNSPECIFIED"},
        {"source": 3},
        {"source": "EXPORT_DATA"},
        {"template": None},
        {"template": {"title": "T"}},
        {"template": {"title": "T", "flow": {"roles": [""]}}},
    ],
)
async def test_rules_that_cannot_be_are_refused(bytebase, change):
    reply = await bytebase.patch("settings/WORKSPACE_APPROVAL", approval({**RULE, **change}))

    assert (reply.status, reply.code) == (400, 3)


@pytest.mark.parametrize(
    "change",
    [{"condition": None}, {"template": {"title": "T", "flow": {}}}, {"source": "REQUEST_ROLE", "condition": {}}],
)
async def test_odd_rules_are_accepted_whatever_the_mask(bytebase, change):
    assert (await bytebase.patch("settings/WORKSPACE_APPROVAL", approval({**RULE, **change}))).status == 200
    assert (
        await bytebase.patch("settings/WORKSPACE_APPROVAL", approval({**RULE, **change}), update_mask="anything")
    ).status == 200


async def test_validate_only_stores_nothing(bytebase):
    reply = await bytebase.patch("settings/WORKSPACE_APPROVAL", approval(), validate_only=True)
    rules = (await bytebase.get("settings/WORKSPACE_APPROVAL")).body["value"]["workspaceApproval"]["rules"]

    assert reply.body["value"]["workspaceApproval"] == {}
    assert len(rules) == 1


async def test_the_licence_is_asked_before_the_rules_are_read(free):
    reply = await free.patch("settings/WORKSPACE_APPROVAL", approval({"template": None}))

    assert (reply.status, reply.code, "details" in reply.body) == (403, 7, False)
    assert (await free.get("settings/WORKSPACE_APPROVAL")).status == 200


@pytest.mark.parametrize(
    "item",
    [
        {"id": "Prod", "title": "T"},
        {"id": "", "title": "T"},
        {"id": "prod"},
        {"id": "9", "title": "T"},
    ],
)
async def test_environments_without_a_proper_id_or_title_are_refused(bytebase, item):
    assert (await bytebase.patch("settings/ENVIRONMENT", environments(item))).code == 3


async def test_an_environment_that_goes_is_unset_on_its_databases(bytebase):
    database = "instances/i-prod/databases/app"
    assert (await bytebase.get(database)).body["effectiveEnvironment"] == "environments/prod"
    reply = await bytebase.patch("settings/ENVIRONMENT", environments({"id": "test", "title": "Test"}))

    assert reply.body["value"]["environment"]["environments"][0]["name"] == "environments/test"
    assert "effectiveEnvironment" not in (await bytebase.get(database)).body


async def test_the_profile_is_merged_by_field_and_the_flag_owns_the_address(bytebase, free):
    def profile(**fields):
        return {"name": "settings/WORKSPACE_PROFILE", "value": {"workspaceProfile": fields}}

    path, prefix = "settings/WORKSPACE_PROFILE", "value.workspace_profile."
    assert (await bytebase.patch(path, profile(disallowSignup=True))).status == 400
    assert (
        await bytebase.patch(path, profile(externalUrl="http://x"), update_mask=f"{prefix}external_url")
    ).status == 400
    for mask in ("value.workspace_profile", f"{prefix}nope"):
        assert (await bytebase.patch(path, profile(), update_mask=mask)).status == 400
    kept = await bytebase.patch(path, profile(disallowSignup=True), update_mask=f"{prefix}disallow_signup")
    assert kept.body["value"]["workspaceProfile"]["passwordRestriction"] == {"minLength": 8}
    signup = {"email": "n@example.com", "password": "Passw0rd!"}
    assert (await bytebase.post("auth/signup", signup, who=None)).status == 403
    assert (await free.patch(path, profile(disallowSignup=True), update_mask=f"{prefix}disallow_signup")).status == 403


async def test_settings_are_read_by_their_own_permissions(bytebase):
    for name, status in (
        ("ENVIRONMENT", 200),
        ("WORKSPACE_PROFILE", 200),
        ("APP_IM", 403),
        ("WORKSPACE_APPROVAL", 403),
    ):
        reply = await bytebase.get(f"settings/{name}", who="sync")
        assert reply.status == status
        if status == 403:
            assert "resources" not in reply.body["details"][0]


async def test_a_rollout_policy_lives_from_default_to_default(bytebase):
    def policy(**rollout):
        return {"name": POLICY, "type": "ROLLOUT_POLICY", "rolloutPolicy": rollout}

    default = (await bytebase.get("environments/prod/policies/ROLLOUT_POLICY")).body
    assert (default["enforce"], default["rolloutPolicy"]) == (True, {})
    assert (await bytebase.patch(POLICY, policy(automatic=True), update_mask="rollout_policy")).status == 404
    upsert = {"update_mask": "rollout_policy", "allow_missing": True}
    assert (await bytebase.patch(POLICY, {"name": POLICY, "rolloutPolicy": {}}, **upsert)).status == 400
    kept = await bytebase.patch(POLICY, policy(automatic=True, roles=["roles/ghost"]), **upsert)
    assert kept.body["rolloutPolicy"] == {"automatic": True, "roles": ["roles/ghost"]}
    assert (await bytebase.patch(POLICY, policy(automatic=False))).status == 400
    assert len((await bytebase.get("environments/prod/policies", policy_type="ROLLOUT_POLICY")).body["policies"]) == 1
    assert (await bytebase.post("environments/prod/policies", policy())).body["rolloutPolicy"] == {}
    assert (await bytebase.ask("DELETE", POLICY)).status == 200
    assert (await bytebase.ask("DELETE", POLICY)).status == 404
    assert (await bytebase.get("environments/nowhere/policies/rollout_policy")).status == 200
    assert (await bytebase.get("environments/prod/policies/nope")).status == 400


async def test_a_plain_member_reads_one_policy_and_no_list(bytebase):
    assert (await bytebase.get(POLICY, who="sync")).status == 200
    assert (await bytebase.get("environments/prod/policies", who="sync")).status == 403
    body = {"name": POLICY, "type": "ROLLOUT_POLICY", "rolloutPolicy": {}}
    refused = await bytebase.patch(POLICY, body, who="sync", update_mask="rollout_policy", allow_missing=True)
    assert refused.body["details"][0]["requiredPermissions"] == ["bb.policies.create"]


async def test_the_server_says_what_it_is_and_what_is_paid_for(bytebase, free):
    info = (await bytebase.get("actuator/info", who=None)).body
    assert info["workspace"] == (await bytebase.get("workspaces/-", who=None)).body["name"]
    assert info["restriction"] == {"passwordRestriction": {"minLength": 8}}
    assert (await bytebase.get("subscription", who=None)).status == 401
    assert (await bytebase.get("subscription", who="sync")).body["plan"] == "ENTERPRISE"
    assert (await free.get("subscription")).body == {"plan": "FREE"}
    assert (await bytebase.patch("subscription/license", {"license": "x"})).code == 3
    assert (await bytebase.patch("subscription/license", {"license": ""})).body == {"plan": "FREE"}


async def test_an_instance_is_not_activated_on_free(free):
    body = {"title": "X", "engine": "POSTGRES", "environment": "environments/test", "activation": True}
    assert (await free.post("instances", body, instanceId="x")).code == 8
    made = await free.post("instances", {**body, "activation": False}, instanceId="x")
    assert made.body["name"] == "instances/x"
    assert (await free.post("instances", {**body, "activation": False}, instanceId="x")).code == 6
