"""A call without an answer says with whom, why and what to do: real causes on real sockets, and no secret among the words."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from reconciler.errors import NotFoundError, ThrottledError, UnavailableError
from reconciler.providers import http as guarded
from reconciler.providers.http import HttpClient, HttpRequest, HttpSettings
from reconciler.providers.http_failure import Limits, Peer, unavailable

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PATIENCE = HttpSettings(connect=0.2, read=0.2)
CANARY = "canary-secret"


@asynccontextmanager
async def listening(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)
    writer.close()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


def answers(text: str) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(text.encode())
        await writer.drain()
        writer.close()

    return serve


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def failure_at(url: str, *, ca_file: str | None = None, upstream: str = "bytebase") -> UnavailableError:
    async with HttpClient(url, upstream=upstream, settings=PATIENCE, ca_file=ca_file) as client:
        with pytest.raises(UnavailableError) as caught:
            await client.send(
                HttpRequest("GET", "/v1/roles", query=[("q", CANARY)], headers={"Authorization": f"Bearer {CANARY}"})
            )
    error = caught.value
    said = f"{error} {error.next_step}"
    assert CANARY not in said
    assert error.next_step
    assert "(GET /v1/roles)" in error.why
    return error


def said_by(error: UnavailableError) -> tuple[str, str]:
    return error.what, error.why.removesuffix(" (GET /v1/roles)")


async def test_a_port_where_nothing_listens() -> None:
    port = closed_port()
    error = await failure_at(f"http://127.0.0.1:{port}")
    assert str(error) == (
        f"127.0.0.1:{port}: Bytebase cannot be reached: connection refused, nothing listens there (GET /v1/roles)"
    )
    assert not error.ambiguous


async def test_a_name_that_nobody_knows_and_the_port_that_the_scheme_implies() -> None:
    error = await failure_at("https://bytebase.invalid", upstream="feishu")
    assert error.where == "bytebase.invalid:443"
    assert said_by(error) == ("Feishu cannot be reached", "its name is not known")


async def test_a_server_that_says_nothing() -> None:
    async with listening(silent) as port:
        error = await failure_at(f"http://127.0.0.1:{port}")
    assert said_by(error) == ("Bytebase did not answer in time", "nothing came for 0.2 s")
    assert error.ambiguous


async def test_a_server_that_never_finishes_the_greeting() -> None:
    async with listening(silent) as port:
        error = await failure_at(f"https://127.0.0.1:{port}")
    assert said_by(error) == ("Bytebase cannot be reached", "no connection within 0.2 s")
    assert not error.ambiguous


async def test_a_connection_that_is_reset() -> None:
    async with listening(resets) as port:
        error = await failure_at(f"http://127.0.0.1:{port}")
    assert said_by(error) == ("the connection to Bytebase broke before the answer came", "connection reset")
    assert error.ambiguous


async def test_a_connection_that_is_closed_without_or_within_an_answer() -> None:
    for serve in (hangs_up, answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")):
        async with listening(serve) as port:
            error = await failure_at(f"http://127.0.0.1:{port}")
        assert said_by(error) == ("the connection to Bytebase broke before the answer came", "it was closed from there")


async def test_something_that_is_no_web_server_and_whose_words_are_not_repeated() -> None:
    async with listening(answers(f"220 {CANARY} ESMTP\r\n\r\n")) as port:
        error = await failure_at(f"http://127.0.0.1:{port}")
    assert said_by(error) == ("Bytebase did not answer as a web server does", "what came is no HTTP")


async def test_a_plain_port_that_is_spoken_to_with_tls() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with listening(rude) as port:
        error = await failure_at(f"https://127.0.0.1:{port}")
    assert said_by(error) == ("Bytebase cannot be reached", "what listens there does not speak TLS")
    assert "plain http" in error.next_step


def certificate(folder: Path, *, name: str, days: int = 5) -> tuple[ssl.SSLContext, str]:
    """A server's context with a certificate that only itself vouches for, and that certificate as a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    until = datetime.now(UTC) + timedelta(days=days)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=30))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    public = folder / f"{name}.pem"
    public.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = folder / f"{name}.key"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, str(public)


