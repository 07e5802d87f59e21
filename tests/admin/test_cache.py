"""The cache in the console: what it shows, clearing and warming it."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from embeddings.cache import the_cache
from embeddings.models import Collection
from embeddings.services.embed import embed_cached
from embeddings.services.engine import get_embedder
from embeddings.services.frequent_queries import record_query
from tests.admin.conftest import queries_of
from tests.redis_server import RedisServer

PAGE = reverse("admin:cache")
CLEAR = reverse("admin:cache_clear")
WARM = reverse("admin:cache_warm")
MODEL = "hashing-384"


def embed(owner: User, *texts: str) -> list[bool]:
    result = embed_cached(embedder=get_embedder(MODEL), owner_id=owner.pk, texts=texts)
    cached: list[bool] = result.cached.tolist()
    return cached


def asked(client: Client, url: str, **values: Any) -> tuple[str, dict[str, str]]:
    """The page that asks, and what it would post."""
    page = client.post(url, values).content.decode()
    assert "the cache?" in page, page
    pairs = re.findall(r'<input type="hidden" name="(?!csrf)(\w+)" value="([^"]*)"', page)
    return page, dict(pairs)


def test_it_works(as_operator: Client, alice: User) -> None:
    embed(alice, "green tea", "coffee")
    for _ in range(3):
        embed(alice, "green tea")

    page = as_operator.get(PAGE).content.decode()

    assert "There is no Redis" in page
    top = page.split('id="top"')[1].split("</section>")[0]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", top)
    assert cells[:4] == ["vector", MODEL, "6", "3"]
    assert cells[-1] == "memory"
    assert re.search(r"<code>[0-9a-f]{12}</code>", top)
    assert "green tea" not in page
    # Its options are those of the settings, and come back here.
    assert 'id="option_cache_ttl_s"' in page
    assert '<input type="hidden" name="from" value="cache">' in page


def test_clearing_says_what_it_touches_and_then_does_it(as_operator: Client, alice: User) -> None:
    embed(alice, "green tea", "coffee")

    page, confirmed = asked(as_operator, CLEAR, model=MODEL)
    assert "Forgets the vectors of hashing-384" in page
    assert "2 values in this process" in page
    assert embed(alice, "coffee") == [True]

    done = as_operator.post(CLEAR, confirmed, follow=True)
    assert done.redirect_chain == [(PAGE, 302)]
    assert "Cleared: 2 values in this process" in done.content.decode()
    assert embed(alice, "coffee") == [False]
    entry = AuditEntry.objects.get(event="cache.clear")
    assert (entry.username, entry.object_id) == ("bob", f"model:{MODEL}")


def test_clearing_may_keep_what_is_young(as_operator: Client, alice: User) -> None:
    embed(alice, "coffee")

    page, confirmed = asked(as_operator, CLEAR, older_than_s="3600")
    assert "older than 1:00:00" in page
    assert "0 values in this process" in page
    as_operator.post(CLEAR, confirmed)

    assert embed(alice, "coffee") == [True]


def test_what_is_asked_for_wrongly_is_said_beside_it(
    as_operator: Client, collection: Collection
) -> None:
    both = as_operator.post(CLEAR, {"model": MODEL, "collection": "drinks"}).content.decode()
    assert "Send a model or a collection." in both
    assert 'value="drinks"' in both
    unknown = as_operator.post(CLEAR, {"collection": "unknown"}).content.decode()
    assert "console-error" in unknown
    nothing = as_operator.post(WARM, {}).content.decode()
    assert "Send texts or a collection." in nothing
    unrecorded = as_operator.post(WARM, {"collection": "drinks"}).content.decode()
    assert "No queries are recorded here." in unrecorded
    assert not AuditEntry.objects.filter(object_type="cache").exists()


def test_texts_are_embedded_for_who_will_ask(as_operator: Client, alice: User) -> None:
    page, confirmed = asked(as_operator, WARM, texts="green tea\n\ncoffee\n", owner="alice")
    assert "2 texts are embedded by hashing-384" in page

    done = as_operator.post(WARM, confirmed, follow=True)

    assert "2 texts are cached, 0 of them were already." in done.content.decode()
    assert embed(alice, "green tea", "coffee") == [True, True]


def test_a_collections_frequent_queries_are_warmed(
    as_operator: Client, collection: Collection, alice: User, settings: Any
) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"cache_queries": 10})
    record_query(collection_id=collection.pk, owner_id=alice.pk, text="<script>tea</script>")

    page, confirmed = asked(as_operator, WARM, collection="drinks", limit="5")
    assert "1 texts" in page
    done = as_operator.post(WARM, confirmed, follow=True)

    assert "1 texts are cached" in done.content.decode()
    assert "<script>tea" not in page + done.content.decode()


def test_with_redis_all_processes_are_counted_and_named(
    as_operator: Client, alice: User, shared_cache: RedisServer
) -> None:
    embed(alice, "green tea", "coffee")
    embed(alice, "green tea")
    the_cache().savings.flush()
    the_cache.cache_clear()  # as in another process

    page = as_operator.get(PAGE).content.decode()
    top = page.split('id="top"')[1].split("</section>")[0]
    assert re.findall(r"<td[^>]*>([^<]*)</td>", top)[2:4] == ["2", "1"]
    assert ">redis</td>" in top
    question, confirmed = asked(as_operator, CLEAR)
    assert "2 values in Redis" in question
    assert "0 values in Redis" in asked(as_operator, CLEAR, older_than_s="60")[0]

    as_operator.post(CLEAR, confirmed)
    assert "asked for again yet" in as_operator.get(PAGE).content.decode()
    assert shared_cache.client().keys("*") == []


def test_what_somebody_else_wrote_to_redis_is_not_shown(
    as_operator: Client, alice: User, shared_cache: RedisServer
) -> None:
    embed(alice, "green tea")
    embed(alice, "green tea")
    the_cache().savings.flush()
    client = shared_cache.client()
    for key in client.keys("embed:*"):
        client.set(key, b"\xff" * 40)
    the_cache.cache_clear()

    assert "asked for again yet" in as_operator.get(PAGE).content.decode()


def test_a_redis_that_is_gone_is_shown_as_such(
    as_operator: Client, shared_cache: RedisServer
) -> None:
    shared_cache.kill()

    page = as_operator.get(PAGE).content.decode()

    assert "does not answer" in page
    assert "Redis does not answer" in asked(as_operator, CLEAR)[0]


def test_members_have_no_cache_to_see_or_clear(as_member: Client) -> None:
    assert as_member.get(PAGE).status_code == 403
    assert as_member.post(CLEAR, {}).status_code == 403
    assert as_member.post(WARM, {"texts": "tea"}).status_code == 403


@pytest.mark.parametrize("url", [CLEAR, WARM])
def test_nothing_is_done_by_opening_a_page(as_admin: Client, url: str) -> None:
    assert as_admin.get(url).status_code == 405


def test_the_page_takes_few_queries(as_operator: Client) -> None:
    as_operator.get(PAGE)

    assert len(queries_of(as_operator, PAGE)) <= 8
