"""Logs are one JSON object a line, and hold nothing that a caller sent."""

import logging
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psycopg
import pytest
import structlog
from django.core.exceptions import DisallowedHost

from embedsite.logging import format_traceback, make_formatter
from tests.log_capture import LogCapture, capture_logs

CANARY = "canary in a coal mine"
TOKEN = "emb_AAAAAAAAAAAA_" + "B" * 40 + "01234567"


def logged(emit: Callable[[], object], *, level: int = logging.INFO) -> LogCapture:
    with capture_logs(level=level) as capture:
        emit()
    return capture


def test_it_works() -> None:
    log = structlog.stdlib.get_logger("embeddings")

    capture = logged(lambda: log.info("search", collection="demo", took_ms=1.5))

    (line,) = capture.lines
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "search",
        "collection": "demo",
        "took_ms": 1.5,
        "level": "info",
        "logger": "embeddings",
    }


def test_the_standard_library_takes_the_same_way() -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        capture = logged(lambda: logging.getLogger("gunicorn.error").info("booted %s\nwell", "7"))

    (line,) = capture.lines
    assert line["event"] == "booted 7\nwell"
    assert (line["level"], line["logger"], line["request_id"]) == ("info", "gunicorn.error", "r-1")


def test_a_line_that_can_not_be_written_stops_nothing() -> None:
    log = structlog.stdlib.get_logger("embeddings")

    with capture_logs() as capture:
        capture.stream.close()
        log.error("event")


def test_a_file_that_was_closed_stops_nothing(tmp_path: Path) -> None:
    handler = logging.FileHandler(tmp_path / "log")
    logging.getLogger().addHandler(handler)
    handler.close()
    try:
        with capture_logs() as capture:
            structlog.stdlib.get_logger("embeddings").error("event")
    finally:
        logging.getLogger().removeHandler(handler)
    assert [line["event"] for line in capture.lines] == ["event"]


def test_a_value_that_json_does_not_have_stops_nothing() -> None:
    log = structlog.stdlib.get_logger("embeddings")

    with capture_logs() as capture:
        log.error("event", kind="\ud800", count=2**70)

    (line,) = capture.lines
    assert (line["kind"], line["count"]) == ("\ud800", 2**70)


@pytest.mark.parametrize(
    "fields",
    [
        {"text": CANARY},
        {"texts": [CANARY]},
        {"query": CANARY},
        {"query_string": f"q={CANARY}"},
        {"authorization": CANARY},
        {"Authorization": CANARY},
        {"api_key": CANARY},
        {"secret-key": CANARY},
        {"new_password": CANARY},
        {"token": CANARY},
        {"cookie": CANARY},
        {"metadata": {"note": CANARY}},
        {"anything": {"note": CANARY}},
        {"anything": [CANARY]},
        {"anything": CANARY.encode()},
        {"url": f"https://example.org/search?q={CANARY.replace(' ', '+')}"},
        {"url": "postgresql://user:canary@host/name"},
        {"conninfo": "host=h password=canary dbname=d"},
        {"header": "Bearer canary"},
        {"header": "Basic Y2FuYXJ5OmNhbmFyeQ=="},
        {"anything": TOKEN},
    ],
)
def test_a_field_gives_no_secret_away(fields: dict[str, object]) -> None:
    log = structlog.stdlib.get_logger("embeddings")

    capture = logged(lambda: log.info("event", **fields))

    assert len(capture.lines) == 1
    for secret in ("canary", "Y2FuYXJ5", TOKEN[:30], "B" * 20):
        assert secret not in capture.raw


def test_a_vector_is_not_logged() -> None:
    log = structlog.stdlib.get_logger("embeddings")

    capture = logged(lambda: log.info("event", vector=[0.125], rows=np.ones(3), embedding=[0.125]))

    (line,) = capture.lines
    assert line["rows"] == "[ndarray]"
    assert "0.125" not in capture.raw


def test_counts_and_ids_stay() -> None:
    log = structlog.stdlib.get_logger("embeddings")
    job = uuid.uuid4()

    capture = logged(lambda: log.info("embed", texts=3, tokens=42, documents=7, job_id=job))

    (line,) = capture.lines
    assert (line["texts"], line["tokens"], line["documents"]) == (3, 42, 7)
    assert line["job_id"] == str(job)


@pytest.mark.parametrize(
    "message",
    [
        f"refused {TOKEN}",
        "refused eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJjYW5hcnkifQ.canary_-c2ln for lack of a signature",
        "refused Authorization: Bearer canary",
        "Error handling request /v1/search?q=canary",
        "can't reach redis://:canary@cache:6379/0",
    ],
)
def test_a_message_of_a_library_gives_no_secret_away(message: str) -> None:
    capture = logged(lambda: logging.getLogger("somebody").warning(message))

    assert len(capture.lines) == 1
    assert "canary" not in capture.raw
    assert "BBBB" not in capture.raw


def test_a_long_value_is_cut() -> None:
    log = structlog.stdlib.get_logger("embeddings")

    (line,) = logged(lambda: log.info("event", reason="x" * 100_000)).lines

    assert len(line["reason"]) == 1_000


def fail() -> None:
    try:
        row = f"duplicate key\nDETAIL:  Failing row contains (1, {CANARY})."
        raise psycopg.errors.UniqueViolation(row)
    except psycopg.Error as error:
        raise ValueError(f"could not read '{CANARY}' of relation \"documents\"") from error


def test_a_traceback_keeps_frames_and_types_but_no_text() -> None:
    log = structlog.stdlib.get_logger("embeddings")
    with capture_logs() as capture:
        try:
            fail()
        except ValueError:
            log.exception("failed")
            logging.getLogger("django.request").exception("Internal Server Error: /v1/add")

    assert [line["event"] for line in capture.lines] == ["failed", "Internal Server Error: /v1/add"]
    for line in capture.lines:
        trace = line["exception"]
        assert "in fail" in trace
        assert "psycopg.errors.UniqueViolation: duplicate key" in trace
        assert "ValueError: could not read '[redacted]' of relation \"documents\"" in trace
    assert CANARY not in capture.raw


def test_a_traceback_shows_no_cause_that_was_suppressed() -> None:
    try:
        try:
            raise KeyError("first")
        except KeyError:
            raise RuntimeError("second") from None
    except RuntimeError:
        trace = format_traceback(sys.exc_info())  # type: ignore[arg-type]

    assert "second" in trace
    assert "first" not in trace.replace('raise KeyError("first")', "")


def test_an_answer_that_failed_without_an_exception_is_logged_once_by_us_alone() -> None:
    capture = logged(lambda: logging.getLogger("django.request").error("Unavailable: /v1/embed"))

    assert capture.lines == []


def test_a_strangers_host_leaves_one_line() -> None:
    def refuse() -> None:
        try:
            raise DisallowedHost("Invalid HTTP_HOST header: 'evil.example'.")
        except DisallowedHost as error:
            logging.getLogger("django.security.DisallowedHost").error(error, exc_info=error)

    (line,) = logged(refuse).lines

    assert "evil.example" in line["event"]
    assert "exception" not in line


def test_the_parameters_of_a_statement_are_never_logged() -> None:
    sql = logging.getLogger("django.db.backends")

    capture = logged(lambda: sql.debug("INSERT %s", CANARY), level=logging.DEBUG)

    assert capture.lines == []


def test_the_console_style_is_for_people() -> None:
    record = logging.LogRecord("django", logging.INFO, __file__, 1, "ready", None, None)

    line = make_formatter("console").format(record)

    assert "ready" in line
    assert not line.startswith("{")
