"""A spec's target and the workspace found there -> what a plan is for. The identity is part of every key."""

from __future__ import annotations

from urllib.parse import urlsplit

from reconciler.ids import last_segment
from reconciler.plan.change import BytebaseTarget, FeishuTarget, Target
from reconciler.spec.models.feishu import PlatformHosts
from reconciler.spec.target import Target as SpecTarget


def identity_of(target: SpecTarget, workspace: str) -> str:
    """The label of this Bytebase: as declared, else host and workspace id, else (before 3.18) the host alone."""
    bytebase = target.spec.bytebase
    if bytebase.identity is not None:
        return bytebase.identity
    host = urlsplit(bytebase.url).netloc.lower()
    return f"{host}/{last_segment(workspace)}" if workspace else host


def plan_target(target: SpecTarget, workspace: str) -> Target:
    """The target as it stands in every document."""
    feishu = target.spec.feishu
    bytebase = BytebaseTarget(target.spec.bytebase.url, identity_of(target, workspace), workspace)
    if feishu is None or feishu.app is None:
        return Target(target.name, bytebase)
    platform = feishu.platform
    name = platform.open_api if isinstance(platform, PlatformHosts) else platform
    return Target(target.name, bytebase, FeishuTarget(name, feishu.app.id))
