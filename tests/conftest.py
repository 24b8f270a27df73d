"""Every test runs without network beyond this machine, and in an environment that says nothing."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A loaded machine is no reason to fail: no example has a deadline, and slow data is no error.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

_KEPT = {"PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"}
_LOCAL = {"localhost", "testserver", "", None}


def _is_local(host: object) -> bool:
    text = host.decode() if isinstance(host, bytes) else host
    if text in _LOCAL:
        return True
    try:
        address = ip_address(str(text))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def guarded(original):
        def connect(self, address):
            if self.family != socket.AF_UNIX and not _is_local(address[0]):
                raise ConnectionRefusedError(f"tests do not connect to {address[0]}")
            return original(self, address)

        return connect

    resolve = socket.getaddrinfo

    def getaddrinfo(host, *args, **kwargs):
        if not _is_local(host):
            raise socket.gaierror(socket.EAI_NONAME, "tests do not resolve names")
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in set(os.environ) - _KEPT:
        if not name.startswith(("PYTEST_", "COV_", "HYPOTHESIS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(_home(tmp_path_factory)))


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A command sets up the program's log for its process; the next test begins without that."""
    logger = logging.getLogger("reconciler")
    before = logger.level, logger.propagate, list(logger.handlers)
    yield
    logger.setLevel(before[0])
    logger.propagate = before[1]
    logger.handlers = before[2]


def _home(factory: pytest.TempPathFactory) -> Path:
    home = factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    return home
