"""What is known about the two upstreams of a target besides its resources: version, licence, workspace, our account."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UpstreamFacts:
    """Facts of one target. `workspace` is empty before Bytebase 3.18; `account` is the member we call as (`serviceAccount:…`)."""

    version: str
    licence: str
    workspace: str
    account: str
    external_url: str = ""

    @property
    def has_custom_approval(self) -> bool:
        """Whether approval rules and custom roles can be written."""
        return self.licence == "ENTERPRISE"

    @property
    def release(self) -> tuple[int, int] | None:
        """Major and minor version; None for a development build."""
        parts = self.version.lstrip("v").split(".")
        if len(parts) < 2 or not (parts[0].isdigit() and parts[1].isdigit()):
            return None
        return int(parts[0]), int(parts[1])
