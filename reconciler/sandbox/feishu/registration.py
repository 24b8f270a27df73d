"""One-click creation of an app (device flow): begin, a person confirms on his phone, poll until then."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.sandbox.feishu import idents
from reconciler.sandbox.feishu.answers import JsonObject
from reconciler.sandbox.feishu.apps import AppConfig, Reach
from reconciler.sandbox.feishu.people import Person
from reconciler.sandbox.feishu.world import World

LIVES = 600
INTERVAL = 5


@dataclass(slots=True, eq=False)
class _Request:
    user_code: str
    began: float
    polled: float = 0.0
    confirmed_by: Person | None = None
    denied: bool = False
    brand: str = "feishu"
    app_id: str = ""


class Registrations:
    """Open requests by device code. `interval` is the least number of seconds between polls that is not `slow_down`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._requests: dict[str, _Request] = {}
        self.interval = INTERVAL

    def answer(self, form: Mapping[str, str], *, origin: str) -> tuple[JsonObject, int]:
        """The body and HTTP status for one posted form."""
        action = form.get("action", "")
        if action == "init":
            return {"supported_auth_methods": ["client_secret"]}, 200
        if action == "begin":
            return self._begin(form, origin)
        if action == "poll":
            return self._poll(form.get("device_code", ""))
        return {"error": "invalid_request", "error_description": "unknown action"}, 400

    def confirm(self, user_code: str, person: Person) -> None:
        """A person creates the app; raises `KeyError` for a code nobody waits for."""
        self._by_user_code(user_code).confirmed_by = person

    def deny(self, user_code: str) -> None:
        """A person refuses; raises `KeyError` for a code nobody waits for."""
        self._by_user_code(user_code).denied = True

    def belongs_to_lark(self, user_code: str) -> None:
        """The person's tenant turns out to be one of Lark's."""
        self._by_user_code(user_code).brand = "lark"

    def _by_user_code(self, user_code: str) -> _Request:
        for request in self._requests.values():
            if request.user_code == user_code:
                return request
        raise KeyError(user_code)

    def _begin(self, form: Mapping[str, str], origin: str) -> tuple[JsonObject, int]:
        if form.get("auth_method") != "client_secret" or not form.get("archetype"):
            return {"error": "invalid_request", "error_description": "archetype or auth_method is missing"}, 400
        device_code = secrets.token_urlsafe(32)
        user_code = secrets.token_hex(4).upper()
        self._requests[device_code] = _Request(user_code, self._world.seconds())
        page = f"{origin}/oauth/v1/app/verify"
        return {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={user_code}",
            "interval": self.interval,
            "expires_in": LIVES,
        }, 200

    def _poll(self, device_code: str) -> tuple[JsonObject, int]:
        request = self._requests.get(device_code)
        now = self._world.seconds()
        if request is None:
            return _error("invalid_grant")
        if now - request.began > LIVES:
            return _error("expired_token")
        if request.denied:
            return _error("access_denied")
        if request.confirmed_by is None:
            early = request.polled and now - request.polled < self.interval - 1
            request.polled = now
            answer, status = _error("slow_down" if early else "authorization_pending")
            if request.brand == "lark":
                answer["user_info"] = {"tenant_brand": "lark"}
            return answer, status
        return self._created(request, request.confirmed_by), 200

    def _created(self, request: _Request, person: Person) -> JsonObject:
        if not request.app_id:
            request.app_id = f"cli_{idents.hexadecimal(16)}"
            config = AppConfig(name="app", bot=True, availability=Reach(people=frozenset({person.key})))
            app = self._world.add_app(request.app_id, secrets.token_urlsafe(24), config)
            app.from_console = False
            app.submit(version="1.0.0", now=self._world.clock.millis() // 1000, review=False)
        app = self._world.apps[request.app_id]
        open_id = self._world.directory.open_id(person, app.app_id)
        return {
            "client_id": app.app_id,
            "client_secret": app.secret,
            "user_info": {"open_id": open_id, "tenant_brand": request.brand},
        }


def _error(name: str) -> tuple[JsonObject, int]:
    return {"error": name, "error_description": name.replace("_", " ")}, 400
