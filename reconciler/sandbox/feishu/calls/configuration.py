"""Calls by which an app changes its own configuration (v7); most of it takes effect with the next release."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from reconciler.sandbox.feishu import idents
from reconciler.sandbox.feishu.answers import Answer, CallError, JsonObject
from reconciler.sandbox.feishu.apps import App, AppConfig, Reach
from reconciler.sandbox.feishu.calls.applications import keys_of
from reconciler.sandbox.feishu.visit import Handlers, Visit

LARGEST_AVATAR = 2 * 1024 * 1024
LONGEST_KEY = 32
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"<svg", b"<?xml")


async def patch_config(visit: Visit) -> Answer:
    """Scopes, events, callbacks, visibility, contacts, encryption: omitted members stay as they are."""
    app = _editable(visit, no_app=210032, other=210036, not_console=210043, review=210040)
    body, draft = visit.body, app.draft
    draft = _with_scopes(draft, body.get("scope") or {})
    draft = _with_events(draft, body.get("event"))
    draft = _with_callbacks(draft, body.get("callback"))
    draft = _with_reach(visit, draft)
    draft = _with_secrets(draft, body.get("event_and_callback_encrypt_strategy") or {})
    url = (body.get("event") or {}).get("request_url", "")
    if url and not await visit.request_urls.verify(draft, url):
        raise CallError(210042, "request_url validation failed")
    app.edit(draft)
    if url:
        app.edit_at_once(request_url=url)
    security = body.get("security") or {}
    added = (security.get("add") or {}).get("allowed_ips", [])
    removed = (security.get("remove") or {}).get("allowed_ips", [])
    app.allowed_ips = (app.allowed_ips | set(added)) - set(removed)
    return Answer({})


async def patch_ability(visit: Visit) -> Answer:
    """Switch the bot on or off with the next release."""
    app = _editable(visit, no_app=210012, other=210016, not_console=210021, review=210020)
    bot = visit.body.get("bot")
    if bot is None:
        return Answer({})
    url = bot.get("message_card_callback_url", "")
    if url and not await visit.request_urls.verify(app.draft, url):
        raise CallError(210019, "message_card_callback_url validation failed")
    app.edit(replace(app.draft, bot=bot["enable"], card_url=url or app.draft.card_url))
    return Answer({})


def patch_base(visit: Visit) -> Answer:
    """Names, descriptions and picture, with the next release."""
    app = _editable(visit, no_app=210002, other=210006, not_console=210021, review=210010)
    texts = {text[0]: text for text in app.draft.texts}
    for row in visit.body.get("i18ns", ()):
        key = row["i18n_key"]
        _, name, about, help_use = texts.get(key, (key, app.draft.name, "", ""))
        texts[key] = (key, row.get("name", name), row.get("description", about), row.get("help_use", help_use))
    app.edit(
        replace(
            app.draft,
            texts=tuple(texts.values()),
            name=next((text[1] for text in texts.values()), app.draft.name),
            avatar_url=visit.body.get("avatar_url", app.draft.avatar_url),
            homepage_url=visit.body.get("homepage_url", app.draft.homepage_url),
        )
    )
    return Answer({})


def publish(visit: Visit) -> Answer:
    """Release the draft, or put it before the administrators where the tenant reviews releases."""
    app = _editable(visit, no_app=210002, other=210036, not_console=210001, review=210302)
    latest = _number(app.versions[-1].version) if app.versions else (0, 0, 0)
    version = visit.body.get("version") or ".".join(map(str, (latest[0], latest[1], latest[2] + 1)))
    if not re.fullmatch(r"\d+\.\d+\.\d+", version) or _number(version) <= latest:
        raise CallError(210303, "invalid version number")
    for name in ("remark", "changelog"):
        if not 0 < len(visit.body[name]) <= 500:
            raise CallError(210304, f"{name} is missing or too long")
    defaults = [visit.body.get(f"{device}_default_ability", "") for device in ("mobile", "pc")]
    if app.draft.bot and not all(defaults):
        raise CallError(210304, "mobile_default_ability and pc_default_ability are required")
    submitted = app.submit(
        version=version,
        now=visit.world.clock.millis() // 1000,
        review=visit.world.tenant.review,
        remark=visit.body["remark"],
        changelog=visit.body["changelog"],
        default_ability=defaults[0],
    )
    return Answer({"version_id": submitted.version_id, "version": submitted.version})


def upload_avatar(visit: Visit) -> Answer:
    """Keep a picture and give its address."""
    upload = visit.files.get("avatar")
    if upload is None or not upload.content.startswith(_PICTURES) or len(upload.content) > LARGEST_AVATAR:
        raise CallError(210001, "avatar must be a JPEG, PNG, SVG or BMP of at most 2 MB")
    return Answer({"url": f"https://example.com/app-avatar/{idents.hexadecimal()}"})


def _editable(visit: Visit, *, no_app: int, other: int, not_console: int, review: int) -> App:
    app_id = visit.path["app_id"]
    if app_id not in visit.world.apps and app_id != "me":
        raise CallError(no_app, "app not exist")
    if app_id not in (visit.app.app_id, "me"):
        raise CallError(other, "lack of permission to update another app")
    if not visit.app.from_console:
        raise CallError(not_console, "the app was not created in the developer console")
    if visit.app.in_review is not None:
        raise CallError(review, "the app is under review")
    return visit.app


def _with_scopes(draft: AppConfig, scope: JsonObject) -> AppConfig:
    def changed(before: frozenset[str], kind: str) -> frozenset[str]:
        return (before | _names(scope, "add_scopes", kind)) - _names(scope, "remove_scopes", kind)

    return replace(draft, scopes=changed(draft.scopes, "tenant"), user_scopes=changed(draft.user_scopes, "user"))


def _names(scope: JsonObject, member: str, kind: str) -> set[str]:
    return {row["scope_name"] for row in scope.get(member, ()) if row["token_type"] == kind}


def _with_events(draft: AppConfig, event: JsonObject | None) -> AppConfig:
    if event is None:
        return draft
    if event["subscription_type"] == "webhook" and not (event.get("request_url") or draft.request_url):
        raise CallError(210031, "request_url is required")
    events = _changed(draft.events, event.get("add_events", ()), event.get("remove_events", ()))
    return replace(draft, subscription=event["subscription_type"], events=events)


def _with_callbacks(draft: AppConfig, callback: JsonObject | None) -> AppConfig:
    if callback is None:
        return draft
    callbacks = _changed(draft.callbacks, callback.get("add_callbacks", ()), callback.get("remove_callbacks", ()))
    if callbacks and not draft.bot:
        raise CallError(210041, "the bot ability must be switched on first")
    return replace(draft, callback_subscription=callback["callback_type"], callbacks=callbacks)


def _with_reach(visit: Visit, draft: AppConfig) -> AppConfig:
    visibility, contacts = visit.body.get("visibility"), visit.body.get("contacts")
    if visibility is not None:
        people = keys_of(visit, (visibility.get("visible_list") or {}).get("user_ids", []))
        excluded = draft.availability.excluded
        draft = replace(draft, availability=Reach(visibility["is_visible_to_all"], people, excluded))
    if contacts is not None:
        people = keys_of(visit, (contacts.get("visible_list") or {}).get("user_ids", []))
        draft = replace(draft, contacts=contacts["contacts_range_type"], contact_people=people)
    return draft


def _with_secrets(draft: AppConfig, strategy: JsonObject) -> AppConfig:
    key = strategy.get("encryption_key", draft.encrypt_key)
    token = strategy.get("verification_token", draft.verification_token)
    if len(key) > LONGEST_KEY or len(token) > LONGEST_KEY:
        raise CallError(210031, "encryption_key and verification_token have at most 32 characters")
    return replace(draft, encrypt_key=key, verification_token=token)


def _changed(before: frozenset[str], added: Iterable[str], removed: Iterable[str]) -> frozenset[str]:
    return (before | set(added)) - set(removed)


def _number(version: str) -> tuple[Any, ...]:
    return tuple(int(part) for part in version.split("."))


_V7 = "/open-apis/application/v7"
HANDLERS: Handlers = {
    f"PATCH {_V7}/applications/:app_id/config": patch_config,
    f"PATCH {_V7}/applications/:app_id/ability": patch_ability,
    f"PATCH {_V7}/applications/:app_id/base": patch_base,
    f"POST {_V7}/applications/:app_id/publish": publish,
    f"POST {_V7}/app_avatar/upload": upload_avatar,
}
