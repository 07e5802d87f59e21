"""Personal data in texts, found and replaced by its kind. Plain Python: imports no Django."""

from embeddings.redaction.redact import Finder, redact_text

__all__ = ["Finder", "redact_text"]
