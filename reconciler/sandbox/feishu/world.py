"""The tenant: its apps, people, definitions and requests, and the events their changes give rise to."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.feishu import events, idents
from reconciler.sandbox.feishu.answers import CallError, JsonObject
from reconciler.sandbox.feishu.apps import App, AppConfig, Reach
from reconciler.sandbox.feishu.definitions import Definition, Node
from reconciler.sandbox.feishu.delivery import Carrier, Delivery
from reconciler.sandbox.feishu.flow import Flow
from reconciler.sandbox.feishu.instances import Instance, Task
from reconciler.sandbox.feishu.people import Directory, Person
from reconciler.sandbox.feishu.rates import RateLimits
from reconciler.sandbox.feishu.rules import user_not_found
from reconciler.sandbox.feishu.tokens import TenantTokens
from reconciler.sandbox.seed import FeishuSeed, SeedApp

USER_ID_SCOPE = "contact:user.employee_id:readonly"


@dataclass(slots=True)
class Tenant:
    """Switches of the whole tenant: whether submitters may withdraw, whether releases are reviewed, whose API calls pass."""

    key: str
    withdrawal: bool = True
    review: bool = False


@dataclass(slots=True, eq=False)
class Message:
    """A message sent by an app; `kind` is `im` or `approval` (whose `msg_type` is the template)."""

    message_id: str
    app_id: str
    kind: str
    content: str
    msg_type: str
    receiver: str
    created: int
    updated: int
    uuid: str = ""
    status: str = ""
    urgent_for: tuple[str, ...] = ()


class World:
    """Everything the tenant knows. Changes are made by its flow and announced to the apps that subscribed."""

    def __init__(self, seed: FeishuSeed, *, clock: SandboxClock, carrier: Carrier) -> None:
        self.clock = clock
        self.tenant = Tenant(idents.hexadecimal(16), withdrawal=seed.tenant.withdrawal)
        self.directory = Directory()
        self.apps: dict[str, App] = {}
        self.definitions: dict[str, Definition] = {}
        self.instances: dict[str, Instance] = {}
        self.by_uuid: dict[str, Instance] = {}
        self.messages: dict[str, Message] = {}
        self.tokens = TenantTokens(self.seconds)
        self.rates = RateLimits(self.seconds)
        self.flow = Flow(self, clock.millis)
        self.delivery = Delivery(clock, carrier)
        self._serials: dict[str, int] = {}
        first = seed.apps[0].id if seed.apps else ""
        for user in seed.users:
            self.directory.add_person(user.email, user.name, {first: user.open_id} if user.open_id else {})
        visible = frozenset(user.email.lower() for user in seed.users if user.visible)
        reach = Reach(everyone=len(visible) == len(seed.users), people=visible)
        for app in seed.apps:
            self._seeded_app(app, reach)

    def _seeded_app(self, seeded: SeedApp, reach: Reach) -> None:
        config = AppConfig(
            name=seeded.id,
            bot=seeded.bot,
            scopes=frozenset(seeded.scopes),
            events=frozenset(seeded.events),
            availability=reach,
        )
        app = self.add_app(seeded.id, seeded.secret, config)
        if seeded.published:
            app.submit(version="1.0.0", now=self.clock.millis() // 1000, review=False, remark="first release")

    def add_app(self, app_id: str, secret: str, config: AppConfig) -> App:
        """A new custom app with its bot; nothing of it is released yet."""
        if not config.verification_token:
            config = replace(config, verification_token=secrets.token_urlsafe(24)[:32])
        app = App(app_id, secret, config, created=self.clock.millis() // 1000)
        self.apps[app_id] = app
        self.directory.add_app(app_id, config.name)
        return app

    def seconds(self) -> float:
        """A steady clock in seconds: the sandbox's time without its deliberate offset."""
        return self.clock.now().timestamp() - self.clock.offset

    def person(self, identifier: str, app_id: str, id_type: str = "open_id") -> Person:
        """Whom an app means; raises `CallError` when there is nobody or the person has left."""
        person = self.directory.find(identifier, app_id, id_type)
        if person is None or person.resigned:
            raise user_not_found()
        return person

    def visible_person(self, identifier: str, app: App, id_type: str = "open_id") -> Person:
        """As `person`, and within the app's contacts range."""
        person = self.person(identifier, app.app_id, id_type)
        if not app.sees(person):
            raise user_not_found()
        return person

    def definition(self, code: str) -> Definition:
        """The definition with that code, whatever its case; raises `CallError` 1390002."""
        definition = self.definitions.get(code.upper())
        if definition is None:
            raise CallError(1390002, "approval code not found")
        return definition

    def instance(self, name: str) -> Instance:
        """The request with that code or uuid, whatever its case; raises `CallError` 1390003."""
        instance = self.instances.get(name.upper()) or self.by_uuid.get(name.lower())
        if instance is None:
            raise CallError(1390003, "instance code not found")
        return instance

    def keep_instance(self, instance: Instance) -> None:
        """Add a request under its code and uuid."""
        self.instances[instance.code] = instance
        if instance.wish.uuid:
            self.by_uuid[instance.wish.uuid.lower()] = instance

    def next_serial(self) -> str:
        """The next request number of today."""
        day = self.clock.now().strftime("%Y%m%d")
        self._serials[day] = self._serials.get(day, 0) + 1
        return f"{day}{self._serials[day]:04d}"

    def sees_user_ids(self, app: App) -> bool:
        """Whether answers to this app carry user ids."""
        return USER_ID_SCOPE in app.granted

    def instance_changed(self, instance: Instance, status: str) -> None:
        """Announce a request's new status."""
        for to in self._recipients(instance.definition, "approval_instance"):
            self.delivery.post(events.instance_event(to, instance, status))

    def task_changed(self, instance: Instance, task: Task, status: str, *, back_to: Sequence[Node] = ()) -> None:
        """Announce a task's new status."""
        for to in self._recipients(instance.definition, "approval_task"):
            open_id = self.directory.open_id(task.person, to.app_id) if task.person else ""
            self.delivery.post(events.task_event(to, instance, task, status, open_id=open_id, back_to=back_to))

    def copied(self, instance: Instance, copy_id: str, reader: Person, sender: Person) -> None:
        """Announce a copy."""
        for to in self._recipients(instance.definition, "approval_cc"):
            self.delivery.post(events.copy_event(to, instance, copy_id, reader, sender))

    def definition_changed(self, definition: Definition) -> None:
        """Announce a new version of a definition."""
        for to in self._recipients(definition, "approval.approval.updated_v4"):
            self.delivery.post(events.definition_event(to, definition))

    def call_back(self, app: App, kind: str, event: JsonObject) -> None:
        """Send an interactive callback to an app."""
        self.delivery.post(events.callback_event(self._recipient(app), kind, event))

    def _recipients(self, definition: Definition, event_type: str) -> list[events.Recipient]:
        subscribed = [self.apps[app_id] for app_id in sorted(definition.subscribers)]
        return [self._recipient(app) for app in subscribed if app.receives(event_type)]

    def _recipient(self, app: App) -> events.Recipient:
        return events.Recipient(app.app_id, self.tenant.key, self.clock.millis(), self.sees_user_ids(app))
