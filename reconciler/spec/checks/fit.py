"""Fields that must fit each other: a gate and its approvers, an adopted definition and its parts, an app and its type."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.spec.diagnostics import Diagnostic
from reconciler.spec.models.feishu import Definition
from reconciler.spec.models.gates import Gate
from reconciler.spec.models.im import FeishuIm
from reconciler.spec.target import Target


def approver_sources(target: Target) -> Iterator[Diagnostic]:
    """A gate asks people from exactly one source, and one that exists for its kind of subject."""
    for i, gate in enumerate(target.spec.gates):
        yield from _approvers(target, i, gate)


def _approvers(target: Target, index: int, gate: Gate) -> Iterator[Diagnostic]:
    asked = gate.approvers
    path = ("spec", "gates", index, "approvers")
    sources = {"from": asked.from_, "roles": asked.roles, "users": asked.users, "groups": asked.groups}
    written = [name for name, value in sources.items() if value is not None]
    if len(written) > 1:
        yield target.diagnostic(
            (*path, written[1]),
            f"approvers come from one source, and '{written[0]}' is one already",
            "keep one of the two",
        )
    if asked.from_ == "flow" and gate.at == "stage":
        yield target.diagnostic(
            (*path, "from"),
            "a stage has no review flow to take approvers from",
            "use rolloutPolicy, roles, users or groups",
        )
    if asked.from_ == "rolloutPolicy" and gate.at == "review":
        yield target.diagnostic(
            (*path, "from"),
            "a review step has no rollout policy to take approvers from",
            "use flow, roles, users or groups",
        )


def im_types(target: Target) -> Iterator[Diagnostic]:
    """A Feishu or Lark entry has credentials from one place, and the type of the platform they are for."""
    spec = target.spec
    for i, setting in enumerate(spec.bytebase.im.settings if spec.bytebase.im else ()):
        if not isinstance(setting, FeishuIm):
            continue
        path = ("spec", "bytebase", "im", "settings", i)
        own = setting.app_id is not None or setting.app_secret is not None
        if setting.from_ is not None and own:
            yield target.diagnostic((*path, "from"), "'from' and an own appId or appSecret exclude each other")
        elif setting.from_ is None and (setting.app_id is None or setting.app_secret is None):
            yield target.diagnostic(path, "credentials are missing", "write 'from: feishu', or appId and appSecret")
        platform = spec.feishu.platform if spec.feishu else "feishu"
        needed = {"feishu": "FEISHU", "lark": "LARK"}.get(platform) if isinstance(platform, str) else None
        if setting.from_ is not None and needed is not None and setting.type != needed:
            yield target.diagnostic(
                (*path, "type"), f"the app of spec.feishu is on platform {platform}, which needs type {needed}"
            )


def definitions(target: Target) -> Iterator[Diagnostic]:
    """An adopted definition names its code and its form; a managed one has neither node nor form of its own."""
    for i, definition in enumerate(target.spec.feishu.definitions if target.spec.feishu else ()):
        yield from _definition(target, i, definition)


def _definition(target: Target, index: int, definition: Definition) -> Iterator[Diagnostic]:
    path = ("spec", "feishu", "definitions", index)
    if definition.mode == "managed":
        for field, value in (("node", definition.node), ("form", definition.form)):
            if value is not None:
                yield target.diagnostic(
                    (*path, field),
                    f"'{field}' is only for adopted definitions",
                    "write 'mode: adopted' or leave it out",
                )
        return
    if definition.code is None:
        yield target.diagnostic(
            (*path, "code"),
            "an adopted definition needs its code",
            "copy it from the address of its page in the console",
        )
    if definition.form is None:
        yield target.diagnostic(
            (*path, "form"), "an adopted definition needs its form", "write form: {digest: WIDGET_ID, …}"
        )


def event_secrets(target: Target) -> Iterator[Diagnostic]:
    """Callbacks are only believed when they can be verified."""
    events = target.spec.feishu.events if target.spec.feishu else None
    if events is None:
        return
    path = ("spec", "feishu", "events")
    secrets = {"encryptKey": events.encrypt_key, "verificationToken": events.verification_token}
    if events.transport == "callback" and not any(secrets.values()):
        yield target.diagnostic(
            (*path, "transport"),
            "callbacks cannot be verified without a secret",
            "write verificationToken or encryptKey",
        )
    if events.transport == "none":
        for field, value in secrets.items():
            if value is not None:
                yield target.diagnostic((*path, field), f"'{field}' has no use with transport none", "leave it out")
