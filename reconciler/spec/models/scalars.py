"""The scalar types that authors write: durations, moments, URLs, names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,9})(s|m|h|d)")
_INTERVAL = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_LONGEST = timedelta(days=3650)


def _read_duration(pattern: re.Pattern[str], expected: str) -> Callable[[object], timedelta]:
    def read(value: object) -> timedelta:
        if isinstance(value, timedelta):
            return value
        match = pattern.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise PydanticCustomError("duration", "expected a duration such as {expected}", {"expected": expected})
        length = timedelta(seconds=int(match[1]) * _UNITS[match[2]])
        if length > _LONGEST:
            raise PydanticCustomError("duration", "a duration is at most ten years")
        return length

    return read


def format_duration(length: timedelta) -> str:
    """A duration as an author would write it, in the largest unit that is exact."""
    milliseconds = round(length / timedelta(milliseconds=1))
    for unit in ("d", "h", "m", "s"):
        whole, rest = divmod(milliseconds, int(_UNITS[unit] * 1000))
        if rest == 0 and whole:
            return f"{whole}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def _not_zero(length: timedelta) -> timedelta:
    if not length:
        raise PydanticCustomError("duration", "must be longer than nothing")
    return length


Duration = Annotated[
    timedelta,
    PlainValidator(_read_duration(_DURATION, "60s, 15m, 24h or 3d")),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,9}(s|m|h|d)$"}),
]
"""A length of time: a whole number and s, m, h or d."""

Interval = Annotated[
    timedelta,
    PlainValidator(_read_duration(_INTERVAL, "5s, 200ms or 15m")),
    AfterValidator(_not_zero),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]*[1-9][0-9]*(ms|s|m|h|d)$"}),
]
"""How often something is looked at: a duration that may also be in milliseconds (`ms`) and is never zero."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[-+][0-9]{2}:[0-9]{2})")


def _read_moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    text = value if isinstance(value, str) else ""
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if _TIME.fullmatch(text):
            whole = re.sub(r"\.([0-9]{1,6})[0-9]*", lambda m: "." + m[1].ljust(6, "0"), text)
            return datetime.fromisoformat(whole.upper().replace(" ", "T")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("moment", "there is no such day or time") from None
    raise PydanticCustomError(
        "moment", "expected a date such as 2026-11-22 (UTC) or a time such as 2026-11-22T08:00:00Z"
    )


def format_moment(moment: datetime) -> str:
    """A moment as RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Moment = Annotated[
    datetime,
    PlainValidator(_read_moment),
    PlainSerializer(format_moment),
    WithJsonSchema(
        {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9:.]{8,}([Zz]|[-+][0-9]{2}:[0-9]{2}))?$"}
    ),
]
"""A date (midnight UTC) or an RFC 3339 time; always aware, in UTC."""


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _split_url(text: str) -> tuple[str, str, str]:
    """Scheme, host and path of a URL that carries nothing else."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise PydanticCustomError("url", "this is not a URL") from None
    if parts.scheme not in {"http", "https"} or not host or any(c.isspace() for c in text):
        raise PydanticCustomError("url", "expected a URL such as https://host.example")
    if parts.username is not None or parts.password is not None:
        raise PydanticCustomError("url_secret", "a URL here must not carry a user name or password")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise PydanticCustomError("url", "a URL here has no '?' and no '#'")
    return parts.scheme, host, parts.path


def _base_url(text: str) -> str:
    _split_url(text)
    return text.rstrip("/")


def _origin_url(text: str) -> str:
    scheme, host, path = _split_url(text)
    if path.strip("/"):
        raise PydanticCustomError("url", "expected scheme and host only, without a path")
    if scheme == "http" and not is_loopback(host):
        raise PydanticCustomError("url", "plain http is only for this machine (localhost); use https")
    return text.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url), Field(json_schema_extra={"format": "uri"})]
"""An http or https URL, perhaps with a path, without trailing slash, query or credentials."""

OriginUrl = Annotated[str, AfterValidator(_origin_url), Field(json_schema_extra={"format": "uri"})]
"""Scheme and host of a server; plain http only to this machine."""


@dataclass(frozen=True, slots=True)
class Like:
    """Marks a text type that must match `pattern` wholly; otherwise the author is told what was `expected`."""

    pattern: str
    expected: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}

    def _check(self, value: str) -> str:
        if re.fullmatch(self.pattern, value) is None:
            raise PydanticCustomError("form", "expected {expected}", {"expected": self.expected})
        return value


_EMAIL = r"[^@\s/]+@[^@\s/]+"

Text = Annotated[str, Like(r"[\s\S]*\S[\s\S]*", "text that is not empty")]
"""Any text that is not blank."""

Name = Annotated[
    str,
    Like(
        r"[^\s/#\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]{1,63}",
        "a name without spaces, '/' and '#', of at most 63 characters",
    ),
]
"""A name an author gives: of a target, a gate, a definition."""

PathName = Annotated[str, Like(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", "a name of letters, digits, '-' and '_'")]
"""A name that also stands in a URL: of an external node."""

ApprovalCode = Annotated[
    str,
    Like(
        r"[A-Za-z0-9_][A-Za-z0-9._:-]{0,127}",
        "the code of an approval definition, such as 7C468A54-8745-2245-9675-08B7C63E7A85, or null where none exists yet",
    ),
]
"""Feishu's id of a definition. It makes UUIDs in capitals today and says nothing of their form: what can be one is taken."""

ResourceId = Annotated[str, Like(r"[^/\s]{1,100}", "an id without '/' and spaces, such as prod")]
"""The id of something in Bytebase, without its collection: `prod`, not `environments/prod`."""

RoleName = Annotated[str, Like(r"roles/[^/\s]{1,100}", "a role such as roles/projectOwner")]
"""A Bytebase role with its collection."""

Email = Annotated[str, Like(_EMAIL, "an e-mail address")]
"""An e-mail address, roughly."""

Domain = Annotated[str, Like(r"[^@\s/]+", "a mail domain such as acme.example")]
"""What stands behind the @ of an e-mail address."""

Member = Annotated[
    str,
    Like(
        rf"((user|group|serviceAccount|workloadIdentity):{_EMAIL}|allUsers)",
        "a member such as user:bob@acme.example, group:…, serviceAccount:…, workloadIdentity:… or allUsers",
    ),
]
"""A member of a Bytebase role binding."""
