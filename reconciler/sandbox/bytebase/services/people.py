"""Users (facts §14.1)."""

from __future__ import annotations

from functools import partial

from reconciler.sandbox.bytebase.access import holds, require, roles_of
from reconciler.sandbox.bytebase.call import EXISTS, INVALID, NOT_FOUND, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.filters import Term, fits, unknown
from reconciler.sandbox.bytebase.services.paging import page
from reconciler.sandbox.bytebase.services.passwords import check_password
from reconciler.sandbox.bytebase.world import Account, User, World, new_id


def handlers(_: Deps) -> Handlers:
    """Read, create, edit, deactivate."""
    return {
        "UserService/GetCurrentUser": me,
        "UserService/GetUser": lambda call: user_message(call.world, user_named(call, call.text("name"))),
        "UserService/BatchGetUsers": batch_get,
        "UserService/ListUsers": list_users,
        "UserService/CreateUser": create,
        "UserService/UpdateUser": update,
        "UserService/DeleteUser": delete,
        "UserService/UndeleteUser": undelete,
    }


def user_message(world: World, user: User) -> Message:
    """A person in API shape, with the groups that hold them."""
    name = f"users/{user.email}"
    groups = [f"groups/{g.email}" for g in world.groups.values() if any(m["member"] == name for m in g.members)]
    return {
        "name": name,
        "state": "ACTIVE" if user.is_active else "DELETED",
        "email": user.email,
        "title": user.title,
        "phone": user.phone,
        "profile": user.profile,
        "groups": groups,
        "workspace": world.workspace,
    }


def _account_message(world: World, account: Account) -> Message:
    return {
        "name": f"users/{account.email}",
        "state": "ACTIVE" if account.is_active else "DELETED",
        "email": account.email,
        "title": account.title,
        "profile": {},
        "workspace": world.workspace,
    }


def user_named(call: Call, name: str) -> User:
    """The person of a name; service accounts are none."""
    email = name.removeprefix("users/").lower()
    if email in call.world.accounts:
        raise RpcError(INVALID, f"email for end users cannot end with {email.partition('@')[2]}")
    user = call.world.users.get(email)
    if user is None:
        raise RpcError(NOT_FOUND, f'user "{email}" not found')
    return user


def me(call: Call) -> Message:
    """The caller, whatever it is."""
    account = call.world.accounts.get(call.who.email)
    if account is not None:
        return _account_message(call.world, account)
    return user_message(call.world, call.world.users[call.who.email])


def batch_get(call: Call) -> Message:
    """Those of the names that exist."""
    names = [name.removeprefix("users/").lower() for name in call.message.get("names", [])]
    users = [call.world.users[email] for email in names if email in call.world.users]
    return {"users": [user_message(call.world, user) for user in users]}


def list_users(call: Call) -> Message:
    """People in order of their making; `&&` and `||` both join terms here."""
    users = list(call.world.users.values())
    if text := call.text("filter"):
        users = [user for user in users if fits(text, partial(_fits, call, user))]
    if not call.message.get("showDeleted") and "state" not in call.text("filter"):
        users = [user for user in users if user.is_active]
    shown, token = page(call, users)
    return {"users": [user_message(call.world, user) for user in shown], "nextPageToken": token}


def _fits(call: Call, user: User, term: Term) -> bool:
    match term.name, term.operator:
        case "name" | "email", "contains":
            return str(term.value).lower() in (user.title if term.name == "name" else user.email).lower()
        case "name" | "email", "==":
            return (user.title if term.name == "name" else user.email) == term.value
        case "state", "==":
            return ("ACTIVE" if user.is_active else "DELETED") == term.value
        case "user_type", "==":
            return term.value == "USER"
        case "project", "==":
            project = call.world.projects.get(str(term.value).removeprefix("projects/"))
            return project is not None and any(
                holds(call.world, binding, f"user:{user.email}") for binding in project.iam.bindings
            )
        case _:
            raise unknown(term)


def create(call: Call) -> Message:
    """A person made by an administrator; without a binding until they sign in, and with a password of its own if none is given."""
    given = call.part("user")
    email = given.get("email", "").lower()
    if "@" not in email:
        raise RpcError(INVALID, f'invalid email "{email}"')
    if email in call.world.users:
        raise RpcError(EXISTS, f"email {email} is already registered")
    password = given.get("password", "")
    if password:
        check_password(call.world, password)
    user = User(email, password or new_id(20), given.get("title", ""), phone=given.get("phone", ""))
    call.world.users[email] = user
    return user_message(call.world, user)


def update(call: Call) -> Message:
    """Title, phone, password: by the person, or by whoever may edit users."""
    given = call.part("user")
    user = user_named(call, given.get("name", ""))
    if call.who.email != user.email:
        require(call, "bb.users.update")
    if not call.mask:
        raise RpcError(INVALID, "update_mask must be set")
    for path in call.mask:
        match path:
            case "title":
                user.title = given.get("title", "")
            case "phone":
                user.phone = given.get("phone", "")
            case "password":
                password = given.get("password", "")
                check_password(call.world, password)
                user.password = password
            case _:
                raise RpcError(INVALID, f'unsupported update_mask "{path}"')
    return user_message(call.world, user)


def delete(call: Call) -> Message:
    """Deactivated: tokens end at once, bindings stay."""
    require(call, "bb.users.delete")
    user = user_named(call, call.text("name"))
    others = [u for u in call.world.users.values() if u.is_active and u is not user]
    if not any("roles/workspaceAdmin" in roles_of(call.world, f"user:{u.email}", None, call.now) for u in others):
        raise RpcError(INVALID, "workspace must have at least one admin")
    user.is_active = False
    return {}


def undelete(call: Call) -> Message:
    """Active again."""
    require(call, "bb.users.undelete")
    user = user_named(call, call.text("name"))
    if user.is_active:
        raise RpcError(INVALID, f"user {user.email} is already active")
    user.is_active = True
    return user_message(call.world, user)
