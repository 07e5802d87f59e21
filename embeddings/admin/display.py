"""How values look in the console."""

import json
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html


def pretty_json(value: Any) -> str:
    """The value as escaped, indented JSON."""
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))


def label(text: str, variant: str = "") -> str:
    """The text in a box; `variant`: success, info, warning, danger, or none."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "variant": variant})
