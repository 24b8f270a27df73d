"""Calls about the app's own presence: its bot, its sockets, the platform's addresses."""

from __future__ import annotations

from reconciler.sandbox.feishu.answers import Answer, CallError
from reconciler.sandbox.feishu.visit import Handlers, Visit

NO_BOT = 11205

_OUTBOUND = ("203.0.113.10", "203.0.113.11", "203.0.113.12")
"""Documentation addresses stand for the platform's own."""


def bot_info(visit: Visit) -> Answer:
    """The app's bot; only there once a version that has it is published."""
    online = visit.app.online
    if online is None or not online.bot:
        raise CallError(NO_BOT, "app do not have bot")
    bot = {
        "activate_status": 2,
        "app_name": online.name,
        "avatar_url": online.avatar_url,
        "ip_white_list": sorted(visit.app.allowed_ips),
        "open_id": visit.open_id(visit.world.directory.bot(visit.app.app_id)),
    }
    return Answer(msg="ok", top={"bot": bot})


def connection(visit: Visit) -> Answer:
    """How many sockets of the app are open."""
    return Answer({"online_instance_cnt": visit.connections.count(visit.app.app_id)})


def outbound_ip(visit: Visit) -> Answer:
    """From where the platform calls request URLs."""
    page = visit.page(_OUTBOUND, default=50, most=50)
    return Answer({"ip_list": list(page.items), **page.wire()})


HANDLERS: Handlers = {
    "GET /open-apis/bot/v3/info": bot_info,
    "GET /open-apis/event/v1/connection": connection,
    "GET /open-apis/event/v1/outbound_ip": outbound_ip,
}
