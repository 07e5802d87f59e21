"""How values look in the console."""

import json
from typing import Any

from django.utils.html import format_html


def pretty_json(value: Any) -> str:
    """The value as escaped, indented JSON."""
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))
