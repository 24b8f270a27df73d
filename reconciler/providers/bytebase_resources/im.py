"""The IM list (facts §7.1): only its types can be read, and every write replaces the whole."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import BugError, NotFoundError
from reconciler.ports.declarative import Observation, Write, Written
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.settings import ImEntry
from reconciler.resources.base import Resource
from reconciler.resources.im import Im, ImSetting
from reconciler.secret import Secret


class ImReader:
    """Reads the types."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client

    async def observe(self, wanted: Sequence[Resource], *, inventory: bool) -> Observation:
        """The list; undeclared when the spec has none. A setting that was never written is an empty list."""
        try:
            types = await self._client.settings.im_types()
        except NotFoundError:
            types = ()
        found = Im(tuple(ImSetting(type_) for type_ in types))
        if wanted:
            return Observation(live=(found,))
        return Observation(others=(found,) if inventory and types else ())


class ImWriter:
    """Replaces the list."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client

    async def write(self, write: Write) -> Written:
        """Write all entries, each with its secrets."""
        if not isinstance(write.desired, Im):
            raise BugError("the IM list is never deleted", where="bytebase/im")
        entries = []
        for setting in write.desired.settings:
            secrets = {
                path.removeprefix(f"{setting.type}."): secret
                for path, secret in write.secrets.items()
                if path.startswith(f"{setting.type}.")
            }
            fields: dict[str, str | Secret] = {**dict(setting.values), **secrets}
            entries.append(ImEntry(setting.type, tuple(fields.items())))
        await self._client.settings.write_im(entries, verify=write.desired.verify)
        return Written()
