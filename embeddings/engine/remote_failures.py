"""How a provider fails us, whose fault that is, and what its operator can do."""

import re
from typing import Any

import orjson

from embeddings.engine.remote_http import Answer

BUSY = (408, 429)
TOO_MUCH = (413, 422)
"""What too large a request is answered with: the latter by text-embeddings-inference."""

OF_INPUT = (400, *TOO_MUCH)
OF_OPERATOR = frozenset(
    {"invalid_api_key", "malformed", "model_not_found", "unknown_model", "wrong_model_kind"}
)
"""Codes of OpenAI's and of this service that come with 400 and say nothing against the texts;
`malformed` is a host that is not allowed."""

ADVICE = {
    401: "Set the model's api_key in EMBED_MODELS to a valid one.",
    403: "Give the model's api_key in EMBED_MODELS the right to use the model.",
    404: "Check the model's url, which is the API's base, and its remote_name in EMBED_MODELS.",
    405: "Check the model's url in EMBED_MODELS, which is the API's base.",
    503: "Look into the log of the instance that is asked: it can't use the model itself.",
}
ADVICE_REDIRECT = "Redirects are not followed. Put the final address into the model's url."
ADVICE_REFUSED = "Check the model's protocol, remote_name and prompts in EMBED_MODELS."
ADVICE_INPUT = f"If that happens to every text: {ADVICE_REFUSED}"
ADVICE_BUSY = "Raise the limits at the provider, or ask it for less."
ADVICE_GARBLED = "Check the model's url, protocol and dimensions: something else is answered."
ADVICE_FAILED = "Look into the provider: it is down or broken, or not where url says."

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class BadAnswer(ValueError):
    """The answer is not what was asked for; the message says how, without repeating it."""


class ProviderFailure(Exception):
    """The provider gave no usable answer."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(reason)


class Passing(ProviderFailure):
    """The next attempt may succeed."""


class Garbled(Passing):
    """An answer came, but none that can be used."""


class Busy(Passing):
    """The provider is there, and has too much to do or to give us."""


class Refused(ProviderFailure):
    """The provider does not take the request, and would not the next time."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"status {answer.status}")
        self.status = answer.status
        self.body = _json_object(answer.body)

    @property
    def is_of_input(self) -> bool:
        """Whether it may take other texts; else only its operator or ours can help."""
        return self.status in OF_INPUT and self.code not in OF_OPERATOR

    @property
    def code(self) -> str | None:
        """The provider's own word for the refusal, where it has one that is safe to log."""
        error = self.body.get("error")
        code = error.get("code") or error.get("type") if isinstance(error, dict) else None
        code = code or self.body.get("code") or self.body.get("error_type")
        return code if isinstance(code, str) and _CODE.fullmatch(code) else None

    @property
    def message(self) -> str:
        """The provider's own words, which may repeat the texts: neither to log nor to pass on."""
        error = self.body.get("error")
        error = error.get("message") if isinstance(error, dict) else error
        found = error or self.body.get("detail") or self.body.get("message")
        return found if isinstance(found, str) else ""


def advice(failure: ProviderFailure) -> str:
    """For the log."""
    if isinstance(failure, Busy):
        return ADVICE_BUSY
    if isinstance(failure, Garbled):
        return ADVICE_GARBLED
    if not isinstance(failure, Refused):
        return ADVICE_FAILED
    if failure.is_of_input:
        return ADVICE_INPUT
    if failure.status < 400:
        return ADVICE_REDIRECT
    return ADVICE.get(failure.status, ADVICE_REFUSED)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
