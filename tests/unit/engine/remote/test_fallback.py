"""Another model of the same fingerprint, asked when a provider fails."""

import time

import numpy as np
import pytest
from structlog.testing import capture_logs

from embeddings.engine.hashing import HashingEmbedder
from embeddings.exceptions import EngineUnavailable
from embeddings.exceptions_remote import InputRefused
from tests.unit.engine.remote.conftest import SAME, Make
from tests.unit.engine.remote.fake_provider import (
    FakeProvider,
    Fault,
    drip_headers,
    hang,
    provider,
    status,
    vectors_of,
)

pytestmark = pytest.mark.usefixtures("soon")

TEXTS = ["tea", "coffee"]


class Local(HashingEmbedder):
    """A fallback in this process."""

    name = "local"

    def __init__(self, fingerprint: str = SAME) -> None:
        super().__init__()
        self.fingerprint = fingerprint


@pytest.mark.parametrize("fault", [hang, status(500), status(401), drip_headers])
def test_a_fallback_answers_within_the_same_budget(
    fault: Fault, server: FakeProvider, make: Make
) -> None:
    server.faults = [fault] * 20
    with provider() as second:
        second.faults = [status(500)]
        other = make(second, name="second", fingerprint=SAME)
        embedder = make(server, budget=4.0, silence=0.3, fingerprint=SAME, fallback=lambda: other)
        started = time.monotonic()
        with capture_logs() as logs:
            embedded = embedder.embed(TEXTS)
        assert time.monotonic() - started < 30
        np.testing.assert_array_equal(embedded.vectors, vectors_of(TEXTS))
    assert [entry["event"] for entry in logs][-2:] == ["provider_failed", "provider_failed_over"]


def test_a_fallback_that_hangs_too_ends_in_time(server: FakeProvider, make: Make) -> None:
    server.faults = [hang] * 20
    with provider() as second:
        second.faults = [hang] * 20
        other = make(second, name="second", fingerprint=SAME, budget=60)
        started = time.monotonic()
        with pytest.raises(EngineUnavailable):
            make(server, budget=0.6, fingerprint=SAME, fallback=lambda: other).embed(TEXTS)
        assert time.monotonic() - started < 30


def test_a_local_model_can_be_the_fallback(server: FakeProvider, make: Make) -> None:
    server.faults = [status(404)]
    embedded = make(server, fingerprint=SAME, fallback=Local).embed(TEXTS)
    np.testing.assert_array_equal(embedded.vectors, HashingEmbedder().embed(TEXTS).vectors)


def test_a_fallback_of_other_vectors_is_never_asked(server: FakeProvider, make: Make) -> None:
    server.faults = [status(404)]
    with capture_logs() as logs, pytest.raises(EngineUnavailable):
        make(server, fingerprint=SAME, fallback=lambda: Local("cd" * 32)).embed(TEXTS)
    assert "fallback_refused" in [entry["event"] for entry in logs]


def test_texts_that_are_refused_are_not_taken_elsewhere(server: FakeProvider, make: Make) -> None:
    server.faults = [status(400)]
    with capture_logs() as logs, pytest.raises(InputRefused):
        make(server, fingerprint=SAME, fallback=Local).embed(TEXTS)
    assert [entry["event"] for entry in logs] == ["provider_failed"]
