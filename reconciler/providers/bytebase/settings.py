"""Workspace settings and rollout policies: reads, and whole-value writes that bear repetition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.errors import NotFoundError, SpecError
from reconciler.providers.bytebase.channel import Call, Channel, Json, Query, reading
from reconciler.providers.bytebase.errors import CallMeaning
from reconciler.providers.bytebase.wire import Empty
from reconciler.providers.bytebase.wire_workspace import (
    WireEnvironment,
    WirePolicies,
    WirePolicy,
    WireRolloutPolicy,
    WireRule,
    WireSetting,
    WireSettings,
)
from reconciler.providers.http_retry import Repeat
from reconciler.secret import Secret

IM_FIELDS: Mapping[str, tuple[str, ...]] = {
    "SLACK": ("token",),
    "FEISHU": ("appId", "appSecret"),
    "LARK": ("appId", "appSecret"),
    "WECOM": ("corpId", "agentId", "secret"),
    "DINGTALK": ("clientId", "clientSecret", "robotCode"),
    "TEAMS": ("tenantId", "clientId", "clientSecret"),
}
"""What an entry of each IM type must hold (facts §7.1)."""

_IM_MASKS = {name: f"value.app_im.{name.lower()}" for name in IM_FIELDS} | {
    "TEAMS": "value.app_im_setting_value.teams"  # so spelt by the server
}


@dataclass(frozen=True, slots=True)
class ImEntry:
    """One IM with its credentials, to be written; nothing but the type can be read back."""

    type: str
    fields: tuple[tuple[str, str | Secret], ...] = field(repr=False)


class Settings:
    """The settings and rollout policies of one workspace."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def get(self, name: str) -> WireSetting:
        """One setting by its name, such as `APP_IM`. NotFoundError for one that was never written."""
        return await self._channel.send(WireSetting, reading(f"settings/{name}", what=f"read the setting {name}"))

    async def list_all(self) -> tuple[WireSetting, ...]:
        """Every setting that exists."""
        answer = await self._channel.send(WireSettings, reading("settings", what="list the settings"))
        return answer.settings

    async def im_types(self) -> tuple[str, ...]:
        """The types of IM that are configured, in order."""
        value = (await self.get("APP_IM")).value
        return tuple(entry.type for entry in value.app_im.settings) if value.app_im else ()

    async def environments(self) -> tuple[WireEnvironment, ...]:
        """The environments in the order in which stages follow each other."""
        value = (await self.get("ENVIRONMENT")).value
        return value.environment.environments if value.environment else ()

    async def approval_rules(self) -> tuple[WireRule, ...]:
        """The approval rules in order."""
        value = (await self.get("WORKSPACE_APPROVAL")).value
        return value.workspace_approval.rules if value.workspace_approval else ()

    async def external_url(self) -> str:
        """The address in the workspace profile, '' if none is set there."""
        value = (await self.get("WORKSPACE_PROFILE")).value
        return value.workspace_profile.external_url if value.workspace_profile else ""

    async def write_im(self, entries: Sequence[ImEntry], *, verify: bool) -> None:
        """Replace the whole IM list. `verify` lets Bytebase dial each IM first; an empty list has nothing to verify.

        A write without verification, and clearing the list, exist only on the Connect face (facts §7.1).
        """
        setting = _setting("APP_IM", "appIm", {"settings": [_im_json(entry) for entry in entries]})
        if verify and entries:
            mask = ",".join(dict.fromkeys(_IM_MASKS[entry.type] for entry in entries))
            await self._channel.send(WireSetting, _patch("APP_IM", mask, setting, "write the IM setting"))
            return
        call = Call(
            "POST",
            "/bytebase.v1.SettingService/UpdateSetting",
            CallMeaning("write the IM setting", "settings/APP_IM", acts=True, invalid=SpecError),
            Repeat.SAFE,
            body={"setting": setting},
            connect=True,
        )
        await self._channel.send(WireSetting, call)

    async def write_approval_rules(self, rules: Sequence[WireRule]) -> None:
        """Replace the whole list of approval rules (ENTERPRISE)."""
        setting = _setting("WORKSPACE_APPROVAL", "workspaceApproval", {"rules": [_rule_json(rule) for rule in rules]})
        mask = "value.workspace_approval"
        await self._channel.send(WireSetting, _patch("WORKSPACE_APPROVAL", mask, setting, "write the approval rules"))

    async def write_external_url(self, url: str) -> None:
        """Set the address of links; refused where the server was started with one."""
        setting = _setting("WORKSPACE_PROFILE", "workspaceProfile", {"externalUrl": url})
        mask = "value.workspace_profile.external_url"
        await self._channel.send(WireSetting, _patch("WORKSPACE_PROFILE", mask, setting, "set the external URL"))

    async def rollout_policy(self, environment: str) -> WireRolloutPolicy:
        """The rollout policy of `environments/…`; the default where none was written, also if there is no such environment."""
        policy = await self._channel.send(
            WirePolicy, reading(_policy_path(environment), what="read the rollout policy", resource=environment)
        )
        return policy.rollout_policy

    async def written_policies(self, environment: str) -> tuple[WirePolicy, ...]:
        """The policies that were written for an environment; not readable for the least-privilege account."""
        call = reading(f"{environment}/policies", query=(("policy_type", "ROLLOUT_POLICY"),), what="list the policies")
        return (await self._channel.send(WirePolicies, call)).policies

    async def write_rollout_policy(self, environment: str, *, automatic: bool, roles: Sequence[str]) -> None:
        """Set both parts of a rollout policy, creating it where needed. Role names are not checked by the server."""
        body = {
            "name": _policy_path(environment),
            "type": "ROLLOUT_POLICY",
            "rolloutPolicy": {"automatic": automatic, "roles": list(roles)},
        }
        call = Call(
            "PATCH",
            f"/v1/{_policy_path(environment)}",
            CallMeaning("write the rollout policy", environment, acts=True, invalid=SpecError),
            Repeat.SAFE,
            (("update_mask", "rollout_policy"), ("allow_missing", "true")),
            body,
        )
        await self._channel.send(WirePolicy, call)

    async def reset_rollout_policy(self, environment: str) -> None:
        """Return to the default policy; done already is fine."""
        call = Call(
            "DELETE",
            f"/v1/{_policy_path(environment)}",
            CallMeaning("reset the rollout policy", environment, acts=True),
            Repeat.SAFE,
        )
        try:
            await self._channel.send(Empty, call)
        except NotFoundError:
            return


