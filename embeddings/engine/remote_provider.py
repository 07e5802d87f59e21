"""One provider behind its URL: its key, retries, circuit breaker, and what a refusal means."""

import email.utils
import logging
import math
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
import structlog
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)
from tenacity.stop import stop_base

from embeddings.breaker import Breaker
from embeddings.engine.remote_http import Answer, HttpClient, Limits, Unreachable, parse_url
from embeddings.exceptions import EngineUnavailable
from embeddings.telemetry import current_request_id

ATTEMPTS = 5
FULL_JITTER = wait_random_exponential(multiplier=0.25, max=8)
"""Before the second attempt up to 0.25 s, and twice as long before each that follows."""

FAILURES = 5
LONGEST_RETRY_AFTER_S = 3600
BUSY = (408, 429)
TOO_MUCH = (413, 422)
"""What too large a request is answered with: the latter by text-embeddings-inference."""

ADVICE = {
    401: "Set the model's api_key in EMBED_MODELS to a valid one.",
    403: "Give the model's api_key in EMBED_MODELS the right to use the model.",
    404: "Check the model's url, which is the API's base, and its remote_name in EMBED_MODELS.",
    405: "Check the model's url in EMBED_MODELS, which is the API's base.",
}
ADVICE_REDIRECT = "Redirects are not followed. Put the final address into the model's url."
ADVICE_REFUSED = "Check the model's protocol, remote_name and prompts in EMBED_MODELS."
ADVICE_BUSY = "Raise the limits at the provider, or ask it for less."
ADVICE_GARBLED = "Check the model's url, protocol and dimensions: something else is answered."
ADVICE_FAILED = "Look into the provider: it is down or broken, or not where url says."

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_breakers: dict[str, Breaker] = {}
_breakers_lock = threading.Lock()

T = TypeVar("T")
log = structlog.stdlib.get_logger("embeddings.engine")


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


class Provider:
    """Whom a model is asked of; `model` is what the log calls it."""

    def __init__(
        self,
        *,
        model: str,
        url: str,
        api_key: str | None = None,
        attempts: int = ATTEMPTS,
        pause_s: float = 5.0,
        longest_pause_s: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        address = parse_url(url)
        self.model = model
        self.origin = address.origin
        self._pause = pause_s
        self._http = HttpClient(address)
        self._headers = {"User-Agent": "embedsite", "Content-Type": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._breaker = _breaker(address.origin, pause_s, longest_pause_s)
        self._retrying = Retrying(
            retry=retry_if_exception_type(Passing),
            wait=_wait,
            stop=stop_after_attempt(attempts) | _OutOfTime(),
            sleep=sleep,
            reraise=True,
        )

    def call(
        self,
        method: str,
        path: str,
        *,
        read: Callable[[Any], T],
        limits: Limits,
        payload: object = None,
    ) -> T:
        """What `read` makes of the JSON that is answered; it raises BadAnswer for what it is not.

        Raises ProviderFailure when time or attempts are used up, and at once where another
        attempt would not help; CallerGone.
        """
        body = None if payload is None else orjson.dumps(payload)
        result: T = self._retrying(self._attempt, method, path, body, read, limits=limits)
        return result

    def unavailable(self, failure: ProviderFailure) -> EngineUnavailable:
        """What the caller is told; the log is told what to do."""
        log.log(
            logging.WARNING if isinstance(failure, Busy) else logging.ERROR,
            "provider_failed",
            model=self.model,
            provider=self.origin,
            reason=failure.reason,
            code=failure.code if isinstance(failure, Refused) else None,
            advice=_advice(failure),
        )
        after = failure.retry_after if failure.retry_after is not None else self._pause
        return EngineUnavailable(retry_after=max(1, math.ceil(after)))

    def close(self) -> None:
        """Close the idle connections."""
        self._http.close()

    def _attempt(
        self,
        method: str,
        path: str,
        body: bytes | None,
        read: Callable[[Any], T],
        *,
        limits: Limits,
    ) -> T:
        if not self._breaker.allows():
            raise ProviderFailure("it keeps failing", retry_after=self._breaker.opens_in())
        headers = self._headers
        if request_id := current_request_id():
            headers = {**headers, "X-Request-Id": request_id}
        try:
            answer = self._http.request(method, path, body=body, headers=headers, limits=limits)
            result = self._judge(answer, read)
        except Unreachable as error:
            self._broke(str(error))
            raise Passing(str(error)) from None
        except BadAnswer as error:
            # One model may be wrongly declared, and the provider's others right.
            self._breaker.succeeded()
            raise Garbled(str(error)) from None
        except ProviderFailure:
            # Busy or not, it answers.
            self._breaker.succeeded()
            raise
        self._breaker.succeeded()
        return result

    def _judge(self, answer: Answer, read: Callable[[Any], T]) -> T:
        """Raises Unreachable, BadAnswer, Busy or Refused."""
        if answer.status == 200:
            try:
                return read(orjson.loads(answer.body))
            except orjson.JSONDecodeError:
                raise BadAnswer("the answer is not JSON") from None
        retry_after = _retry_after(answer)
        if answer.status in BUSY or (answer.status == 503 and retry_after is not None):
            raise Busy(f"status {answer.status}", retry_after=retry_after)
        if answer.status >= 500:
            raise Unreachable(f"status {answer.status}")
        if answer.status < 300:
            raise BadAnswer(f"status {answer.status}")
        raise Refused(answer)

    def _broke(self, reason: str) -> None:
        if self._breaker.failed():
            log.warning("provider_given_a_pause", provider=self.origin, reason=reason)


def provider_pause(url: str) -> float | None:
    """Seconds until this process asks the provider at the URL again, 0 where it does; None where it
    has not asked it yet. Raises ValueError for what is no provider's URL.
    """
    breaker = _breakers.get(parse_url(url).origin)
    if breaker is None:
        return None
    return max(breaker.opens_in(), 0.1) if breaker.is_open else 0.0


def _breaker(origin: str, pause_s: float, longest_pause_s: float) -> Breaker:
    """One for each provider, whichever models are asked of it."""
    with _breakers_lock:
        if origin not in _breakers:
            _breakers[origin] = Breaker(
                failures=FAILURES, pause_s=pause_s, longest_pause_s=longest_pause_s
            )
        return _breakers[origin]


def _wait(state: RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome else None
    asked = failure.retry_after if isinstance(failure, ProviderFailure) else None
    return max(FULL_JITTER(state), asked or 0.0)


class _OutOfTime(stop_base):
    """The wait before the next attempt would end after the deadline."""

    def __call__(self, retry_state: RetryCallState) -> bool:
        limits: Limits = retry_state.kwargs["limits"]
        return time.monotonic() + retry_state.upcoming_sleep >= limits.deadline


def _retry_after(answer: Answer) -> float | None:
    """Seconds, of either spelling that RFC 9110 (10.2.3) allows."""
    value = answer.headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (email.utils.parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER_S) if math.isfinite(seconds) else None


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _advice(failure: ProviderFailure) -> str:
    if isinstance(failure, Busy):
        return ADVICE_BUSY
    if isinstance(failure, Garbled):
        return ADVICE_GARBLED
    if not isinstance(failure, Refused):
        return ADVICE_FAILED
    if failure.status < 400:
        return ADVICE_REDIRECT
    return ADVICE.get(failure.status, ADVICE_REFUSED)
