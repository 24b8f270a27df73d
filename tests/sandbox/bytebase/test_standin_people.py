"""Who calls and who may: tokens, accounts, users, groups, roles (facts §3, §5, §14)."""

from __future__ import annotations

import pytest

SYNC = "sync@service.bytebase.com"


async def login(bytebase, email, password, **more):
    return await bytebase.post("auth/login", {"email": email, "password": password, **more}, who=None)


async def as_token(bytebase, token, path="users/me"):
    return (await bytebase.client.get(f"/v1/{path}", headers={"Authorization": token})).status_code


async def test_accounts_and_people_log_in_and_learn_who_they_are(bytebase):
    account = await login(bytebase, SYNC, "bbs_sync")
    person = await login(bytebase, "Alice@example.com", "Passw0rd!")

    assert set(account.body) == {"token"}
    assert person.body["user"]["email"] == "alice@example.com"
    assert (await bytebase.get("users/me", who="sync")).body["name"] == f"users/{SYNC}"
    assert (await bytebase.get("users/me", who="carol")).body["groups"] == ["groups/dba@example.com"]
    assert (await bytebase.get(f"users/{SYNC}")).status == 400


@pytest.mark.parametrize(("email", "password"), [(SYNC, "wrong"), ("ghost@example.com", "Passw0rd!")])
async def test_a_wrong_key_and_an_unknown_e_mail_look_the_same(bytebase, email, password):
    for _ in range(12):
        reply = await login(bytebase, email, password)
        assert (reply.status, reply.code, reply.body["message"]) == (401, 16, "invalid email or password")
    assert reply.headers["www-authenticate"] == "invalid email or password"


async def test_each_bad_token_has_its_message(bytebase):
    good = await bytebase.token("admin")
    seen = {}
    for header in (None, f"Basic {good}", "Bearer nonsense", f"Bearer {good[:-2]}xx"):
        headers = {"Authorization": header} if header else {}
        answer = await bytebase.client.get("/v1/subscription", headers=headers)
        seen[header] = (answer.status_code, answer.json()["message"])
    assert list(seen.values()) == [
        (401, "access token not found"),
        (401, "authorization header format must be Bearer {token}"),
        (401, "failed to parse claim"),
        (401, "failed to parse claim"),
    ]


async def test_a_token_lives_an_hour_and_all_can_be_ended_at_once(bytebase):
    token = await bytebase.token("sync")
    assert await as_token(bytebase, f"Bearer {token}", "subscription") == 200
    bytebase.stand_in.expire_tokens()
    answer = await bytebase.client.get("/v1/subscription", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["message"]) == (401, "access token expired")
    assert bytebase.stand_in.caller_of(f"Bearer {token}") == SYNC
    assert bytebase.stand_in.caller_of("Bearer x") is None
    assert bytebase.stand_in.caller_of(None) is None

    fresh = (await login(bytebase, SYNC, "bbs_sync")).body["token"]
    bytebase.stand_in._clock.offset = 3601
    assert await as_token(bytebase, f"Bearer {fresh}", "subscription") == 401


async def test_a_browser_signs_in_by_cookie_and_refreshes_by_cookie(bytebase):
    refused = await login(bytebase, SYNC, "bbs_sync", web=True)
    signed_in = await login(bytebase, "alice@example.com", "Passw0rd!", web=True)

    assert refused.status == 403
    assert "token" not in signed_in.body
    assert set(bytebase.client.cookies) == {"access-token", "refresh-token"}
    assert (await bytebase.get("users/me", who=None)).body["email"] == "alice@example.com"
    before = bytebase.client.cookies["refresh-token"]
    assert (await bytebase.post("auth/refresh", who=None)).status == 200
    assert bytebase.client.cookies["refresh-token"] != before
    bytebase.client.cookies.clear()
    assert (await bytebase.post("auth/refresh", who="sync")).status == 401


async def test_an_account_is_made_rotated_and_ended(bytebase):
    workspace = (await bytebase.get("workspaces/-", who=None)).body["name"]
    made = (await bytebase.post(f"{workspace}/serviceAccounts", {"title": "CI"}, serviceAccountId="ci")).body
    assert made["serviceKey"].startswith("bbs_")
    assert (await bytebase.post(f"{workspace}/serviceAccounts", {}, serviceAccountId="ci")).status == 409
    assert "serviceKey" not in (await bytebase.get(made["name"])).body
    token = (await login(bytebase, made["email"], made["serviceKey"])).body["token"]

    rotated = await bytebase.patch(made["name"], {"name": made["name"]}, update_mask="service_key")
    assert rotated.body["serviceKey"] != made["serviceKey"]
    assert (await login(bytebase, made["email"], made["serviceKey"])).status == 401
    assert await as_token(bytebase, f"Bearer {token}") == 200

    assert (await bytebase.ask("DELETE", made["name"])).status == 200
    assert await as_token(bytebase, f"Bearer {token}") == 401
    assert (
        (await login(bytebase, made["email"], rotated.body["serviceKey"]))
        .body["message"]
        .startswith("user has been deactivated")
    )
    assert (await bytebase.post(f"{made['name']}:undelete")).body["state"] == "ACTIVE"
    assert await as_token(bytebase, f"Bearer {token}") == 200


