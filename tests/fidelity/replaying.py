"""Sends recorded exchanges to a live server as the recorded callers, and waits where a recording had waited."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import httpx
from fidelity.cassettes import REDACTED, Answer, Cassette, Exchange, objects, parse_json
from fidelity.comparison import Comparison, Difference, is_any_under_way
from fidelity.identities import TIME, Identities

_PASSWORD_OF_NEW_PEOPLE = "Passw0rd!"
_BETWEEN_READS = 0.02


@dataclass
class Replayed:
    """Outcome of one cassette: how many exchanges were sent, and which differed."""

    file: str
    total: int = 0
    mismatches: list[tuple[Exchange, list[Difference]]] = field(default_factory=list)

    @property
    def matched(self) -> int:
        """How many were answered as recorded."""
        return self.total - len(self.mismatches)

    def report(self) -> str:
        """One line, then each mismatch."""
        lines = [f"{self.file}: {self.matched}/{self.total}"]
        for exchange, differences in self.mismatches:
            lines.append(
                f"  #{exchange.number} {exchange.method} {unquote(exchange.target)} as {exchange.caller or 'nobody'}"
            )
            lines += [f"      {difference}" for difference in differences[:8]]
        return "\n".join(lines)


class Replayer:
    """Replays cassettes, in order, to one server that began in the world of `seed` (the parsed seed file).

    A read that differs is repeated for `patience` seconds; a write only while it is refused for its moment (code 9).
    Every live answer is kept in `answers` as (method, path, answer).
    """

    def __init__(self, client: httpx.AsyncClient, seed: dict[str, Any], *, patience: float) -> None:
        self._client, self._patience = client, patience
        world = seed["bytebase"]
        self._secrets: dict[str, str] = {user["email"]: user["password"] for user in world.get("users", ())}
        self._secrets |= {f"{a['id']}@service.bytebase.com": a["key"] for a in world.get("serviceAccounts", ())}
        self._tokens: dict[str, str] = {}
        self._identities = Identities()
        self._sent_times: set[str] = set()
        self.answers: list[tuple[str, str, Answer]] = []

    async def cassette(self, cassette: Cassette) -> Replayed:
        """Replay one recording."""
        todo = cassette.replayed
        outcome = Replayed(cassette.file, total=len(todo))
        for exchange in cassette.exchanges:
            self._sent_times |= set(TIME.findall(unquote(exchange.target) + (exchange.body or "")))
        await self._learn_workspace(cassette)
        for exchange in todo:
            differences = [each for each in await self._exchange(exchange) if not each.is_forgiven]
            if differences:
                outcome.mismatches.append((exchange, differences))
        return outcome

    async def _learn_workspace(self, cassette: Cassette) -> None:
        texts = (exchange.target + exchange.answer.text for exchange in cassette.exchanges)
        recorded = Counter(found for text in texts for found in re.findall(r"\bworkspaces/(\w{16})\b", text))
        live = (parse_json((await self._client.get("/v1/workspaces/-")).text) or {}).get("name", "").rpartition("/")[2]
        for name, _ in recorded.most_common(1) if live else ():
            self._identities.learn(f"workspaces/{name}", f"workspaces/{live}")
            self._identities.learn(f"projects/default-{name}", f"projects/default-{live}")

    async def _exchange(self, exchange: Exchange) -> list[Difference]:
        end = time.monotonic() + self._patience
        while True:
            trial = Comparison(self._identities.copy(), self._sent_times, re.sub(r":\w+$", "", exchange.path))
            response = await self._send(exchange)
            live = Answer(response.status_code, response.headers.get("content-type", ""), response.text)
            differences = trial.answers(exchange.answer, live)
            body = parse_json(live.text)
            if exchange.is_read:
                is_settled = all(each.is_forgiven for each in differences) and not is_any_under_way(body)
            else:
                is_early = isinstance(body, dict) and body.get("code") in (9, "failed_precondition")
                is_settled = not (is_early and exchange.answer.status < 400)
            if not differences or is_settled or time.monotonic() > end:
                break
            await asyncio.sleep(_BETWEEN_READS)
        self.answers.append((exchange.method, unquote(self._target(exchange.target).partition("?")[0]), live))
        is_same = all(each.is_forgiven for each in differences)
        self._identities = trial.identities if is_same else self._identities.with_names_of(trial.identities)
        for item in objects(body):
            if isinstance(item.get("serviceKey"), str):
                self._secrets[item["email"]] = item["serviceKey"]
        return differences

    async def _send(self, exchange: Exchange) -> httpx.Response:
        headers = dict(exchange.headers)
        if exchange.caller == "invalid":
            headers["Authorization"] = "Bearer invalid"
        elif exchange.caller:
            headers["Authorization"] = f"Bearer {await self._token(exchange.caller)}"
        return await self._client.request(
            exchange.method, self._target(exchange.target), headers=headers, content=self._body(exchange)
        )

    async def _token(self, email: str) -> str:
        if email not in self._tokens:
            body = {"email": email, "password": self._secrets[email]}
            answer = await self._client.post("/v1/auth/login", json=body)
            assert answer.status_code == 200, f"signing in as {email}: {answer.text}"
            self._tokens[email] = answer.json()["token"]
        return self._tokens[email]

    def _target(self, target: str) -> str:
        """Path and query with live names; untouched, byte for byte, where nothing changes."""
        path, mark, query = target.partition("?")
        plain = self._identities.rewrite(unquote(path))
        path = path if plain == unquote(path) else quote(plain, safe="/:@!$&'()*+,;=~")
        pairs = parse_qsl(query, keep_blank_values=True)
        live = [(name, self._identities.rewrite(value)) for name, value in pairs]
        return path + mark + (query if live == pairs else urlencode(live, quote_via=quote))

    def _body(self, exchange: Exchange) -> bytes | None:
        """The recorded body with live names, and the seed's secrets where the recording hides them."""
        if exchange.body is None:
            return None
        document = parse_json(exchange.body)
        if not isinstance(document, dict):
            return self._identities.rewrite(exchange.body).encode()
        live = self._rewritten(document)
        for item in objects(live):
            if item.get("password") == REDACTED and "email" in item:
                item["password"] = self._password(item["email"], exchange.answer.status)
        return (exchange.body if live == document else json.dumps(live, ensure_ascii=False)).encode()

    def _password(self, email: str, status: int) -> str:
        """The password that gives the recorded outcome: the right one, a wrong one (401), one that is too short (400)."""
        if status in (400, 401):
            return "x" if status == 400 else "not the right one"
        return self._secrets.setdefault(email, _PASSWORD_OF_NEW_PEOPLE)

    def _rewritten(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._rewritten(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._rewritten(item) for item in value]
        return self._identities.rewrite(value) if isinstance(value, str) else value
