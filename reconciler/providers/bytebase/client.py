"""The Bytebase client: one account on one server, its calls grouped by what they are about."""

from __future__ import annotations

from typing import Self

from reconciler.providers.bytebase.auth import Session
from reconciler.providers.bytebase.channel import Channel
from reconciler.providers.bytebase.connection import BytebaseConnection
from reconciler.providers.bytebase.detect import Server, System
from reconciler.providers.bytebase.iam import Iam
from reconciler.providers.bytebase.issues import Issues
from reconciler.providers.bytebase.plans import Plans
from reconciler.providers.bytebase.projects import Projects
from reconciler.providers.bytebase.rollouts import Rollouts
from reconciler.providers.bytebase.settings import Settings
from reconciler.providers.http import HttpClient, HttpSettings


class BytebaseClient:
    """Every call the product makes to Bytebase, as one account. Use as an async context manager, in one event loop."""

    def __init__(self, connection: BytebaseConnection, *, http: HttpSettings | None = None) -> None:
        self.connection = connection
        self._http = HttpClient(connection.url, upstream="bytebase", settings=http, ca_file=connection.ca_file)
        self._session = Session(self._http, connection.credentials)
        channel, anonymous = Channel(self._http, self._session), Channel(self._http)
        self.settings = Settings(channel)
        self.projects = Projects(channel)
        self.iam = Iam(channel)
        self.issues = Issues(channel)
        self.plans = Plans(channel)
        self.rollouts = Rollouts(channel)
        self.system = System(channel, anonymous)
        self._server: Server | None = None

    @property
    def email(self) -> str:
        """The e-mail of the account, in lower case."""
        return self._session.email

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return self._http.base_url

    async def server(self) -> Server:
        """Version, workspace and licence, asked once. RefusedError for a version that is too old."""
        if self._server is None:
            self._server = await self.system.server()
        return self._server

    async def aclose(self) -> None:
        """Let running calls end, then close."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
