"""Which statements fail in the Bytebase stand-in's databases: what a person breaks and mends where no API reaches."""

from __future__ import annotations

from reconciler.sandbox.bytebase import BytebaseStandIn
from reconciler.sandbox.page.upstream import UpstreamSaysNoError
from reconciler.sandbox.seed import SeedFailingStatement


class Databases:
    """The failing statements of one stand-in; the seed it was built from stays as it is."""

    def __init__(self, stand_in: BytebaseStandIn) -> None:
        self._world = stand_in.world

    def failing(self) -> list[str]:
        """The texts whose presence in a task's SQL makes it fail."""
        return [item.contains for item in self._world.seed.failing_statements]

    def fail(self, contains: str) -> None:
        """Let SQL with this text fail from now on."""
        if not contains:
            raise UpstreamSaysNoError("say which text makes a statement fail", status=400, code=None)
        detail = f"ERROR: {contains} is broken on purpose (SQLSTATE XX000)"
        added = SeedFailingStatement(contains=contains, detail=detail)
        self._replace([*self._others(contains), added])

    def mend(self, contains: str) -> None:
        """Let SQL with this text succeed again."""
        self._replace(self._others(contains))

    def _others(self, contains: str) -> list[SeedFailingStatement]:
        return [item for item in self._world.seed.failing_statements if item.contains != contains]

    def _replace(self, statements: list[SeedFailingStatement]) -> None:
        self._world.seed = self._world.seed.model_copy(update={"failing_statements": statements})
