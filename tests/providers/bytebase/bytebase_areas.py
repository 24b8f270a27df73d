"""The client's areas over an anonymous channel, for recordings (which hide their tokens) and scripted answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from reconciler.providers.bytebase.channel import Channel
from reconciler.providers.bytebase.detect import System
from reconciler.providers.bytebase.iam import Iam
from reconciler.providers.bytebase.issues import Issues
from reconciler.providers.bytebase.plans import Plans
from reconciler.providers.bytebase.projects import Projects
from reconciler.providers.bytebase.rollouts import Rollouts
from reconciler.providers.bytebase.settings import Settings
from reconciler.providers.http import HttpClient, HttpSettings
from reconciler.providers.http_retry import RetryPolicy

URL = "http://127.0.0.1:1"
Handler = Callable[[httpx.Request], httpx.Response]


async def no_sleep(seconds: float) -> None:
    """Retries need not wait here."""


@dataclass(frozen=True)
class Areas:
    """One of each."""

    http: HttpClient
    settings: Settings
    projects: Projects
    iam: Iam
    issues: Issues
    plans: Plans
    rollouts: Rollouts
    system: System
    channel: Channel


def open_areas(transport: httpx.AsyncBaseTransport | None = None) -> Areas:
    http = HttpClient(
        URL, upstream="bytebase", settings=HttpSettings(transport=transport, retry=RetryPolicy(sleep=no_sleep))
    )
    channel = Channel(http)
    return Areas(
        http,
        Settings(channel),
        Projects(channel),
        Iam(channel),
        Issues(channel),
        Plans(channel),
        Rollouts(channel),
        System(channel, channel),
        channel,
    )


def open_areas_over(handler: Handler) -> Areas:
    return open_areas(httpx.MockTransport(handler))
