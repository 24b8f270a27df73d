"""`reconciler sync`: carry approvals between Bytebase and Feishu, until stopped."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import click

from reconciler.cli.connections import environment
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.sync_session import SyncOptions, run_sync
from reconciler.cli.wiring_sync import build_sync
from reconciler.secret import Secret


@click.command("sync", short_help="Carry approvals between Bytebase and Feishu, until stopped.")
@click.option("--once", is_flag=True, help="Look at everything once, finish what that leads to, and end.")
@click.option("--observe", is_flag=True, help="Decide and say what would be done; write nothing anywhere.")
@click.option("--drain", is_flag=True, help="Withdraw every pending request, and end.")
@click.option("--adopt", is_flag=True, help="Look for requests of ours that the store does not know.")
@click.option("--accept-identity", is_flag=True, help="This Bytebase replaces the one known under its identity.")
@click.option("--http-port", type=click.IntRange(0, 65535), default=8377, show_default=True, help="0 = any free one.")
@click.option("--no-http", is_flag=True, help="Serve no page, metrics or callbacks.")
@click.option(
    "--http-host",
    default="127.0.0.1",
    show_default=True,
    envvar="RECONCILER_HTTP_HOST",
    metavar="ADDRESS",
    help="Where to listen; elsewhere than on loopback RECONCILER_HTTP_SECRET is required.",
)
@click.option(
    "--http-name",
    "http_names",
    multiple=True,
    envvar="RECONCILER_HTTP_NAMES",
    metavar="NAME",
    help="A host name under which people open the page; may be repeated.",
)
@click.option("--history-log", metavar="FILE", help="Also append the history to a file, one JSON object a line.")
@common_options()
def command(
    *,
    options: CommonOptions,
    once: bool,
    observe: bool,
    drain: bool,
    adopt: bool,
    accept_identity: bool,
    history_log: str | None,
    no_http: bool,
    http_port: int,
    http_host: str,
    http_names: tuple[str, ...],
) -> int:
    """Mirror approvals: what waits in Bytebase is asked in Feishu, and what is approved there runs here.

    Runs until SIGINT or SIGTERM, which end it with 0 once the passes under way are done. A second one on the same store is
    refused (3). With --format json one line is printed as soon as both upstreams were read.
    """
    if once and drain:
        raise click.UsageError("--once and --drain are two different ends")
    if observe and drain:
        raise click.UsageError("--observe writes nothing, so it cannot drain")
    secret = environment().get("RECONCILER_HTTP_SECRET")
    asked = SyncOptions(
        common=options,
        once=once,
        observe=observe,
        drain=drain,
        adopt=adopt,
        accept_identity=accept_identity,
        history_log=history_log,
        http_port=None if no_http else http_port,
        http_address=http_host,
        http_secret=Secret(secret) if secret else None,
        http_names=frozenset(http_names),
    )
    left = asyncio.run(run_sync(asked, build_sync, on_ready=_teller(options)))
    if left:
        click.echo(f"{left} requests are still pending; run --drain again", err=True)
    return ExitCode.ERROR if left else ExitCode.DONE


def _teller(options: CommonOptions) -> Callable[[str | None], None]:
    def tell(url: str | None) -> None:
        if options.format == "json":
            click.echo(json.dumps({"ready": True, "http": url}))
        else:
            click.echo(f"ready{f': {url}' if url else ''}", err=True)

    return tell
