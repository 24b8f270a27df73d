"""External approval nodes: office systems of a company's own that decide."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from reconciler.spec.models.base import SpecModel
from reconciler.spec.models.references import SecretRef
from reconciler.spec.models.scalars import BaseUrl, Interval, Like, PathName


class NodeAuth(SpecModel):
    """The header by which the node knows us."""

    header: Annotated[str, Like(r"[!#$%&'*+.^_`|~A-Za-z0-9-]+", "the name of an HTTP header")]
    value: SecretRef


class NodeCallback(SpecModel):
    """The key with which the node signs its callbacks."""

    secret: SecretRef


class ExternalNode(SpecModel):
    """One office system: `relay` is the protocol of Bytebase 2.4 to 3.3, `v1` our own."""

    name: PathName
    endpoint: BaseUrl
    dialect: Literal["relay", "v1"]
    auth: NodeAuth | None = None
    poll: Interval = timedelta(seconds=15)
    resend_lost: Literal["hold", "resend"] = "hold"
    callback: NodeCallback | None = None
