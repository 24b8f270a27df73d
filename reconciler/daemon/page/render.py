"""Renders the page and its live part; everything foreign is escaped by the template engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from reconciler.daemon.page.view import TargetView


def render_page(targets: Sequence[TargetView], *, reasons: Sequence[str], nonce: str) -> str:
    """The whole page. `nonce` permits its own style and script and no others."""
    return _environment().get_template("page.html").render(targets=targets, reasons=reasons, nonce=nonce)


def render_live_part(targets: Sequence[TargetView], *, reasons: Sequence[str]) -> str:
    """The part that is sent again whenever something changed."""
    return _environment().get_template("live.html").render(targets=targets, reasons=reasons)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reconciler.daemon.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = _moment
    return environment


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
