"""The Feishu client of one app: one guarded HTTP client, one token, every call by area."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from reconciler.errors import ForbiddenError
from reconciler.providers.feishu.api import FeishuApi
from reconciler.providers.feishu.auth import AppCredentials, TenantTokens
from reconciler.providers.feishu.calls.application import ApplicationCalls
from reconciler.providers.feishu.calls.comments import CommentCalls
from reconciler.providers.feishu.calls.connection import ConnectionCalls
from reconciler.providers.feishu.calls.definitions import DefinitionCalls
from reconciler.providers.feishu.calls.instances import InstanceCalls
from reconciler.providers.feishu.calls.messages import MessageCalls
from reconciler.providers.feishu.calls.users import UserCalls
from reconciler.providers.feishu.errors import Caller
from reconciler.providers.feishu.platform import Platform
from reconciler.providers.http import HttpClient, HttpSettings


class FeishuClient:
    """Everything this project asks of Feishu, as one custom app; an async context manager that closes its connections.

    Every method raises only errors of `reconciler.errors`. What is not repeatable is sent once: a lost answer raises
    UnavailableError with `ambiguous`.
    """

    def __init__(
        self,
        platform: Platform,
        app: AppCredentials,
        *,
        settings: HttpSettings | None = None,
        ca_file: str | None = None,
    ) -> None:
        self.platform = platform
        self.app = app
        self._http = HttpClient(platform.open_api, upstream="feishu", settings=settings, ca_file=ca_file)
        caller = Caller(platform, app.app_id)
        self._tokens = TenantTokens(self._http, app=app, caller=caller)
        api = FeishuApi(self._http, tokens=self._tokens, caller=caller)
        self.definitions = DefinitionCalls(api)
        self.instances = InstanceCalls(api)
        self.comments = CommentCalls(api)
        self.users = UserCalls(api)
        self.application = ApplicationCalls(api)
        self.messages = MessageCalls(api)
        self.connection = ConnectionCalls(api, http=self._http, app=app)
        self._bot_open_id = ""
        self._bot_lock = asyncio.Lock()

    async def sign_in(self) -> None:
        """Get a token. CredentialsError when id and secret are refused."""
        await self._tokens.token()

    async def bot_open_id(self) -> str:
        """The bot's open id, read once; ForbiddenError while the app has no bot."""
        async with self._bot_lock:
            if not self._bot_open_id:
                self._bot_open_id = (await self.application.bot()).open_id
                if not self._bot_open_id:
                    raise ForbiddenError(
                        "the app has no bot",
                        where=self.app.app_id,
                        next_step=f"enable it at {self.platform.console_link(self.app.app_id, 'bot')} and publish",
                    )
        return self._bot_open_id

    async def aclose(self) -> None:
        """Let running calls end, then close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
