"""The document itself: one integration, which is one target."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reconciler.spec.models.base import SpecModel
from reconciler.spec.models.bytebase import Bytebase
from reconciler.spec.models.feishu import Feishu
from reconciler.spec.models.gates import Gate
from reconciler.spec.models.nodes import ExternalNode
from reconciler.spec.models.policies import Notify, Protect
from reconciler.spec.models.scalars import Name
from reconciler.spec.models.users import Users


class Metadata(SpecModel):
    """The target's name: part of every idempotency key and of each definition's mark."""

    name: Name


class Spec(SpecModel):
    """What is declared for one Bytebase and one Feishu."""

    bytebase: Bytebase
    feishu: Feishu | None = None
    users: Users = Users()
    external_nodes: tuple[ExternalNode, ...] = ()
    gates: Annotated[tuple[Gate, ...], Field(max_length=500)] = ()
    notify: tuple[Notify, ...] = ()
    protect: Protect = Protect()


class Integration(SpecModel):
    """One document of a spec file."""

    api_version: Literal["reconciler/v1"]
    kind: Literal["Integration"]
    metadata: Metadata
    spec: Spec
