"""Clearing in every process, and counting over all of them."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from embeddings.cache import Cache, cutoffs, now_ms, the_cache, values
from embeddings.models import CacheCutoff
from embeddings.services.cache import cache_stats, clear_cache
from embeddings.services.embed import embed_cached
from embeddings.types.cache import MAX_TTL_S
from tests.caches import start_cache
from tests.factories import make_collection
from tests.redis_server import RedisServer
from tests.statements import recorded_statements
from tests.unit.cache.embedders import Recorder

pytestmark = pytest.mark.django_db
HOUR_S = 3_600


def is_cached(*texts: str) -> list[bool]:
    result = embed_cached(embedder=Recorder(), owner_id=1, texts=texts)
    cached: list[bool] = result.cached.tolist()
    return cached


def in_another_process(cache: Cache) -> None:
    """Go on as the process whose cache this is."""
    the_cache.cache_clear()
    mine = {"memory": cache.memory, "shared": cache.shared, "cutoffs": cache.cutoffs}
    for name, value in mine.items():
        setattr(the_cache(), name, value)


def test_a_clear_reaches_another_process_without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutoffs, "REFRESH_S", HOUR_S)
    is_cached("tea")
    first = the_cache()

    start_cache()
    clear_cache()

    in_another_process(first)
    assert is_cached("tea") == [True]  # it has not asked yet
    the_cache().cutoffs.due = time.monotonic()
    with recorded_statements() as statements:
        assert is_cached("tea") == [False]
    assert len(statements) == 2
    assert the_cache().memory.size[0] == 1  # what was old is gone
    assert 0 < the_cache().cutoffs.due - time.monotonic() <= HOUR_S
    with recorded_statements() as statements:
        assert is_cached("tea") == [True]
    assert statements == []


def test_a_clear_while_redis_is_away_counts_when_it_is_back(hasty_cache: RedisServer) -> None:
    is_cached("tea")
    hasty_cache.freeze()
    try:
        assert clear_cache().redis is None
    finally:
        hasty_cache.thaw()
    start_cache()
    the_cache().cutoffs.due = 0.0
    assert is_cached("tea") == [False]


def test_clearing_deletes_from_redis_no_other_key(shared_cache: RedisServer) -> None:
    client = shared_cache.client()
    client.set("another's", "1")
    is_cached("tea", "milk")
    assert clear_cache(model="hashing-384").redis == 2
    assert list(client.scan_iter()) == [b"another's"]


def test_clearing_what_is_older_leaves_the_young(
    shared_cache: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(values, "now_ms", lambda: now_ms() - 2 * HOUR_S * 1000)
        is_cached("old")
    is_cached("young")
    result = clear_cache(older_than_s=HOUR_S)
    assert (result.memory, result.redis) == (1, 1)
    assert is_cached("old", "young") == [False, True]


def test_an_earlier_cut_off_takes_nothing_back() -> None:
    clear_cache()
    (first,) = CacheCutoff.objects.values_list("before_ms", flat=True)
    clear_cache(older_than_s=3600)
    assert CacheCutoff.objects.get(pk="all").before_ms == first


def test_cut_offs_that_say_nothing_any_more_are_dropped() -> None:
    # Whatever lives shorter now may have been written to live as long as anything can.
    clear_cache(collection=make_collection(), older_than_s=MAX_TTL_S + 1)
    clear_cache(model="older", older_than_s=MAX_TTL_S - 60)
    clear_cache(model="m")
    left = CacheCutoff.objects.values_list("scope", flat=True)
    assert sorted(left) == ["model:m", "model:older"]


def test_without_an_answer_it_stays_as_it_was() -> None:
    is_cached("tea")
    the_cache().cutoffs.due = 0.0

    def gone(*_: Any) -> None:
        raise OperationalError

    with connection.execute_wrapper(gone):
        assert is_cached("tea") == [True]


COUNT = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()
from embeddings.services.embed import embed_cached
from embeddings.engine.hashing import HashingEmbedder
from tests.caches import start_cache
start_cache()
for _ in range(3):
    embed_cached(embedder=HashingEmbedder(), owner_id=1, texts=["green tea", "milk"])
"""


def test_the_counts_of_several_processes_are_summed(tmp_path: Path) -> None:
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-c", COUNT],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            check=True,
        )
    stats = cache_stats(folder=tmp_path)
    (level,) = stats.levels
    (model,) = stats.models
    assert (level.tally.hits, level.tally.misses, level.tally.saved_tokens) == (8, 4, 12)
    assert (model.model, model.texts) == ("hashing-384", level.tally)
    assert level.tally.hit_rate == pytest.approx(2 / 3)
    assert level.max_bytes == 64 * 2**20
