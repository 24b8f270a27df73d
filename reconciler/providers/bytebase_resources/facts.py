"""What Bytebase a target is."""

from __future__ import annotations

from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.connection import WorkloadIdentity
from reconciler.resources.facts import UpstreamFacts


class BytebaseFacts:
    """Reads version, workspace and licence."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client

    async def facts(self) -> UpstreamFacts:
        """Version, licence, workspace and our account. RefusedError for a version that is too old."""
        server = await self._client.server()
        is_identity = isinstance(self._client.connection.credentials, WorkloadIdentity)
        prefix = "workloadIdentity" if is_identity else "serviceAccount"
        return UpstreamFacts(
            version=server.dialect.version,
            licence=server.plan,
            workspace=server.workspace,
            account=f"{prefix}:{self._client.email}",
            external_url=server.external_url,
        )
