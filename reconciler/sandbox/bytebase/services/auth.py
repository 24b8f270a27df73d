"""Logging in, signing up, exchanging tokens (facts §3)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.call import (
    DENIED,
    EXISTS,
    INVALID,
    NOT_FOUND,
    UNAUTHENTICATED,
    Call,
    Handlers,
    Message,
    RpcError,
)
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.passwords import check_password
from reconciler.sandbox.bytebase.services.people import user_message
from reconciler.sandbox.bytebase.times import stamp
from reconciler.sandbox.bytebase.tokens import LIFETIME, Tokens
from reconciler.sandbox.bytebase.world import Binding, User, World

SERVICE_DOMAIN = "service.bytebase.com"
WORKLOAD_DOMAIN = "workload.bytebase.com"


def handlers(deps: Deps) -> Handlers:
    """All of them work without credentials."""
    tokens = deps.tokens
    return {
        "AuthService/Login": lambda call: login(call, tokens),
        "AuthService/Logout": log_out,
        "AuthService/Signup": lambda call: sign_up(call, tokens),
        "AuthService/Refresh": lambda call: refresh(call, tokens),
        "AuthService/ExchangeToken": exchange,
    }


def login(call: Call, tokens: Tokens) -> Message:
    """A token for a person or a service account."""
    email, password = call.text("email").lower(), call.text("password")
    account = call.world.accounts.get(email)
    if account is not None and email.endswith(SERVICE_DOMAIN):
        if account.key != password:
            raise RpcError(UNAUTHENTICATED, "invalid email or password")
        if not account.is_active:
            raise RpcError(UNAUTHENTICATED, "user has been deactivated by administrators")
        if call.message.get("web"):
            raise RpcError(DENIED, "only users can use web login")
        return {"token": tokens.issue(call.world, email, call.now)}
    user = call.world.users.get(email)
    if user is None or user.password != password:
        raise RpcError(UNAUTHENTICATED, "invalid email or password")
    if not user.is_active:
        raise RpcError(UNAUTHENTICATED, "user has been deactivated by administrators")
    bind_member(call.world, email)
    user.profile["lastLoginTime"] = stamp(call.now)
    shown: Message = {"user": user_message(call.world, user)}
    token = tokens.issue(call.world, email, call.now, seconds=_human_lifetime(call.world))
    if call.message.get("web"):
        _set_cookies(call, token, tokens.issue_refresh(email))
    else:
        shown["token"] = token
    return shown


def _human_lifetime(world: World) -> int:
    profile = world.settings["WORKSPACE_PROFILE"]["workspaceProfile"]
    text = str(profile.get("accessTokenDuration", "")).removesuffix("s")
    return max(60, int(float(text))) if text else LIFETIME


def _set_cookies(call: Call, access: str, refresh: str) -> None:
    call.set_cookies |= {"access-token": access, "refresh-token": refresh}


def log_out(call: Call) -> Message:
    """Cookies are emptied; a token that is held elsewhere lives on."""
    _set_cookies(call, "", "")
    return {}


def sign_up(call: Call, tokens: Tokens) -> Message:
    """A new person, signed in by cookie; the first one becomes the workspace's administrator."""
    if call.world.users and call.world.settings["WORKSPACE_PROFILE"]["workspaceProfile"].get("disallowSignup"):
        raise RpcError(DENIED, "sign up is disallowed")
    email, password = call.text("email").lower(), call.text("password")
    if email in call.world.users:
        raise RpcError(EXISTS, f"email {email} is already registered")
    check_password(call.world, password)
    first = not call.world.users
    user = User(email, password, call.text("title"))
    call.world.users[email] = user
    if first:
        call.world.iam.bindings.append(Binding("roles/workspaceAdmin", [f"user:{email}"]))
    else:
        bind_member(call.world, email)
    _set_cookies(call, tokens.issue(call.world, email, call.now), tokens.issue_refresh(email))
    return {"user": user_message(call.world, user)}


def refresh(call: Call, tokens: Tokens) -> Message:
    """New cookies for the refresh cookie; nothing else can be refreshed."""
    if not call.cookie:
        raise RpcError(UNAUTHENTICATED, "refresh token not found")
    email = tokens.spend_refresh(call.cookie)
    if email is None:
        raise RpcError(UNAUTHENTICATED, "invalid refresh token")
    token = tokens.issue(call.world, email, call.now, seconds=_human_lifetime(call.world))
    _set_cookies(call, token, tokens.issue_refresh(email))
    return {}


def exchange(call: Call) -> Message:
    """A workload identity's token; none can be verified without a way to its issuer."""
    email = call.text("email").lower()
    if not email.endswith(WORKLOAD_DOMAIN):
        raise RpcError(INVALID, f'invalid workload identity email "{email}": email must end with {WORKLOAD_DOMAIN}')
    if email not in call.world.accounts:
        raise RpcError(NOT_FOUND, f'workload identity "{email}" not found')
    raise RpcError(UNAUTHENTICATED, "failed to validate the token: its issuer cannot be reached")


def bind_member(world: World, email: str) -> None:
    """A person who signs in is a member of the workspace again (facts §3.1)."""
    member = f"user:{email}"
    if any(member in binding.members or "allUsers" in binding.members for binding in world.iam.bindings):
        return
    for binding in world.iam.bindings:
        if binding.role == "roles/workspaceMember" and not binding.condition:
            binding.members.append(member)
            return
    world.iam.bindings.append(Binding("roles/workspaceMember", [member]))
