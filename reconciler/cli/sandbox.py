"""`reconciler sandbox`: serve both stand-ins and the page until asked to stop."""

from __future__ import annotations

import asyncio
import json
import math
import signal
from pathlib import Path

import click

from reconciler.errors import SpecError
from reconciler.sandbox.seed import Seed, demo_seed, load_seed
from reconciler.sandbox.server import Sandbox

_MAX_SEED = 4 * 1024 * 1024


def _scale(_context: click.Context, _option: click.Parameter, value: float) -> float:
    if not math.isfinite(value) or value <= 0:
        raise click.BadParameter("a number above zero is needed")
    return value


_PORT = click.IntRange(0, 65535)


@click.command("sandbox", short_help="Serve stand-ins of Bytebase and Feishu, and a page to act in.")
@click.option("--seed", "seed_file", metavar="FILE", help="The world to begin with; without it, the demo's.")
@click.option("--bytebase-port", type=_PORT, default=0, help="Port of the Bytebase stand-in; 0 = any free one.")
@click.option("--feishu-port", type=_PORT, default=0, help="Port of the Feishu stand-in; 0 = any free one.")
@click.option("--page-port", type=_PORT, default=0, help="Port of the page; 0 = any free one.")
@click.option(
    "--time-scale",
    type=float,
    default=1.0,
    metavar="X",
    callback=_scale,
    help="Divide the stand-ins' own delays by X; token lives and rate windows stay real.",
)
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", help="Of the line when ready.")
@click.option("-v", "--verbose", count=True, expose_value=False, help="Show where an internal error arose.")
@click.option("--no-color", is_flag=True, expose_value=False, help="Plain text; it is plain in any case.")
def command(
    *,
    seed_file: str | None,
    bytebase_port: int,
    feishu_port: int,
    page_port: int,
    time_scale: float,
    output: str,
) -> None:
    """Serve faithful stand-ins of Bytebase and Feishu on 127.0.0.1, and a page where you act as any of their people.

    Everything is in memory: stop it with Ctrl-C and the world is gone. Faults are asked for by POST /sandbox/faults on
    the page's port, and GET /sandbox/requests is the log of what reached the stand-ins.
    """
    sandbox = Sandbox(
        _read_seed(seed_file),
        time_scale=time_scale,
        bytebase_port=bytebase_port,
        feishu_port=feishu_port,
        page_port=page_port,
    )
    asyncio.run(_serve(sandbox, output))


async def _serve(sandbox: Sandbox, output: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with sandbox:
        click.echo(_ready(sandbox, output))
        await stop.wait()


def _ready(sandbox: Sandbox, output: str) -> str:
    urls = {"bytebase": sandbox.bytebase_url, "feishu": sandbox.feishu_url, "page": sandbox.page_url}
    if output == "json":
        return json.dumps(urls)
    lines = [f"{name:<9} {url}" for name, url in urls.items()]
    return "\n".join(["The sandbox is ready; Ctrl-C ends it.", *lines])


def _read_seed(name: str | None) -> Seed:
    if name is None:
        return demo_seed()
    try:
        content = Path(name).read_bytes()
        text = content.decode("utf-8")
    except OSError as error:
        raise SpecError(
            "the seed cannot be read", where=name, why=error.strerror or str(error), next_step="name a readable file"
        ) from error
    except UnicodeDecodeError as error:
        raise SpecError("the seed is not UTF-8 text", where=name, next_step="save the file as UTF-8") from error
    if len(content) > _MAX_SEED:
        raise SpecError("the seed is over 4 MiB", where=name, next_step="shorten the file")
    return load_seed(text, name)
