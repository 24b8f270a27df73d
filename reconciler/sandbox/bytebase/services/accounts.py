"""Service accounts and workload identities (facts §3.2, §3.4)."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.sandbox.bytebase.access import project_of_resource
from reconciler.sandbox.bytebase.call import EXISTS, INVALID, NOT_FOUND, Call, Handler, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.paging import page
from reconciler.sandbox.bytebase.world import Account, new_id

_KINDS = {
    "ServiceAccount": ("serviceAccounts", "service.bytebase.com"),
    "WorkloadIdentity": ("workloadIdentities", "workload.bytebase.com"),
}


def handlers(_: Deps) -> Handlers:
    """The same calls for both kinds."""
    found: dict[str, Handler] = {}
    for kind in _KINDS:
        service = f"{kind}Service"
        plural = "ServiceAccounts" if kind == "ServiceAccount" else "WorkloadIdentities"
        found[f"{service}/Create{kind}"] = _bound(create, kind)
        found[f"{service}/Get{kind}"] = _bound(get, kind)
        found[f"{service}/List{plural}"] = _bound(list_accounts, kind)
        found[f"{service}/Update{kind}"] = _bound(update, kind)
        found[f"{service}/Delete{kind}"] = _bound(delete, kind)
        found[f"{service}/Undelete{kind}"] = _bound(undelete, kind)
    return found


def _bound(function: Callable[[Call, str], Message], kind: str) -> Handler:
    return lambda call: function(call, kind)


def _field(kind: str) -> str:
    return kind[0].lower() + kind[1:]


def account_message(kind: str, account: Account, *, key: str = "") -> Message:
    """An account in API shape; its key only right after it was made or rotated."""
    message: Message = {
        "name": f"{_KINDS[kind][0]}/{account.email}",
        "state": "ACTIVE" if account.is_active else "DELETED",
        "email": account.email,
        "title": account.title,
    }
    if kind == "ServiceAccount":
        message["serviceKey"] = key
    else:
        message["workloadIdentityConfig"] = account.config
    return message


def _named(call: Call, kind: str, name: str) -> Account:
    email = name.rsplit("/", 1)[-1]
    account = call.world.accounts.get(email)
    if account is None or not email.endswith(_KINDS[kind][1]):
        raise RpcError(NOT_FOUND, f'{_KINDS[kind][0]} "{email}" not found')
    return account


def create(call: Call, kind: str) -> Message:
    """A new one on the workspace or in a project."""
    account_id = call.text(f"{_field(kind)}Id")
    given = call.part(_field(kind))
    if not account_id:
        raise RpcError(INVALID, "the id is required")
    project = project_of_resource(call.text("parent"))
    domain = f"{project}.{_KINDS[kind][1]}" if project else _KINDS[kind][1]
    email = f"{account_id}@{domain}"
    if email in call.world.accounts:
        raise RpcError(EXISTS, f"{email} already exists")
    key = f"bbs_{new_id(20)}" if kind == "ServiceAccount" else ""
    config = given.get("workloadIdentityConfig", {})
    account = Account(email, given.get("title", ""), call.text("parent"), key, config=config)
    call.world.accounts[email] = account
    return account_message(kind, account, key=key)


def get(call: Call, kind: str) -> Message:
    """One of them."""
    return account_message(kind, _named(call, kind, call.text("name")))


def list_accounts(call: Call, kind: str) -> Message:
    """Those of the workspace or of a project."""
    parent = call.text("parent")
    found = [a for a in call.world.accounts.values() if a.parent == parent and a.email.endswith(_KINDS[kind][1])]
    found = [account for account in found if account.is_active or call.message.get("showDeleted")]
    shown, token = page(call, found)
    field = _KINDS[kind][0]
    return {field: [account_message(kind, account) for account in shown], "nextPageToken": token}


def update(call: Call, kind: str) -> Message:
    """Title, configuration, or a new key, which makes the old one useless at once."""
    given = call.part(_field(kind))
    account = _named(call, kind, given.get("name", ""))
    key = ""
    for path in call.mask or ():
        match path.partition(".")[0]:
            case "title":
                account.title = given.get("title", "")
            case "service_key" if kind == "ServiceAccount":
                key = account.key = f"bbs_{new_id(20)}"
            case "workload_identity_config" if kind == "WorkloadIdentity":
                account.config = given.get("workloadIdentityConfig", {})
            case _:
                raise RpcError(INVALID, f'unsupported update_mask "{path}"')
    return account_message(kind, account, key=key)


def delete(call: Call, kind: str) -> Message:
    """Deactivated; its tokens are dead too."""
    _named(call, kind, call.text("name")).is_active = False
    return {}


def undelete(call: Call, kind: str) -> Message:
    """Active again."""
    account = _named(call, kind, call.text("name"))
    account.is_active = True
    return account_message(kind, account)
