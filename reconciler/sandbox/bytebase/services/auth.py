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
from reconciler.sandbox.bytebase.services.people import user_message
from reconciler.sandbox.bytebase.times import stamp
from reconciler.sandbox.bytebase.tokens import Tokens
from reconciler.sandbox.bytebase.world import Binding, User, World

SHORTEST_PASSWORD = 8
SERVICE_DOMAIN = "service.bytebase.com"
WORKLOAD_DOMAIN = "workload.bytebase.com"


def handlers(deps: Deps) -> Handlers:
    """All of them work without credentials."""
    tokens = deps.tokens
    return {
        "AuthService/Login": lambda call: login(call, tokens),
        "AuthService/Logout": lambda _: {},
        "AuthService/Signup": sign_up,
        "AuthService/Refresh": refresh,
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
    if not call.message.get("web"):
        shown["token"] = tokens.issue(call.world, email, call.now)
    return shown


def sign_up(call: Call) -> Message:
    """A new person; the first one becomes the workspace's administrator."""
    email, password = call.text("email").lower(), call.text("password")
    if email in call.world.users:
        raise RpcError(EXISTS, f"email {email} is already registered")
    if len(password) < SHORTEST_PASSWORD:
        raise RpcError(INVALID, f"password length should no less than {SHORTEST_PASSWORD} characters")
    first = not call.world.users
    user = User(email, password, call.text("title"))
    call.world.users[email] = user
    if first:
        call.world.iam.bindings.append(Binding("roles/workspaceAdmin", [f"user:{email}"]))
    else:
        bind_member(call.world, email)
    return {"user": user_message(call.world, user)}


def refresh(_: Call) -> Message:
    """Only cookies can be refreshed, and no cookies are given out here."""
    raise RpcError(UNAUTHENTICATED, "refresh token not found")


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
