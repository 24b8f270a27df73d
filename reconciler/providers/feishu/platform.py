"""Where a Feishu is: Feishu itself, Lark, or a private host; and the links a person opens there (facts §1.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

_FEISHU_APPROVAL_APP = "cli_9cb844403dbb9108"
_LARK_APPROVAL_APP = "cli_9c7cc8a9a9edd105"


@dataclass(frozen=True, slots=True)
class Platform:
    """Origins without a trailing slash. `approval_app` is the built-in approval app that deep links open.

    `web` is where administrators work, '' where that is not known.
    """

    name: Literal["feishu", "lark", "private"]
    open_api: str
    accounts: str
    app_link: str
    approval_app: str = _FEISHU_APPROVAL_APP
    web: str = ""

    @classmethod
    def private(cls, open_api: str, *, accounts: str | None = None, app_link: str | None = None) -> Platform:
        """A private deployment or a stand-in; a missing host is `open_api`."""
        origin = open_api.rstrip("/")
        return cls(
            name="private",
            open_api=origin,
            accounts=(accounts or origin).rstrip("/"),
            app_link=(app_link or origin).rstrip("/"),
        )

    def instance_link(self, instance_code: str) -> str:
        """Opens the instance in the desktop client."""
        path = quote(f"pc/pages/in-process/index?instanceId={instance_code}", safe="")
        return f"{self.app_link}/client/mini_program/open?mode=appCenter&appId={self.approval_app}&path={path}"

    def mobile_instance_link(self, instance_code: str) -> str:
        """Opens the instance in the mobile client."""
        path = quote(f"pages/detail/index?instanceId={instance_code}", safe="")
        return f"{self.app_link}/client/mini_program/open?appId={self.approval_app}&path={path}"

    def console_link(self, app_id: str, page: str = "") -> str:
        """The app in the developer console, or one of its pages (`bot`, `event`, `version`, `baseinfo`, …)."""
        link = f"{self.open_api}/app/{quote(app_id, safe='')}"
        return f"{link}/{page}" if page else link

    def admin_link(self) -> str:
        """Where the tenant's administrators approve and enable apps; of a private host the address of its API."""
        return f"{self.web}/admin/appCenter/audit" if self.web else self.open_api

    def approvals_link(self) -> str:
        """Where approval definitions are looked after; of a private host the address of its API."""
        return f"{self.web}/approval/admin/approvalList?devMode=on" if self.web else self.open_api

    def scopes_link(self, app_id: str, scopes: Iterable[str]) -> str:
        """The console page that grants these scopes to the app."""
        wanted = quote(",".join(scopes), safe=":,.")
        return f"{self.console_link(app_id, 'auth')}?q={wanted}&op_from=openapi&token_type=tenant"


FEISHU = Platform(
    name="feishu",
    open_api="https://open.feishu.cn",
    accounts="https://accounts.feishu.cn",
    app_link="https://applink.feishu.cn",
    web="https://www.feishu.cn",
)
LARK = Platform(
    name="lark",
    open_api="https://open.larksuite.com",
    accounts="https://accounts.larksuite.com",
    app_link="https://applink.larksuite.com",
    approval_app=_LARK_APPROVAL_APP,
    web="https://www.larksuite.com",
)
