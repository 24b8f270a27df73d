"""Users (facts §14.1)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.call import EXISTS, INVALID, NOT_FOUND, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.cel import CelError, Node, parse
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.paging import page
from reconciler.sandbox.bytebase.world import Account, User, World


def handlers(_: Deps) -> Handlers:
    """Read and create."""
    return {
        "UserService/GetCurrentUser": me,
        "UserService/GetUser": lambda call: user_message(call.world, user_named(call, call.text("name"))),
        "UserService/BatchGetUsers": batch_get,
        "UserService/ListUsers": list_users,
        "UserService/CreateUser": create,
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
        try:
            tree = parse(text)
            users = [user for user in users if _fits(call, user, tree)]
        except CelError as error:
            raise RpcError(INVALID, f'failed to parse filter "{text}": {error}') from None
    if not call.message.get("showDeleted") and "state" not in call.text("filter"):
        users = [user for user in users if user.is_active]
    shown, token = page(call, users)
    return {"users": [user_message(call.world, user) for user in shown], "nextPageToken": token}


def _fits(call: Call, user: User, node: Node) -> bool:
    if node.kind == "call" and node.value in ("&&", "||"):
        both = [_fits(call, user, part) for part in node.parts]
        return all(both) if node.value == "&&" else any(both)
    if node.kind not in ("call", "method") or len(node.parts) != 2:
        raise CelError("unexpected expression")
    variable = str(node.parts[0].value)
    wanted: object = node.parts[1].value
    if node.kind == "method" and node.value == "contains" and variable in ("name", "email"):
        return str(wanted).lower() in (user.title if variable == "name" else user.email).lower()
    if node.value != "==":
        raise CelError(f'unexpected operator "{node.value}"')
    match variable:
        case "name":
            return user.title == wanted
        case "email":
            return user.email == wanted
        case "state":
            return ("ACTIVE" if user.is_active else "DELETED") == wanted
        case "user_type":
            return wanted == "USER"
        case "project":
            project = call.world.projects.get(str(wanted).removeprefix("projects/"))
            bindings = project.iam.bindings if project is not None else []
            return any(f"user:{user.email}" in binding.members for binding in bindings)
        case _:
            raise CelError(f'unsupported variable "{variable}"')


def create(call: Call) -> Message:
    """A person made by an administrator; without a binding until they sign in."""
    given = call.part("user")
    email = given.get("email", "").lower()
    if "@" not in email:
        raise RpcError(INVALID, f'invalid email "{email}"')
    if email in call.world.users:
        raise RpcError(EXISTS, f"email {email} is already existed")
    user = User(email, given.get("password", ""), given.get("title", ""), phone=given.get("phone", ""))
    call.world.users[email] = user
    return user_message(call.world, user)
