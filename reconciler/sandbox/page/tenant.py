"""What a Feishu administrator sees and does, where the open API has no call: people leaving, apps and definitions off."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.sandbox.feishu import FeishuStandIn
from reconciler.sandbox.feishu.answers import CallError
from reconciler.sandbox.page.upstream import UpstreamSaysNoError


@dataclass(frozen=True, slots=True)
class Switchable:
    """Something that is in use or not: a person, an app, a definition."""

    key: str
    name: str
    note: str
    on: bool


class Tenant:
    """The administrator's view of one stand-in."""

    def __init__(self, stand_in: FeishuStandIn) -> None:
        self._world = stand_in.world
        self._actions = stand_in.actions

    def people(self) -> list[Switchable]:
        """Everybody; the note is the open id in the first app."""
        directory, first = self._world.directory, next(iter(self._world.apps), "")
        return [
            Switchable(person.key, person.name, directory.open_id(person, first), on=not person.resigned)
            for person in directory.everyone()
        ]

    def apps(self) -> list[Switchable]:
        """Every app; the note is its published version."""
        return [
            Switchable(
                app.app_id,
                app.draft.name,
                app.online_version.version if app.online_version else "not published",
                on=app.enabled,
            )
            for app in self._world.apps.values()
        ]

    def definitions(self) -> list[Switchable]:
        """Every approval definition; the note is its status."""
        return [
            Switchable(definition.code, definition.name, definition.status.lower(), on=definition.status == "ACTIVE")
            for definition in self._world.definitions.values()
        ]

    def switch(self, kind: str, key: str, *, on: bool) -> None:
        """Put a `person`, `app` or `definition` in or out of use; raises `UpstreamSaysNoError` where it cannot be."""
        actions = self._actions
        acts = {
            ("person", True): actions.rejoin,
            ("person", False): actions.resign,
            ("app", True): actions.enable_app,
            ("app", False): actions.disable_app,
            ("definition", True): actions.enable_definition,
            ("definition", False): actions.disable_definition,
        }
        act = acts.get((kind, on))
        if act is None:
            raise UpstreamSaysNoError("choose what to do", status=400, code=None)
        try:
            act(key)
        except CallError as refusal:
            raise UpstreamSaysNoError(str(refusal), status=400, code=refusal.code) from refusal
