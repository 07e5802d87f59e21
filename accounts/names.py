"""What users and teams may be called, so that each has an address in the API."""

import re

from django.core.exceptions import ValidationError

MAX_NAME_CHARS = 150
NAME_PATTERN = r"(?!\.{1,2}\Z)[\w.@+-]{1,150}\Z"
"""Without slashes; `.` and `..` are steps of a path."""

WHAT_A_NAME_IS = "A name has 1 to 150 letters, digits, _, ., @, + and -, and is not . or .. alone."


def is_name(text: str) -> bool:
    """Whether it is one; anything else is not asked of the database."""
    return re.match(NAME_PATTERN, text) is not None


def validate_name(text: str) -> None:
    """For forms. Raises Django's ValidationError."""
    if not is_name(text):
        raise ValidationError(WHAT_A_NAME_IS, code="invalid")
