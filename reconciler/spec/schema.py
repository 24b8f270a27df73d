"""The JSON Schema of a spec document: what editors check against, and by which errors are located."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from reconciler.spec.models.integration import Integration
from reconciler.spec.models.scalars import format_duration

SCHEMA_FILE = "spec.schema.json"
"""The name under which the schema is published."""


class _Generator(GenerateJsonSchema):
    """Writes default durations the way authors do, and no titles that only repeat a field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's own signature
        return False

    def encode_default(self, dft: Any) -> Any:
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


@cache
def spec_schema() -> dict[str, Any]:
    """The schema of one document, as a JSON value that callers must not change."""
    schema = Integration.model_json_schema(by_alias=True, schema_generator=_Generator)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "reconciler/v1: printed by 'reconciler schema'",
        **schema,
    }
