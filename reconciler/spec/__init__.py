"""The spec: what people write, read with every place in the file, checked, immutable."""

from reconciler.spec.diagnostics import Diagnostic, InvalidSpecError
from reconciler.spec.models.integration import Integration, Spec
from reconciler.spec.parse import ParsedSpecs, parse_documents
from reconciler.spec.source import SpecText
from reconciler.spec.target import Target

__all__ = [
    "Diagnostic",
    "Integration",
    "InvalidSpecError",
    "ParsedSpecs",
    "Spec",
    "SpecText",
    "Target",
    "parse_documents",
]
