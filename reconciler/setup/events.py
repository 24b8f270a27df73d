"""How news of decisions reaches us: events of the published version, the transport, arrival, and who else listens. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.desired.feishu import EVENTS
from reconciler.errors import ForbiddenError
from reconciler.setup.check import Check, Item, cause_of, listed
from reconciler.setup.facts import Console, FeishuFacts, SetupFacts, Unread
from reconciler.setup.scopes import SELF_MANAGE
from reconciler.spec.models.feishu import Feishu

CONFIGURED = Item("events/configured", "Events of the app")
TRANSPORT = Item("events/transport", "Transport of events")
ARRIVING = Item("events/arriving", "Events arriving")
SHARED = Item("sharedApp", "App used by this deployment alone")


def event_items(feishu: Feishu) -> list[Item]:
    """The lines about events, before anything is known."""
    items = [TRANSPORT] if feishu.events.transport == "none" else [CONFIGURED, TRANSPORT, ARRIVING]
    return [*items, SHARED] if feishu.definitions else items


def event_checks(feishu: Feishu, facts: SetupFacts, seen: FeishuFacts, console: Console) -> Iterator[Check]:
    """Whether events are configured, can be delivered, and arrive."""
    if feishu.events.transport == "none":
        every = f"{feishu.poll.every.total_seconds():g} s"
        yield TRANSPORT.ok(
            f"no events: every pending request is read again each {every} (spec.feishu.events.transport)"
        )
        return
    yield _configured(seen, console)
    yield from _transport(feishu, facts, seen, console)
    yield _arriving(feishu, facts, seen, console)


def _configured(seen: FeishuFacts, console: Console) -> Check:
    version = seen.version
    link = console.page("event")
    if isinstance(seen.app, Unread) or isinstance(version, Unread):
        unread = seen.app if isinstance(seen.app, Unread) else version
        assert isinstance(unread, Unread)  # noqa: S101 - one of the two is, as the line above says
        if isinstance(unread.error, ForbiddenError):
            return CONFIGURED.unverifiable(
                f"Feishu shows this only with the scope {SELF_MANAGE}, which the app does not have",
                fix=f"grant {SELF_MANAGE} and publish a version, or see in the console that "
                f"{' and '.join(EVENTS)} are subscribed",
                link=link,
            )
        return CONFIGURED.unread(unread, link=link)
    if version is None:
        return CONFIGURED.failed(
            "no version of the app is online, so no event is sent",
            fix=f"subscribe {' and '.join(EVENTS)} under Events & Callbacks, and publish a version",
            link=link,
        )
    missing = [name for name in EVENTS if name not in version.events]
    if not missing:
        return CONFIGURED.ok(", ".join(EVENTS))
    if version.nameless_events:
        return CONFIGURED.unverifiable(
            f"version {version.number} has {version.nameless_events} events whose type Feishu does not tell; "
            f"{', '.join(missing)} may be among them",
            fix=f"see in the console that {' and '.join(missing)} are subscribed",
            link=link,
        )
    return CONFIGURED.failed(
        f"version {version.number} does not subscribe {', '.join(missing)}",
        fix="add the events under Events & Callbacks, and publish a version of the app",
        link=link,
    )


def _transport(feishu: Feishu, facts: SetupFacts, seen: FeishuFacts, console: Console) -> Iterator[Check]:
    link = console.page("event")
    if feishu.events.transport == "callback":
        yield _callback(facts, link)
        return
    offer = seen.connection_offer
    if not isinstance(offer, Unread):
        yield TRANSPORT.ok("Feishu offers the long connection")
    elif isinstance(offer.error, ForbiddenError) or offer.code is not None:
        fix = offer.error.next_step or "choose the long connection under Events & Callbacks, and publish a version"
        yield TRANSPORT.failed(cause_of(offer.error), fix=fix, link=link)
    else:
        yield TRANSPORT.unread(offer, link=link)


def _callback(facts: SetupFacts, link: str) -> Check:
    lost = [(name, read) for name, read in facts.secrets.items() if isinstance(read, Unread)]
    if lost:
        said = "; ".join(f"{name}: {cause_of(read.error)}" for name, read in lost)
        return TRANSPORT.failed(said, fix=lost[0][1].error.next_step or "make the secret available here", link=link)
    return TRANSPORT.unverifiable(
        "only Feishu can tell whether it reaches POST /events/feishu of your sync",
        fix="press Verify at the request URL under Events & Callbacks while sync runs",
        link=link,
    )


def _arriving(feishu: Feishu, facts: SetupFacts, seen: FeishuFacts, console: Console) -> Check:
    link = console.page("event")
    if facts.last_event is not None:
        return ARRIVING.ok(f"the last one arrived on {facts.last_event:%Y-%m-%d %H:%M} UTC")
    how = (
        "while sync runs, decide a request: `reconciler_events_total` of its /metrics counts the event, and the stage runs "
        "within a second; without events it runs at the next poll"
    )
    if feishu.events.transport == "longConnection":
        connections = seen.connections
        if isinstance(connections, int) and connections:
            return ARRIVING.unverifiable(
                f"{_connections(connections)} open with this app; whether events come through is seen only in sync",
                fix=how,
                link=link,
            )
        if isinstance(connections, int):
            return ARRIVING.unverifiable(
                "no long connection is open with this app: sync does not run", fix=how, link=link
            )
    return ARRIVING.unverifiable("events are seen only by a running sync", fix=how, link=link)


def _connections(number: int) -> str:
    return "1 long connection is" if number == 1 else f"{number} long connections are"


def shared_app_check(feishu: Feishu, seen: FeishuFacts, *, siblings: frozenset[str], console: Console) -> Check:
    """Whether another deployment uses the app too, as far as the API can tell. `siblings` are this spec's integrations."""
    link = console.page("event")
    by_connection = feishu.events.transport == "longConnection"
    recent = seen.recent
    strangers = () if isinstance(recent, Unread) else tuple(name for name in recent.strangers if name not in siblings)
    if strangers and by_connection:
        return SHARED.failed(
            f"recent requests of our definitions belong to {listed(strangers)}, which this spec does not declare: "
            "another deployment uses the app, and Feishu gives each event to one connection at random",
            fix="give each deployment its own app, or run them as targets of one sync",
            link=link,
        )
    if by_connection and isinstance(seen.connections, int) and seen.connections > len(siblings):
        return SHARED.unverifiable(
            f"{_connections(seen.connections)} open with this app, and this spec accounts for {len(siblings)}: "
            "if another deployment holds one of them, events meant for us go there",
            fix="stop what else connects with this app, or give it an app of its own",
            link=link,
        )
    if isinstance(recent, Unread):
        return SHARED.unread(recent, link=link)
    looked = f"{recent.looked_at} recent requests" if recent.looked_at != 1 else "1 recent request"
    also = f"; some belong to {listed(strangers)}, whose events reach everybody" if strangers else ""
    return SHARED.ok(f"nothing points to another deployment ({looked} looked at){also}")
