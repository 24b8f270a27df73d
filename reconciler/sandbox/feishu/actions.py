"""What people and administrators do in Feishu's own clients, where no API reaches: for the sandbox page and for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.sandbox.feishu.answers import CallError, JsonObject
from reconciler.sandbox.feishu.apps import REJECTED, App
from reconciler.sandbox.feishu.definition_build import refuse
from reconciler.sandbox.feishu.definitions import ACTIVE, DELETED, INACTIVE, Definition
from reconciler.sandbox.feishu.instance_read import comment_text
from reconciler.sandbox.feishu.instances import APPROVED, PENDING, Instance, Task
from reconciler.sandbox.feishu.people import Person
from reconciler.sandbox.feishu.registration import Registrations
from reconciler.sandbox.feishu.rules import (
    TASK_NOT_FOUND,
    check_added,
    check_transfer,
    check_withdrawal,
    user_not_found,
)
from reconciler.sandbox.feishu.texts import is_key
from reconciler.sandbox.feishu.world import Message, World


@dataclass(frozen=True, slots=True)
class TaskView:
    """One person's turn as a page shows it; `email` is empty for bots and automatic passes."""

    task_id: str
    email: str
    name: str
    status: str
    node: str


@dataclass(frozen=True, slots=True)
class InstanceView:
    """A request as a page shows it; times in ms, `end` 0 while it is pending."""

    code: str
    definition: str
    title: str
    serial: str
    status: str
    reverted: bool
    submitter: str
    start: int
    end: int
    form: tuple[tuple[str, str], ...]
    tasks: tuple[TaskView, ...]
    timeline: tuple[tuple[str, str, str], ...]
    comments: tuple[tuple[str, str], ...]


