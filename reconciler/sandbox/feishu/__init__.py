"""A Feishu tenant in memory that the official SDK cannot tell from the real one."""

from __future__ import annotations

from reconciler.sandbox.feishu.actions import Actions, InstanceView, TaskView
from reconciler.sandbox.feishu.standin import FeishuStandIn

__all__ = ["Actions", "FeishuStandIn", "InstanceView", "TaskView"]