def _policy_path(environment: str) -> str:
    return f"{environment}/policies/rollout_policy"


def _setting(name: str, key: str, value: Json) -> Json:
    return {"name": f"settings/{name}", "value": {key: value}}


def _patch(name: str, mask: str, setting: Json, what: str) -> Call:
    query: Query = (("update_mask", mask),)
    meaning = CallMeaning(what, f"settings/{name}", acts=True, invalid=SpecError)
    return Call("PATCH", f"/v1/settings/{name}", meaning, Repeat.SAFE, query, setting)


def _im_json(entry: ImEntry) -> Json:
    # The server stores an entry without its payload as an empty one, without a word: look before sending.
    values = {key: value.reveal() if isinstance(value, Secret) else value for key, value in entry.fields}
    wanted = IM_FIELDS.get(entry.type)
    if wanted is None:
        raise SpecError(
            f"Bytebase knows no IM of type {entry.type}",
            where="settings/APP_IM",
            next_step=f"use one of {', '.join(IM_FIELDS)}",
        )
    missing = [key for key in wanted if not values.get(key)]
    if missing or set(values) - set(wanted):
        raise SpecError(
            f"an entry of type {entry.type} holds exactly {', '.join(wanted)}",
            where="settings/APP_IM",
            why=f"missing or empty: {', '.join(missing) or 'nothing'}",
            next_step="declare each of them",
        )
    return {"type": entry.type, entry.type.lower(): {key: values[key] for key in wanted}}


def _rule_json(rule: WireRule) -> Json:
    # Written out in full: a template without a flow is refused, and a flow without roles means something (facts §7.2).
    template: dict[str, object] = {"title": rule.template.title, "flow": {"roles": list(rule.template.flow.roles)}}
    if rule.template.description:
        template["description"] = rule.template.description
    body: dict[str, object] = {"condition": {"expression": rule.condition.expression}, "template": template}
    if rule.source:
        body["source"] = rule.source
    return body
