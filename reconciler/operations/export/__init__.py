"""A live installation -> a spec whose plan is empty."""

from reconciler.operations.export.document import document_of, export
from reconciler.operations.export.exported import Exported, Found

__all__ = ["Exported", "Found", "document_of", "export"]
