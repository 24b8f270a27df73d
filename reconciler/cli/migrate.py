"""`reconciler migrate`: bring the store's schema up to date."""

from __future__ import annotations

import asyncio

import click

from reconciler.adapters.store import migrate
from reconciler.adapters.store_url import StoreUrl
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import FORMAT_VERSION, write_documents


@click.command("migrate", short_help="Bring the store's schema up to date.")
@common_options()
def command(*, options: CommonOptions) -> None:
    """Create or update the tables of the store named by --store.

    Needed for PostgreSQL, whose schema nothing else changes; an SQLite file is brought up to date by whoever writes to it.
    """
    before, after = asyncio.run(migrate(options.store))
    shown = StoreUrl.parse(options.store).shown
    document = {"formatVersion": FORMAT_VERSION, "target": None, "store": shown, "before": before, "after": after}
    said = "was up to date" if before == after else f"was {before or 'empty'}"
    write_documents(options, [document], text=f"{shown}: schema {after} ({said})")