async def test_an_account_of_a_project_has_the_project_in_its_e_mail(bytebase):
    made = await bytebase.post("projects/demo/serviceAccounts", {"title": "P"}, who="alice", serviceAccountId="ci")
    listed = await bytebase.get("projects/demo/serviceAccounts", who="alice")

    assert made.body["email"] == "ci@demo.service.bytebase.com"
    assert [account["title"] for account in listed.body["serviceAccounts"]] == ["P"]


async def test_a_new_account_may_nearly_nothing(bytebase):
    assert (await bytebase.get("users/me", who="bare")).status == 200
    assert (await bytebase.post("projects:search", who="bare")).body == {}
    assert (await bytebase.post("projects/-/issues:search", who="bare")).body == {}
    for path in ("projects", "users", "groups/dba@example.com", "roles", "settings/ENVIRONMENT", "instances"):
        assert (await bytebase.get(path, who="bare")).status == 403, path


async def test_an_account_bound_as_user_or_in_a_group_holds_nothing(bytebase):
    members = ["user:bare@service.bytebase.com"]
    policy = {"bindings": [{"role": "roles/projectOwner", "members": ["user:alice@example.com", *members]}]}
    await bytebase.post("projects/demo:setIamPolicy", {"policy": policy})
    assert (await bytebase.get("projects/demo", who="bare")).status == 403

    group = {"name": "groups/dba@example.com", "members": [{"member": "users/bare@service.bytebase.com"}]}
    assert (await bytebase.patch("groups/dba@example.com", group, update_mask="members")).status == 200
    assert (await bytebase.get("projects", who="bare")).status == 403


async def test_deactivated_people_and_people_outside_the_workspace_are_unknown(bytebase):
    token = await bytebase.token("bob")
    assert (await bytebase.ask("DELETE", "users/bob@example.com")).status == 200
    assert await as_token(bytebase, f"Bearer {token}", "subscription") == 401
    assert (await login(bytebase, "bob@example.com", "Passw0rd!")).status == 401
    shown = await bytebase.get("users", filter='state == "DELETED"')
    assert [user["email"] for user in shown.body["users"]] == ["bob@example.com"]
    assert (await bytebase.post("users/bob@example.com:undelete")).body["state"] == "ACTIVE"

    workspace = (await bytebase.get("workspaces/-", who=None)).body["name"]
    policy = {"bindings": [{"role": "roles/workspaceAdmin", "members": ["user:admin@example.com"]}]}
    assert (await bytebase.post(f"{workspace}:setIamPolicy", {"policy": policy})).status == 200
    assert await as_token(bytebase, f"Bearer {token}", "subscription") == 401
    fresh = (await login(bytebase, "bob@example.com", "Passw0rd!")).body["token"]
    bound = (await bytebase.get(f"{workspace}:getIamPolicy")).body["bindings"]
    assert await as_token(bytebase, f"Bearer {fresh}", "subscription") == 200
    assert {"role": "roles/workspaceMember", "members": ["user:bob@example.com"], "condition": {}} in bound


async def test_the_last_administrator_cannot_be_deactivated(bytebase):
    assert (await bytebase.ask("DELETE", "users/admin@example.com")).status == 400


async def test_signing_up_gives_no_token_but_a_membership(bytebase):
    taken = await bytebase.post("auth/signup", {"email": "bob@example.com", "password": "Passw0rd!"}, who=None)
    short = await bytebase.post("auth/signup", {"email": "new@example.com", "password": "short"}, who=None)
    made = await bytebase.post("auth/signup", {"email": "new@example.com", "password": "Passw0rd!"}, who=None)

    assert (taken.status, short.status, made.status) == (409, 400, 200)
    assert "token" not in made.body
    assert made.body["user"]["state"] == "ACTIVE"


@pytest.mark.parametrize(
    ("email", "code"), [("x@workload.bytebase.com", 5), ("x@example.com", 3), ("ci@workload.bytebase.com", 16)]
)
async def test_a_token_exchange_fails_for_its_reason(bytebase, email, code):
    workspace = (await bytebase.get("workspaces/-", who=None)).body["name"]
    config = {"providerType": "GITHUB", "issuerUrl": "https://token.actions.githubusercontent.com"}
    await bytebase.post(f"{workspace}/workloadIdentities", {"workloadIdentityConfig": config}, workloadIdentityId="ci")
    reply = await bytebase.post("auth:exchangeToken", {"token": "x", "email": email}, who=None)

    assert reply.code == code


