"""One provider behind its URL: its key, retries, circuit breaker, and what a refusal means."""

import email.utils
import logging
import math
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
from embeddings.engine.remote_failures import (
    BUSY,
    BadAnswer,
    Busy,
    Garbled,
    Passing,
    ProviderFailure,
    Refused,
    advice,
)
from embeddings.engine.remote_http import Answer, HttpClient, Limits, Unreachable, parse_url
from embeddings.exceptions import EngineUnavailable, ModelUnusable
from embeddings.exceptions_remote import InputRefused
from embeddings.telemetry import current_request_id

ATTEMPTS = 5
FULL_JITTER = wait_random_exponential(multiplier=0.25, max=8)
"""Before the second attempt up to 0.25 s, and twice as long before each that follows."""

FAILURES = 5
LONGEST_RETRY_AFTER_S = 3600
REFUSES_US = "its provider refuses us; the service's log says why."
_breakers: dict[str, Breaker] = {}
_breakers_lock = threading.Lock()

T = TypeVar("T")
log = structlog.stdlib.get_logger("embeddings.engine")


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

    def answers(self, path: str, *, limits: Limits, payload: object) -> bool:
        """Whether anything comes back of a POST; it is neither tried again nor counted."""
        try:
            self._http.request(
                "POST", path, body=orjson.dumps(payload), headers=self._headers, limits=limits
            )
        except Unreachable:
            return False
        return True

    def told(self, failure: ProviderFailure) -> InputRefused | EngineUnavailable:
        """What the caller is told whose texts these were; the log is told what to do."""
        if isinstance(failure, Refused) and failure.is_of_input:
            self._log(failure, logging.WARNING)
            return InputRefused(model=self.model, status=failure.status)
        return self.unavailable(failure)

    def unavailable(self, failure: ProviderFailure, *, quiet: bool = False) -> EngineUnavailable:
        """The same where the texts can't be at fault; `quiet` where the log knows already."""
        if not quiet:
            self._log(failure, logging.WARNING if isinstance(failure, Busy) else logging.ERROR)
        if isinstance(failure, Refused):
            return ModelUnusable(model=self.model, reason=REFUSES_US)
        after = failure.retry_after if failure.retry_after is not None else self._pause
        return EngineUnavailable(retry_after=max(1, math.ceil(after)))

    def close(self) -> None:
        """Close the idle connections."""
        self._http.close()

    def _log(self, failure: ProviderFailure, level: int) -> None:
        log.log(
            level,
            "provider_failed",
            model=self.model,
            provider=self.origin,
            reason=failure.reason,
            code=failure.code if isinstance(failure, Refused) else None,
            advice=advice(failure),
        )

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
        if answer.status < 300:
            raise BadAnswer(f"status {answer.status}")
        refused = Refused(answer)
        # An instance of this service that can't use the model itself is there all the same.
        if answer.status >= 500 and refused.code != ModelUnusable.code:
            raise Unreachable(f"status {answer.status}")
        raise refused

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
