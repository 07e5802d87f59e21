"""Texts through the cache: what is computed, how often, and for whom."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from embeddings.cache import cutoffs, the_cache
from embeddings.cache.flights import Flight
from embeddings.cache.values import now_ms
from embeddings.exceptions import CallerGone, EngineUnavailable, TextTooLong
from embeddings.services.embed import embed_cached
from embeddings.types.embed import EmbedResult
from tests.unit.cache.embedders import Recorder, counted, sample


@pytest.fixture
def embedder() -> Recorder:
    return Recorder()


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Released by each that begins to wait for what another computes."""
    begun = threading.Semaphore(0)
    wait = Flight.wait

    def noted(flight: Flight, **options: Any) -> bytes | None:
        begun.release()
        return wait(flight, **options)

    monkeypatch.setattr(Flight, "wait", noted)
    return begun


def embed(embedder: Recorder, *texts: str, owner_id: int | None = 1, **options: Any) -> EmbedResult:
    return embed_cached(embedder=embedder, owner_id=owner_id, texts=texts, **options)


def same(result: EmbedResult, embedder: Recorder, texts: Sequence[str]) -> bool:
    made = Recorder().embed(texts)
    return bool(
        (result.vectors == made.vectors).all()
        and (result.tokens == made.tokens).all()
        and (result.truncated == made.truncated).all()
    )


def test_a_text_is_computed_once(embedder: Recorder) -> None:
    first = embed(embedder, "green tea", "coffee")
    again = embed(embedder, "coffee", "milk", "green tea")

    assert embedder.calls == [["green tea", "coffee"], ["milk"]]
    assert first.cached.tolist() == [False, False]
    assert again.cached.tolist() == [True, False, True]
    assert again.cached_tokens == again.tokens[0] + again.tokens[2]
    assert same(first, embedder, ["green tea", "coffee"])
    assert same(again, embedder, ["coffee", "milk", "green tea"])
    assert again.vectors.dtype == np.float32
    assert again.vectors.flags.c_contiguous


def test_a_text_twice_in_one_request_is_computed_once(embedder: Recorder) -> None:
    result = embed(embedder, "tea", "milk", "tea")
    assert embedder.calls == [["tea", "milk"]]
    assert same(result, embedder, ["tea", "milk", "tea"])


def test_owners_do_not_see_what_others_embedded(embedder: Recorder) -> None:
    embed(embedder, "secret", owner_id=1)
    assert not embed(embedder, "secret", owner_id=2).cached.any()
    assert embed(embedder, "secret", owner_id=1).cached.all()


def test_owners_share_if_the_operator_says_so(embedder: Recorder, settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"cache_sharing": True})
    embed(embedder, "no secret", owner_id=1)
    assert embed(embedder, "no secret", owner_id=2).cached.all()


def test_without_an_owner_nothing_is_remembered(embedder: Recorder) -> None:
    for _ in range(2):
        assert not embed(embedder, "tea", owner_id=None).cached.any()
    assert len(embedder.calls) == 2
    assert the_cache().memory.size == (0, 0)


def test_queries_and_documents_are_kept_apart(embedder: Recorder) -> None:
    embed(embedder, "tea", input_type="query")
    assert not embed(embedder, "tea", input_type="document").cached.any()


def test_hits_misses_and_saved_tokens_are_counted(embedder: Recorder) -> None:
    def counts() -> list[float]:
        labels = {"cache": "embedding", "model": "hashing-384", "level": "memory"}
        return [
            counted("memory", "hit"),
            counted("memory", "miss"),
            sample("cache_saved_tokens_total", **labels),
        ]

    before = counts()
    tokens = embed(embedder, "green tea", "milk").tokens
    embed(embedder, "green tea", "coffee")
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 3, tokens[0]]
    assert sample("cache_entries") == 3


def test_what_is_known_to_be_too_long_is_not_read_again() -> None:
    embedder = Recorder(max_tokens=3)
    embed(embedder, "short", truncate=False)
    for number, texts in enumerate((("a", "b", "one two three four"), ("one two three four", "x"))):
        with pytest.raises(TextTooLong) as caught:
            embed(embedder, *texts, truncate=False)
        assert caught.value.values["index"] == (2, 0)[number]
        assert caught.value.values["max_tokens"] == 3
        assert caught.value.values["tokens"] > 3
    assert embedder.calls == [["short"], ["a", "b", "one two three four"]]
    cut = embed(embedder, "one two three four")
    assert cut.truncated.all()
    assert embed(embedder, "one two three four").truncated.all()


def test_the_index_of_a_text_that_is_too_long_counts_the_whole_request() -> None:
    embedder = Recorder(max_tokens=3)
    embed(embedder, "known", truncate=False)
    with pytest.raises(TextTooLong) as caught:
        embed(embedder, "known", "known", "new", "one two three four", truncate=False)
    assert caught.value.values["index"] == 3


def test_the_same_new_text_of_many_is_computed_once(embedder: Recorder) -> None:
    embedder.hold = threading.Event()
    with ThreadPoolExecutor(32) as pool:
        results = [pool.submit(embed, embedder, "news", f"own {i}") for i in range(32)]
        while len(embedder.calls) < 32:
            time.sleep(0.005)
        embedder.hold.set()
        vectors = [result.result().vectors[0] for result in results]
    asked = [text for call in embedder.calls for text in call]
    assert sorted(asked) == sorted(["news", *(f"own {i}" for i in range(32))])
    assert all((vector == vectors[0]).all() for vector in vectors)


def test_who_waits_computes_when_the_first_fails_for_itself(
    embedder: Recorder, waiting: threading.Semaphore
) -> None:
    embedder.hold = threading.Event()

    def first_caller_goes(texts: list[str]) -> None:
        if len(embedder.calls) == 1:
            raise CallerGone

    embedder.fail = first_caller_goes
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(embed, embedder, "news")
        while not embedder.calls:
            time.sleep(0.005)
        others = [pool.submit(embed, embedder, "news") for _ in range(7)]
        assert all(waiting.acquire(timeout=60) for _ in others)
        embedder.hold.set()
        with pytest.raises(CallerGone):
            first.result()
        for other in others:
            assert same(other.result(), embedder, ["news"])
    assert embedder.calls == [["news"], ["news"]]


def test_who_waits_is_refused_with_the_first_when_the_engine_is_full(
    embedder: Recorder, waiting: threading.Semaphore
) -> None:
    embedder.hold = threading.Event()

    def full(_: list[str]) -> None:
        raise EngineUnavailable

    embedder.fail = full
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(embed, embedder, "news") for _ in range(4)]
        assert all(waiting.acquire(timeout=60) for _ in asked[1:])
        embedder.hold.set()
        for one in asked:
            with pytest.raises(EngineUnavailable):
                one.result()
    assert embedder.calls == [["news"]]


def test_two_requests_that_want_each_others_texts_end(embedder: Recorder) -> None:
    with ThreadPoolExecutor(2) as pool:
        for turn in range(50):
            texts = [f"{turn} {number}" for number in range(4)]
            there = pool.submit(embed, embedder, *texts)
            back = pool.submit(embed, embedder, *reversed(texts))
            assert (there.result(60).vectors == back.result(60).vectors[::-1]).all()


def test_an_expired_vector_is_computed_again(
    embedder: Recorder, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    embed(embedder, "tea")
    assert embed(embedder, "tea").cached.all()
    then = now_ms() + settings.EMBED.cache_ttl_s * 1000
    monkeypatch.setattr(cutoffs, "now_ms", lambda: then)
    assert not embed(embedder, "tea").cached.any()
