"""Structured logs: one JSON object a line on stderr, with nothing in it that a caller sent."""

import json
import logging
import logging.config
import re
import sys
import traceback
import uuid
from collections.abc import MutableMapping
from datetime import datetime
from functools import lru_cache
from pathlib import PurePath
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, ExcInfo, Processor

CUT = "[redacted]"
MAX_CHARS = 1_000
MAX_TRACE_CHARS = 16_000
MAX_MESSAGE_CHARS = 200
MAX_CHAINED = 5

SECRET_FIELD = re.compile(
    r"(?i)(authorization|cookie|(\w+[-_])?(token|password|secret|key)|texts?|query(_string)?"
    r"|(\w+_)?(vectors?|embeddings?)|body|inputs?|documents?|metadata|filter)"
)
"""Fields that would hold what a caller sent; their numbers are counts and stay."""

SECRETS = re.compile(
    r"emb_\w+"  # an API token
    r"|\beyJ[\w-]{8,}\.[\w.-]+"  # a JSON Web Token
    r"|(?<=[Bb]earer )\S+|(?<=[Bb]asic )\S{8,}"  # an Authorization header
    r"|(?<=\?)[^\s'\"]+"  # a query string
    r"|(?<=://)[^\s/@]+(?=@)"  # user and password of a URL
    r"|(?<=password=)\S+"
)
QUOTED_TEXT = re.compile(r"'[^']*\s[^']*'|\"[^\"]*\s[^\"]*\"")
"""What an exception quotes is an identifier, or else a value with spaces: somebody's text."""


def configure(options: dict[str, str]) -> None:
    """Let the lines of structlog and of the standard library be made alike; `options` is Django's
    LOGGING: `{"level", "format"}`.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(),
            *_rendering(options["format"]),
        ],
        logger_factory=Lines,
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    through_root: dict[str, Any] = {"handlers": [], "propagate": True}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"structured": {"()": make_formatter, "style": options["format"]}},
            "filters": {
                "with_traceback": {"()": lambda: _has_traceback},
                "without_traceback": {"()": lambda: _drop_traceback},
            },
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "structured"},
            },
            "root": {"handlers": ["stderr"], "level": options["level"]},
            "loggers": {
                "django": through_root,
                "django.server": through_root,
                # Our own access log has every answer; this one adds the tracebacks.
                "django.request": {**through_root, "filters": ["with_traceback"]},
                # Any stranger may send any host, and need not fill the log with it.
                "django.security.DisallowedHost": {
                    **through_root,
                    "filters": ["without_traceback"],
                },
                # On DEBUG it would log the parameters of every statement: texts and vectors.
                "django.db.backends": {**through_root, "level": "INFO"},
                # Its line per job repeats ours.
                "procrastinate": {**through_root, "level": "WARNING"},
                "gunicorn.error": through_root,
                # It warns of every HEAD, whose body Django leaves to the server to drop.
                "gunicorn.http.wsgi": {**through_root, "level": "ERROR"},
                "gunicorn.access": {"handlers": [], "propagate": False},
            },
        }
    )
    logging.captureWarnings(True)  # noqa: FBT003 - the standard library takes it so


class Lines:
    """Takes structlog's lines to where the standard library's handlers write, at the level that its
    logger of the same name has. Records for them to render would cost a request 0.1 ms.
    """

    disabled = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.getEffectiveLevel = logging.getLogger(name).getEffectiveLevel

    def write(self, line: str) -> None:
        """Never fails: a log that can't be written must stop nothing."""
        for handler in logging.getLogger().handlers:
            # A handler of a file that was closed has no stream.
            if isinstance(handler, logging.StreamHandler) and handler.stream:
                handler.acquire()
                try:
                    handler.stream.write(line + "\n")
                    handler.flush()
                except (OSError, ValueError):
                    pass
                finally:
                    handler.release()

    debug = info = warning = error = exception = critical = write


def make_formatter(style: str) -> structlog.stdlib.ProcessorFormatter:
    """Renders records of the standard library as structlog renders events, as `json` or
    `console`.
    """
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared_processors(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_rendering(style),
        ],
    )


def _rendering(style: str) -> list[Processor]:
    renderer: Processor = (
        structlog.processors.JSONRenderer(serializer=_dump)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    return [structlog.processors.ExceptionRenderer(format_traceback), redact, renderer]


def _dump(event: Any, **_: Any) -> str:
    try:
        return orjson.dumps(event).decode()
    except TypeError:  # of half a surrogate pair, or an integer of more than 64 bits
        return json.dumps(event, default=str)


def redact(_logger: Any, _method: str, event_dict: EventDict) -> MutableMapping[str, Any]:
    """Let scalars through, scrubbed of secrets, and of everything else only the type."""
    for name, value in event_dict.items():
        if value is None or isinstance(value, bool | int | float):
            continue
        event_dict[name] = CUT if _is_secret(name) else _safe(name, value)
    return event_dict


def format_traceback(exc_info: ExcInfo) -> str:
    """The frames of an exception and of its causes, and of each message what can hold no text.

    PostgreSQL's DETAIL lines quote whole rows, and pydantic's messages the input: only the first
    line of a message stays.
    """
    parts: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(parts) < MAX_CHAINED:
        message = (str(error).splitlines() or [""])[0]
        message = QUOTED_TEXT.sub(f"'{CUT}'", message)[:MAX_MESSAGE_CHARS]
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"{frames}{type(error).__module__}.{type(error).__qualname__}: {message}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\ncaused:\n".join(reversed(parts))


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


@lru_cache(maxsize=1_000)
def _is_secret(name: str) -> bool:
    return SECRET_FIELD.fullmatch(name) is not None


def _safe(name: str, value: Any) -> str:
    if isinstance(value, str):
        if value.isalnum() and len(value) <= MAX_CHARS:
            return value  # most values are one word, for which the pattern is a waste
        return SECRETS.sub(CUT, value[: MAX_TRACE_CHARS if name == "exception" else MAX_CHARS])
    if isinstance(value, uuid.UUID | datetime | PurePath):
        return str(value)
    return f"[{type(value).__name__}]"


def _has_traceback(record: logging.LogRecord) -> bool:
    return bool(record.exc_info)


def _drop_traceback(record: logging.LogRecord) -> bool:
    record.exc_info = None
    return True
