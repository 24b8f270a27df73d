"""What a node answers. Relay: `id` and `status`, whatever else it sends; v1 also who decided, why, and what was shown to him."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator

_SEGMENT = re.compile(r"[^\s/\\?#]{1,200}")


def _segment(text: str) -> str:
    """An id goes into the path of later calls and before people's eyes, so it must be one plain segment of a path."""
    if not _SEGMENT.fullmatch(text) or not text.isprintable() or text in (".", ".."):
        raise ValueError("not an id")
    return text


def _word(value: object) -> object:
    """A status that is no text is one more word for "nobody has decided yet" (facts R-06)."""
    return value if isinstance(value, str) else ""


ApprovalId = Annotated[str, AfterValidator(_segment)]
"""A node's own id of an approval."""


class RelayApproval(BaseModel):
    """An approval as the old protocol tells it; nothing else that a relay sends is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: ApprovalId
    status: Annotated[str, BeforeValidator(_word)] = ""


class V1Approval(RelayApproval):
    """An approval as v1 tells it; a field that is null is absent."""

    actor: str = ""
    reason: str = ""
    digest: str = ""

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: object) -> object:
        return {name: held for name, held in value.items() if held is not None} if isinstance(value, dict) else value
