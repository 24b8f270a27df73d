"""`reconciler demo`: play the product's main job against stand-ins on this machine, and prove each step."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import click

from reconciler.cli.demo_people import DemoPeople
from reconciler.cli.demo_stage import DemoStage, StepFailedError
from reconciler.cli.demo_story import tell_story
from reconciler.cli.exit_codes import ExitCode
from reconciler.sandbox.seed import demo_seed
from reconciler.sandbox.server import Sandbox

TIME_SCALE = 10.0
"""The stand-ins' own delays are divided by this, so that the story takes seconds."""


@click.command("demo", short_help="Play the main job against stand-ins on this machine.")
@click.option("--keep", metavar="FOLDER", help="Keep the spec, the store and the log of the story in this folder.")
@click.option("--no-color", is_flag=True, help="Write without colours.")
def command(*, keep: str | None, no_color: bool) -> int:
    """Start stand-ins of Bytebase and Feishu and play: plan, apply, a change, a request, an approval, the stage runs.

    Every step is checked on the stand-ins themselves; one that did not truly happen ends the story with exit code 1.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="reconciler-demo-") as folder:
        place = Path(keep) if keep is not None else Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        try:
            asyncio.run(_play(place, color=not no_color))
        except StepFailedError as failed:
            click.echo(f"\nThis step did not happen: {failed}", err=True)
            return ExitCode.ERROR
    click.echo(f"\nAll of this really happened, in {time.monotonic() - started:.0f} s.")
    click.echo("Next: `reconciler sandbox` to act yourself, `reconciler init` to write your own spec.")
    return ExitCode.DONE


async def _play(place: Path, *, color: bool) -> None:
    async with Sandbox(demo_seed(), time_scale=TIME_SCALE) as sandbox:
        stage = DemoStage(place, bytebase=sandbox.bytebase_url, feishu=sandbox.feishu_url, color=color)
        async with DemoPeople(bytebase=sandbox.bytebase_url, feishu=sandbox.feishu_url) as people:
            await tell_story(stage, people)
