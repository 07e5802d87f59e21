"""What tests of API tokens make and ask, and a clock that they set."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.exceptions import InvalidToken
from accounts.models import ApiToken, User
from accounts.services import verified_tokens
from accounts.services.tokens import create_api_token
from accounts.services.verified_tokens import verify_api_token
from tests.factories import make_user


class Clock:
    """Stands for the process's own, as far as verified tokens go by it; the wall clock stands still
    meanwhile.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, wall = 100.0, timezone.now()
        monkeypatch.setattr(timezone, "now", lambda: wall)
        monkeypatch.setattr(verified_tokens, "monotonic", self)

    def __call__(self) -> float:
        return self.now


def made(user: User | None = None, **options: Any) -> tuple[ApiToken, str]:
    return create_api_token(user=user or make_user(), name="test", **options)


def refused(plaintext: str, address: str = "") -> bool:
    try:
        verify_api_token(plaintext, address=address)
    except InvalidToken:
        return True
    return False