async def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path, name="localhost")
    async with listening(silent, context) as port:
        error = await failure_at(f"https://localhost:{port}")
        of_feishu = await failure_at(f"https://localhost:{port}", upstream="feishu")
    assert said_by(error) == ("the certificate of Bytebase is not trusted", "self-signed certificate")
    assert "spec.bytebase.tls.ca" in error.next_step
    assert "SSL_CERT_FILE" in of_feishu.next_step


@pytest.mark.parametrize(
    ("name", "days", "why", "step"),
    [("other.example", 5, "not valid for 'localhost'", "use the name"), ("localhost", -5, "expired", "renew")],
)
async def test_a_certificate_for_another_name_or_time(
    tmp_path: Path, name: str, days: int, why: str, step: str
) -> None:
    context, public = certificate(tmp_path, name=name, days=days)
    async with listening(silent, context) as port:
        error = await failure_at(f"https://localhost:{port}", ca_file=public)
    assert why in error.why
    assert error.next_step.startswith(step)


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat this machine as another one, so that a proxy is used."""
    monkeypatch.setattr(guarded, "is_loopback", lambda host: False)


@pytest.mark.usefixtures("remote")
async def test_a_proxy_is_named_without_its_user_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    port = closed_port()
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{CANARY}@127.0.0.1:{port}/?x={CANARY}")
    error = await failure_at("https://bytebase.invalid")
    assert error.where == f"bytebase.invalid:443 through the proxy 127.0.0.1:{port}"
    assert said_by(error) == (
        "the proxy to Bytebase cannot be reached",
        "connection refused, nothing listens there",
    )
    assert "HTTPS_PROXY" in error.next_step


@pytest.mark.usefixtures("remote")
@pytest.mark.parametrize(("status", "why"), [("407 Proxy", "wants a user"), (f"403 {CANARY}", "it answered 403")])
async def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch, status: str, why: str) -> None:
    async with listening(answers(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        error = await failure_at("https://bytebase.invalid")
    assert error.what == "the proxy did not let the call through"
    assert why in error.why


def test_a_host_that_the_proxy_is_not_for_is_named_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "acme.example")
    inside, outside = (
        Peer.of(httpx.URL(f"https://{host}"), upstream="bytebase", through_proxy=True)
        for host in ("bb.acme.example", "bb.other.example")
    )
    assert str(inside) == "bb.acme.example:443"
    assert str(outside) == "bb.other.example:443 through the proxy proxy.example:3128"


EVERY = sorted(
    {
        each
        for each in vars(httpx).values()
        if isinstance(each, type) and issubclass(each, httpx.TransportError | httpx.DecodingError)
    },
    key=lambda each: each.__name__,
)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_every_failure_of_the_client_has_a_reason_and_a_next_step_and_repeats_no_text(
    kind: type[httpx.HTTPError],
) -> None:
    peer = Peer("Bytebase", "bb.example:443")
    error = unavailable(kind(CANARY), peer, doing="GET /x", limits=Limits(10, 30))
    assert error.what
    assert error.why.removesuffix(" (GET /x)")
    assert error.next_step
    assert CANARY not in f"{error} {error.next_step}"


async def test_an_error_of_an_answer_names_the_call_and_the_host_and_a_missing_thing_only_itself() -> None:
    request = HttpRequest("GET", "/v1/roles", query=[("q", CANARY)])
    async with HttpClient("http://127.0.0.1:7001", upstream="bytebase") as client:
        down = client.placed(UnavailableError("Bytebase failed to list the roles", why="internal"), request)
        busy = client.placed(ThrottledError("Bytebase asks to slow down"), request)
        absent = client.placed(NotFoundError("not found in Bytebase", where="projects/x"), request)
    assert str(down) == "Bytebase failed to list the roles: internal (GET /v1/roles at 127.0.0.1:7001)"
    assert str(busy) == "Bytebase asks to slow down: (GET /v1/roles at 127.0.0.1:7001)"
    assert str(absent) == "projects/x: not found in Bytebase"
