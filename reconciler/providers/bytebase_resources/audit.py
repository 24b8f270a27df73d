"""Who last wrote a resource, by the audit log (facts §13.3): a hint for the reader, and absent below TEAM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.errors import ForbiddenError, ReconcilerError
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.wire import email_of
from reconciler.resources.base import Key
from reconciler.resources.record import Author

_SETTING = "/bytebase.v1.SettingService/UpdateSetting"
_POLICIES = tuple(f"/bytebase.v1.OrgPolicyService/{verb}Policy" for verb in ("Update", "Create", "Delete"))
_ROLES = tuple(f"/bytebase.v1.RoleService/{verb}Role" for verb in ("Update", "Create", "Delete"))
_METHODS: Mapping[str, tuple[str, ...]] = {
    "bytebase/im": (_SETTING,),
    "bytebase/approvalRules": (_SETTING,),
    "bytebase/rolloutPolicy": _POLICIES,
    "bytebase/role": _ROLES,
}
"""The audited calls by kind. Projects, webhooks and definitions are written without a trace there."""


class BytebaseAudit:
    """Searches the log."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client

    async def authors(self, keys: Sequence[Key]) -> Mapping[Key, Author]:
        """The newest successful write of each resource that the log knows; nothing where it cannot be read."""
        found: dict[Key, Author] = {}
        for key in sorted(keys):
            try:
                author = await self._author(key)
            except ForbiddenError:
                return found
            except ReconcilerError:
                continue
            if author is not None:
                found[key] = author
        return found

    async def _author(self, key: Key) -> Author | None:
        methods = _METHODS.get(key.kind, ())
        newest: Author | None = None
        for method in methods:
            for entry in await self._client.system.audit(f'method == "{method}"'):
                if (entry.status is None or entry.status.code == 0) and _is_about(entry.resource, entry.request, key):
                    author = Author(email_of(entry.user), entry.create_time)
                    if newest is None or author.when > newest.when:
                        newest = author
                    break
        return newest


def _is_about(resource: str, request: str, key: Key) -> bool:
    """Policies and roles are named only inside the request's text (facts §13.3)."""
    match key.kind:
        case "bytebase/im":
            return resource == "settings/APP_IM"
        case "bytebase/approvalRules":
            return resource == "settings/WORKSPACE_APPROVAL"
        case "bytebase/rolloutPolicy":
            return f"environments/{key.name}/policies/" in request or f'"environments/{key.name}"' in request
        case _:
            return f'"roles/{key.name}"' in request
