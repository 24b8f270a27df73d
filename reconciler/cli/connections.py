"""Builds the two upstream clients of a target, with credentials resolved and calls counted."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.adapters.secret_sources import Reference, SecretResolver
from reconciler.errors import CredentialsError, FilePosition
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.connection import BytebaseConnection, GitHubOidc, ServiceAccount, WorkloadIdentity
from reconciler.providers.feishu.auth import AppCredentials
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.endpoints import windows
from reconciler.providers.feishu.platform import FEISHU, LARK, Platform
from reconciler.providers.http import HttpCall, HttpSettings
from reconciler.providers.http_budget import Budget, RateBudget
from reconciler.providers.http_window import Window, WindowBudget
from reconciler.secret import Secret
from reconciler.spec.models.bytebase import ServiceAccountCredential, Use, WorkloadIdentityCredential
from reconciler.spec.models.feishu import PlatformHosts
from reconciler.spec.models.references import GithubActionsRef
from reconciler.spec.target import Target

log = logging.getLogger("reconciler.calls")

BYTEBASE_BURST = 0.25
"""The share of a minute's calls that `sync` may make at once. The larger, the more clicks are answered at once; the smaller,
the more of the minute is left to keep up. Bytebase limits nothing itself (facts §2.3)."""

_FOR: dict[Use, str] = {"plan": "plan, drift, export and doctor", "apply": "apply", "sync": "sync"}


@dataclass(frozen=True, slots=True)
class Connector:
    """Opens clients for one target. `on_date` gets the host and the `Date` of each answer.

    `rates` are the windows of Feishu's limits by endpoint.
    """

    target: Target
    secrets: SecretResolver
    on_date: Callable[[str, datetime], None] | None = None
    rates: Mapping[str, Sequence[Window]] = field(default_factory=windows)

    @asynccontextmanager
    async def bytebase(self, use: Use) -> AsyncIterator[BytebaseClient]:
        """Bytebase as the account for this use. CredentialsError where the spec has none."""
        bytebase = self.target.spec.bytebase
        credential = bytebase.credential(use)
        at = self.target.origin("spec", "bytebase", "credentials")
        if credential is None:
            raise CredentialsError(
                f"the spec has no account for {_FOR[use]}",
                where=at,
                next_step=f"add spec.bytebase.credentials.{use}",
            )
        async with self.bytebase_as(await self.account(credential, at), use=use) as client:
            yield client

    @asynccontextmanager
    async def bytebase_as(
        self, account: ServiceAccount | WorkloadIdentity, *, use: Use = "sync"
    ) -> AsyncIterator[BytebaseClient]:
        """Bytebase as this account."""
        bytebase = self.target.spec.bytebase
        connection = BytebaseConnection(
            url=bytebase.url,
            credentials=account,
            identity=bytebase.identity,
            ca_file=bytebase.tls.ca if bytebase.tls is not None else None,
        )
        budget = _bytebase_budget(use, bytebase.poll.calls_per_minute)
        async with BytebaseClient(
            connection, http=HttpSettings(on_call=_log_call, budget=budget, on_date=self.on_date)
        ) as client:
            yield client

    async def account(
        self, credential: ServiceAccountCredential | WorkloadIdentityCredential, at: FilePosition
    ) -> ServiceAccount | WorkloadIdentity:
        """An account with its key or token resolved."""
        if isinstance(credential, ServiceAccountCredential):
            return ServiceAccount(credential.service_account, await self.secrets.resolve(credential.key, at))
        if isinstance(credential.token, GithubActionsRef):
            return WorkloadIdentity(credential.workload_identity, self._github(credential.token, at))
        reference: Reference = credential.token

        async def renewed() -> Secret:
            return await self.secrets.resolve(reference, at)

        return WorkloadIdentity(credential.workload_identity, renewed)

    def _github(self, reference: GithubActionsRef, at: FilePosition) -> GitHubOidc:
        url = self.secrets.environment.get("ACTIONS_ID_TOKEN_REQUEST_URL")
        token = self.secrets.environment.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
        if not url or not token:
            raise CredentialsError(
                "GitHub offers this job no identity token",
                where=at,
                next_step="give the job `permissions: id-token: write`, or run it in GitHub Actions",
            )
        return GitHubOidc(url, Secret(token), reference.audience)

    @asynccontextmanager
    async def feishu(self) -> AsyncIterator[FeishuClient | None]:
        """Feishu as the spec's app; None where the spec declares no app."""
        feishu = self.target.spec.feishu
        if feishu is None or feishu.app is None:
            yield None
            return
        at = self.target.origin("spec", "feishu", "app", "secret")
        app = AppCredentials(feishu.app.id, await self.secrets.resolve(feishu.app.secret, at))
        budget = WindowBudget(self.rates)
        settings = HttpSettings(on_call=_log_call, budget=budget, on_date=self.on_date)
        async with FeishuClient(platform_of(feishu.platform, feishu.hosts()), app, settings=settings) as client:
            yield client


def _bytebase_budget(use: Use, calls_per_minute: int) -> Budget:
    """No minute holds more calls than that: spread out for what runs for days, at once for what is over before the minute is."""
    if use == "sync":
        return RateBudget({}, default=float(calls_per_minute), burst_share=BYTEBASE_BURST)
    return WindowBudget({"bytebase": (Window(calls_per_minute, 60),)})


def platform_of(platform: str | PlatformHosts, hosts: PlatformHosts) -> Platform:
    """The hosts of a platform and the links that people open there."""
    if isinstance(platform, PlatformHosts):
        return Platform.private(hosts.open_api, accounts=hosts.accounts, app_link=hosts.app_link)
    return LARK if platform == "lark" else FEISHU


def _log_call(call: HttpCall) -> None:
    status = call.status if call.status is not None else call.problem or "no answer"
    log.info("%s %s %s %s in %.0f ms", call.upstream, call.method, call.path, status, call.milliseconds)


def environment() -> dict[str, str]:
    """The environment of this process, read in one place."""
    return dict(os.environ)
