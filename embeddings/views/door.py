"""The engine's side of its door: local models for the other processes of this service.

Plain WSGI, as each of their requests passes here: it costs a tenth of what Django takes. The door
is a Unix socket that only our own account can open; it lets in who knows its key, and nothing else
is behind it. Whoever asks has checked what it sends, and counts it.
"""

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from accounts.exceptions import Problem
from embeddings.engine.door import REFUSALS, to_base64
from embeddings.services.door import is_admitted
from embeddings.services.engine import get_embedder, get_reranker, loaded_models
from embeddings.telemetry import log, log_context
from embeddings.views.caller import SERVERS_SOCKET, has_hung_up

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Gone = Callable[[], bool]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
STATUS = {200: "200 OK", 401: "401 Unauthorized", 404: "404 Not Found", 500: "500 Internal Error"}


def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """The WSGI application."""
    request_id = environ.get("HTTP_X_REQUEST_ID", "")
    known = request_id if _REQUEST_ID.fullmatch(request_id) else ""
    with log_context(request_id=known):
        status, answer = _answer(environ)
    body = orjson.dumps(answer)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(STATUS[status], headers)
    return [body]


def _answer(environ: "WSGIEnvironment") -> tuple[int, dict[str, Any]]:
    # Read in any case: what is left of it would be taken for the connection's next request.
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    scheme, _, key = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme != "Bearer" or not is_admitted(key):
        log.warning("door_closed")
        return 401, {"code": "invalid_key"}
    verb = VERBS.get(environ["PATH_INFO"])
    if verb is None or environ["REQUEST_METHOD"] != "POST":
        return 404, {"code": "not_found"}
    try:
        return 200, verb(orjson.loads(body), partial(has_hung_up, environ[SERVERS_SOCKET]))
    except Problem as problem:
        if problem.code not in REFUSALS:
            log.info("door_refused", code=problem.code)
            return 500, {"code": problem.code}
        return 200, {"problem": {"code": problem.code, "values": problem.values}}
    except Exception:  # noqa: BLE001  whatever it is, the one who asks must get an answer
        log.exception("door_failed", path=environ["PATH_INFO"])
        return 500, {"code": "internal_error"}


def _embed(asked: dict[str, Any], gone: Gone) -> dict[str, Any]:
    embedder = get_embedder(asked["model"])
    embedded = embedder.embed(
        asked["texts"], input_type=asked["input_type"], truncate=asked["truncate"], gone=gone
    )
    return {
        "fingerprint": embedder.fingerprint,
        "vectors": to_base64(embedded.vectors),
        "tokens": to_base64(embedded.tokens),
        "truncated": to_base64(embedded.truncated),
    }


def _score(asked: dict[str, Any], gone: Gone) -> dict[str, Any]:
    scores = get_reranker(asked["model"]).score(
        asked["query"],
        asked["texts"],
        truncate=asked["truncate"],
        text_tokens=asked["text_tokens"],
        gone=gone,
    )
    return {
        "scores": to_base64(scores.scores),
        "logits": to_base64(scores.logits),
        "tokens": to_base64(scores.tokens),
    }


def _count(asked: dict[str, Any], _gone: Gone) -> dict[str, Any]:
    return {"counts": get_embedder(asked["model"]).count_tokens(asked["texts"])}


def _loaded(asked: dict[str, Any], _gone: Gone) -> dict[str, Any]:
    return {"loaded": sorted(loaded_models(asked["models"]))}


VERBS: dict[str, Callable[[dict[str, Any], Gone], dict[str, Any]]] = {
    "/v1/embed": _embed,
    "/v1/score": _score,
    "/v1/count": _count,
    "/v1/loaded": _loaded,
}