class Actions:
    """Acts by e-mail and code. Each raises `CallError` with the platform's reason when it is not possible."""

    def __init__(self, world: World, registrations: Registrations) -> None:
        self._world = world
        self._registrations = registrations

    def instances(self, *, locale: str | None = None) -> list[InstanceView]:
        """All requests, newest first, in the language asked for."""
        return [self._view(instance, locale) for instance in reversed(self._world.instances.values())]

    def instance(self, code: str, *, locale: str | None = None) -> InstanceView:
        """One request by code or uuid."""
        return self._view(self._world.instance(code), locale)

    def people(self) -> list[tuple[str, str]]:
        """E-mail and name of everybody who has not left."""
        return [(person.email, person.name) for person in self._world.directory.everyone() if not person.resigned]

    def messages(self, email: str | None = None) -> list[Message]:
        """Messages sent by apps, or those one person received, oldest first."""
        received = self._world.messages.values()
        return [message for message in received if email is None or message.receiver == email.lower()]

    def approve(self, code: str, email: str, comment: str = "") -> None:
        """A person agrees."""
        instance, task = self._turn(code, email)
        self._world.flow.approve(instance, task, comment)

    def reject(self, code: str, email: str, comment: str = "") -> None:
        """A person refuses."""
        instance, task = self._turn(code, email)
        self._world.flow.reject(instance, task, comment)

    def transfer(self, code: str, email: str, to: str, comment: str = "") -> None:
        """A person hands his task to somebody else."""
        instance, task = self._turn(code, email)
        target = self._person(to)
        check_transfer(instance, task, target)
        self._world.flow.transfer(instance, task, target, comment)

    def add_sign(
        self, code: str, email: str, people: Sequence[str], *, when: int, need_all: bool = False, comment: str = ""
    ) -> None:
        """A person brings in more people: `when` 1 before him, 2 after him, 3 beside him."""
        instance, task = self._turn(code, email)
        added = [self._person(item) for item in people]
        check_added(instance, added)
        self._world.flow.add_sign(instance, task, added, when=when, need_all=need_all, comment=comment)

    def auto_pass(self, code: str) -> None:
        """The node the request is at passes by a rule of the platform."""
        instance = self._world.instance(code)
        if instance.status != PENDING or not instance.node.decides:
            raise refuse("the request is not pending")
        self._world.flow.auto_pass(instance)

    def withdraw(self, code: str) -> None:
        """The submitter takes the request back, or asks to revoke it once it is approved."""
        instance = self._world.instance(code)
        now = self._world.clock.millis()
        submitter = instance.wish.submitter
        check_withdrawal(instance, submitter, tenant_allows=self._world.tenant.withdrawal, now=now)
        if instance.status == PENDING:
            self._world.flow.withdraw(instance)
        else:
            self._world.flow.begin_revocation(instance)

    def revoke(self, code: str) -> None:
        """An approved request is revoked: it reads as cancelled and reverted."""
        instance = self._world.instance(code)
        if instance.status != APPROVED:
            raise refuse("only an approved request can be revoked")
        self._world.flow.revoke(instance)

    def disable_definition(self, code: str) -> None:
        """An administrator disables a definition: what is pending under it reads as deleted."""
        self._retire(code, INACTIVE)

    def delete_definition(self, code: str) -> None:
        """An administrator deletes a definition: what is pending under it reads as deleted."""
        self._retire(code, DELETED)

    def enable_definition(self, code: str) -> None:
        """An administrator enables a disabled definition again."""
        definition = self._world.definition(code)
        if definition.status == DELETED:
            raise refuse("the definition is deleted")
        definition.status = ACTIVE

    def require_signature(self, code: str, *, required: bool = True) -> None:
        """An administrator demands handwriting: from now on only people in the client can decide or withdraw."""
        self._world.definition(code).signature = required

    def resign(self, email: str) -> None:
        """A person leaves; his open tasks stay as they are."""
        self._person(email).resigned = True

    def rejoin(self, email: str) -> None:
        """A person comes back under the same ids."""
        person = self._world.directory.by_email(email)
        if person is None:
            raise user_not_found()
        person.resigned = False

    def disable_app(self, app_id: str) -> None:
        """An administrator switches an app off."""
        self._app(app_id).enabled = False

    def enable_app(self, app_id: str) -> None:
        """An administrator switches an app on again."""
        self._app(app_id).enabled = True

    def decide_review(self, app_id: str, *, approve: bool) -> None:
        """An administrator decides about the version in review."""
        app = self._app(app_id)
        submitted = app.in_review
        if submitted is None:
            raise refuse("no version is in review")
        if approve:
            app.release(submitted, now=self._world.clock.millis() // 1000)
        else:
            submitted.status = REJECTED

    def press_card_button(self, message_id: str, email: str, value: JsonObject) -> None:
        """A person presses a button of a card: the app gets the callback `card.action.trigger`, once."""
        message, person = self._world.messages[message_id], self._person(email)
        app = self._app(message.app_id)
        event: JsonObject = {
            "operator": {
                "tenant_key": self._world.tenant.key,
                "open_id": self._world.directory.open_id(person, app.app_id),
                "union_id": person.union_id,
            },
            "token": f"c-{message.message_id}",
            "action": {"tag": "button", "value": value},
            "host": "im_message",
            "context": {"open_message_id": message.message_id},
        }
        self._world.call_back(app, "card.action.trigger", event)

    def confirm_registration(self, user_code: str, email: str) -> None:
        """A person lets an app be created for him."""
        self._registrations.confirm(user_code, self._person(email))

    def deny_registration(self, user_code: str) -> None:
        """A person refuses to create an app."""
        self._registrations.deny(user_code)

    def _retire(self, code: str, status: str) -> None:
        definition: Definition = self._world.definition(code)
        definition.status = status
        for instance in self._world.instances.values():
            if instance.definition is definition and instance.status == PENDING:
                self._world.flow.delete(instance)

    def _turn(self, code: str, email: str) -> tuple[Instance, Task]:
        instance, person = self._world.instance(code), self._person(email)
        for task in instance.open_tasks() if not instance.sent_back else ():
            if task.person is person:
                return instance, task
        raise CallError(TASK_NOT_FOUND, "task not found or already handled")

    def _person(self, email: str) -> Person:
        person = self._world.directory.by_email(email)
        if person is None or person.resigned:
            raise user_not_found()
        return person

    def _app(self, app_id: str) -> App:
        app = self._world.apps.get(app_id)
        if app is None:
            raise refuse("app not found")
        return app

    def _view(self, instance: Instance, locale: str | None) -> InstanceView:
        texts = instance.version.texts
        form = []
        for item in instance.form:
            shown = instance.wish.texts.read(item.value, locale) if is_key(item.value) else str(item.value)
            form.append((texts.read(item.widget.name, locale), shown))
        return InstanceView(
            code=instance.code,
            definition=instance.definition.code,
            title=instance.title(locale),
            serial=instance.serial,
            status=instance.status,
            reverted=instance.reverted,
            submitter=instance.wish.submitter.name,
            start=instance.start,
            end=instance.end,
            form=tuple(form),
            tasks=tuple(_task_view(task) for task in instance.tasks),
            timeline=tuple(
                (moment.kind, moment.person.name if moment.person else "", moment.comment)
                for moment in instance.timeline
            ),
            comments=tuple(
                (comment.author.name, comment_text(comment.text))
                for comment in instance.comments
                if not comment.deleted
            ),
        )


def _task_view(task: Task) -> TaskView:
    person = task.person
    return TaskView(
        task.task_id,
        person.email if person else "",
        person.name if person else "",
        task.status,
        task.node.custom_id,
    )
