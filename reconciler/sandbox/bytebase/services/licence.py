"""What a licence permits (facts §6)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.call import DENIED, Call, RpcError

_RANK = {"FREE": 0, "TEAM": 1, "ENTERPRISE": 2}


def need(call: Call, feature: str, plan: str) -> None:
    """Refuse a feature that the workspace's plan lacks: code 7 without details."""
    if _RANK[call.world.licence] < _RANK[plan]:
        raise RpcError(DENIED, f"feature FEATURE_{feature} is a {plan} feature, please upgrade to access it")
