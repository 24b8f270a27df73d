"""Creating an app by the device flow: a person confirms in the browser, the app's id and secret come back (facts §6.4).

Not part of Feishu's published API, so it is offered as a convenience and every answer is taken with care.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import ValidationError

from reconciler.errors import ForbiddenError, ReconcilerError, RefusedError, UnavailableError
from reconciler.providers.feishu.auth import AppCredentials
from reconciler.providers.feishu.endpoints import REGISTER_APP
from reconciler.providers.feishu.wire.connection import RegistrationAnswer
from reconciler.providers.http import HttpClient, HttpRequest
from reconciler.secret import Secret

_PENDING, _SLOWER = "authorization_pending", "slow_down"


@dataclass(frozen=True, slots=True)
class Registration:
    """A registration that waits for a person: show `link`, then wait for it. Times in seconds."""

    link: str
    user_code: str
    device_code: Secret
    interval: int
    expires_in: int


@dataclass(frozen=True, slots=True)
class RegisteredApp:
    """A new app, the open id of who confirmed it, and the brand of that person's tenant (`feishu`, `lark` or '')."""

    app: AppCredentials
    open_id: str
    brand: str


class RegistrationCalls:
    """Begins a registration and waits for its confirmation, on the accounts host of one platform."""

    def __init__(self, accounts: HttpClient, *, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._accounts = accounts
        self._sleep = sleep

    async def begin(self, *, name: str, scopes: Iterable[str], events: Iterable[str]) -> Registration:
        """Begin; the link asks the person for an app of that name with these scopes and events."""
        methods = (await self._post({"action": "init"})).supported_auth_methods
        if methods and "client_secret" not in methods:
            raise RefusedError(
                "this platform offers no registration with a secret", next_step="create the app in the console"
            )
        answer = await self._post(
            {
                "action": "begin",
                "archetype": "PersonalAgent",
                "auth_method": "client_secret",
                "request_user_info": "open_id tenant_brand",
            }
        )
        if answer.error or not answer.device_code or not answer.verification_uri_complete:
            raise _refused(answer.error)
        return Registration(
            link=_prefilled(answer.verification_uri_complete, name=name, scopes=scopes, events=events),
            user_code=answer.user_code,
            device_code=Secret(answer.device_code),
            interval=max(answer.interval, 1),
            expires_in=max(answer.expires_in, 1),
        )

    async def wait(self, registration: Registration) -> RegisteredApp:
        """Poll until the person has confirmed. ForbiddenError when they declined or let it expire."""
        interval, waited = registration.interval, 0
        while waited < registration.expires_in:
            await self._sleep(interval)
            waited += interval
            answer = await self._post({"action": "poll", "device_code": registration.device_code.reveal()})
            if answer.client_id and answer.client_secret:
                app = AppCredentials(answer.client_id, Secret(answer.client_secret))
                return RegisteredApp(app, answer.user_info.open_id, answer.user_info.tenant_brand)
            if answer.user_info.tenant_brand == "lark":
                raise RefusedError(
                    "this person's tenant is on Lark", next_step="set feishu.platform to lark and run again"
                )
            if answer.error == _SLOWER:
                interval += 5
            elif answer.error not in ("", _PENDING):
                raise _refused(answer.error)
        raise _refused("expired_token")

    async def _post(self, form: dict[str, str]) -> RegistrationAnswer:
        request = HttpRequest(
            REGISTER_APP.method,
            REGISTER_APP.path,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
            budget=REGISTER_APP.name,
        )
        response = await self._accounts.send(request)
        try:
            return RegistrationAnswer.model_validate_json(response.content)
        except ValidationError:
            raise UnavailableError(
                "the accounts host does not answer as expected",
                why=f"status {response.status}",
                next_step="check feishu.platform.accounts",
            ) from None


def _prefilled(link: str, *, name: str, scopes: Iterable[str], events: Iterable[str]) -> str:
    addons = {"scopes": {"tenant": sorted(scopes)}, "events": {"items": {"tenant": sorted(events)}}}
    packed = gzip.compress(json.dumps(addons).encode(), mtime=0)
    parts = urlsplit(link)
    query = [
        *parse_qsl(parts.query),
        ("from", "sdk"),
        ("tp", "sdk"),
        ("source", "python-sdk/reconciler"),
        ("name", name),
        ("addons", base64.urlsafe_b64encode(packed).rstrip(b"=").decode()),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _refused(error: str) -> ReconcilerError:
    why = {
        "access_denied": "the person declined",
        "expired_token": "nobody confirmed in time",
        "invalid_grant": "the registration is not known any more",
    }.get(error, "the platform answers with an unknown error")
    return ForbiddenError("the app was not registered", why=why, next_step="begin again, or create it in the console")
