"""How one external node is reached."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.secret import Secret
from reconciler.subjects.instance import Dialect


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """One node: `endpoint` has no trailing slash, `header` and `value` authenticate us ('' for none).

    `resends`: whether a question may be asked again when the answer to asking was lost; v1 always may, by its key.
    """

    name: str
    endpoint: str
    dialect: Dialect
    header: str = ""
    value: Secret | None = field(default=None, repr=False)
    resends: bool = False