async def test_groups_are_read_by_members_and_written_with_a_licence(bytebase, free):
    group = {"title": "Ops", "members": [{"member": "users/bob@example.com", "role": "OWNER"}]}
    made = await bytebase.post("groups", group, groupEmail="ops@example.com")
    assert made.body["members"] == group["members"]
    assert (await bytebase.get("groups/ops@example.com", who="bob")).status == 200
    edit = {"name": "groups/ops@example.com", "title": "Operations"}
    assert (await bytebase.patch("groups/ops@example.com", edit, who="bob", update_mask="title")).status == 200
    assert (await bytebase.patch("groups/ops@example.com", edit, who="alice", update_mask="title")).status == 403
    assert (await bytebase.ask("DELETE", "groups/ops@example.com")).status == 200

    refused = await free.post("groups", group, groupEmail="ops@example.com")
    assert (refused.status, refused.code, "details" in refused.body) == (403, 7, False)
    assert "FEATURE_USER_GROUPS is a TEAM feature" in refused.body["message"]


async def test_unknown_names_are_dropped_from_batches(bytebase):
    users = await bytebase.get("users:batchGet", names=["users/bob@example.com", "users/ghost@example.com"])
    groups = await bytebase.get("groups:batchGet", names=["groups/dba@example.com", "groups/x@example.com"])

    assert [user["email"] for user in users.body["users"]] == ["bob@example.com"]
    assert [group["email"] for group in groups.body["groups"]] == ["dba@example.com"]


async def test_a_custom_role_carries_its_permissions(bytebase):
    role = {"title": "Reader", "permissions": ["bb.projects.get", "bb.issues.list"]}
    assert (await bytebase.post("roles", role, roleId="reader")).body["type"] == "CUSTOM"
    bindings = [
        {"role": "roles/projectOwner", "members": ["user:alice@example.com"]},
        {"role": "roles/reader", "members": ["serviceAccount:bare@service.bytebase.com"]},
    ]
    await bytebase.post("projects/demo:setIamPolicy", {"policy": {"bindings": bindings}})
    assert (await bytebase.get("projects/demo/issues", who="bare")).status == 200
    assert (await bytebase.get("projects/demo/plans", who="bare")).status == 403
    assert (await bytebase.patch("roles/projectOwner", {"title": "x"}, update_mask="title")).status == 400


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('email == "bob@example.com"', ["bob"]),
        ('name.contains("ali") || email.contains("bob")', ["alice", "bob"]),
        ('state == "ACTIVE" && project == "projects/demo"', ["alice", "bob"]),
    ],
)
async def test_users_are_filtered_with_and_and_or(bytebase, text, found):
    reply = await bytebase.get("users", filter=text, page_size=100)

    assert [user["email"].partition("@")[0] for user in reply.body["users"]] == found


async def test_an_unknown_term_in_a_filter_of_users_is_invalid(bytebase):
    assert (await bytebase.get("users", filter='shoe == "42"')).code == 3


@pytest.mark.parametrize(("who", "count"), [("sync", 1), ("admin", 3), ("bare", 0)])
async def test_projects_are_searched_by_right_and_listed_by_permission(bytebase, who, count):
    assert len((await bytebase.post("projects:search", who=who)).body.get("projects", [])) == count


RESTRICTION = "value.workspace_profile.password_restriction"


@pytest.mark.parametrize(
    ("restriction", "password", "status"),
    [
        ({"minLength": 8}, "short", 400),
        ({"minLength": 8}, "long enough", 200),
        ({"minLength": 12}, "long enough", 400),
        ({"minLength": 8, "requireNumber": True}, "long enough", 400),
        ({"minLength": 8, "requireUppercaseLetter": True}, "long enough", 400),
        ({"minLength": 8, "requireSpecialCharacter": True}, "longenough1A", 400),
        (
            {"minLength": 8, "requireNumber": True, "requireLetter": True, "requireUppercaseLetter": True},
            "Passw0rd!",
            200,
        ),
    ],
)
async def test_a_password_obeys_the_profile_wherever_it_is_set(bytebase, restriction, password, status):
    profile = {"workspaceProfile": {"passwordRestriction": restriction}}
    await bytebase.patch("settings/WORKSPACE_PROFILE", {"value": profile}, update_mask=RESTRICTION)

    for path, body in (("users", {"email": "a@example.com"}), ("auth/signup", {"email": "b@example.com"})):
        assert (await bytebase.post(path, {**body, "title": "New", "password": password})).status == status
    edited = await bytebase.patch("users/bob@example.com", {"password": password}, update_mask="password")
    assert edited.status == status


async def test_nobody_signs_in_with_the_empty_password_of_a_person_made_without_one(bytebase):
    made = await bytebase.post("users", {"email": "new@example.com", "title": "New"})

    assert made.status == 200
    assert (await login(bytebase, "new@example.com", "")).status == 401
