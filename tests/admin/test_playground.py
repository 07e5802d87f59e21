"""The search playground: what it asks for, as whom, and what it refuses."""

import html
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from accounts.policy import Role
from accounts.services.audit_buffer import flush_notes
from embeddings.models import Collection, Usage
from embeddings.services import engine
from embeddings.services.grants import create_grant
from embeddings.services.usage import flush_usage
from tests.admin.conftest import queries_of
from tests.factories import make_collection, make_document, make_user
from tests.rerankers import WordOverlap

PAGE = reverse("admin:playground")


def sent(**values: Any) -> dict[str, Any]:
    """The form as a browser sends it: `a_top_k` stands for the field `a-top_k`."""
    form: dict[str, Any] = {
        "query": "tea",
        "a-collection": "drinks",
        "a-mode": "semantic",
        "a-top_k": "10",
    }
    form |= {"a-include": ["text", "metadata", "chunk", "highlights"]}
    for name, value in values.items():
        prefix, _, rest = name.partition("_")
        form[f"{prefix}-{rest}" if prefix in ("a", "b") else name] = value
    return form


def search(client: Client, **values: Any) -> str:
    response = client.post(PAGE, sent(**values))
    assert response.status_code == 200
    return response.content.decode()


def ids(page: str) -> list[str]:
    """Of the hits, best first."""
    heads = re.findall(r'class="playground-head">(.*?)</div>', page, re.DOTALL)
    return [html.unescape(re.search(r"<a [^>]*>(.*?)</a>", head)[1]) for head in heads]  # type: ignore[index]


def fault(page: str, field: str) -> str:
    """What is said beside the field."""
    block = re.search(rf'id="id_{field}_error">(.*?)</div>', page, re.DOTALL)
    return html.unescape(block[1]) if block else ""


@pytest.fixture
def drinks(collection: Collection) -> Collection:
    """Alice's, with three documents."""
    make_document(collection, "green tea and black tea", external_id="pot", kind="tea", year=2020)
    make_document(collection, "coffee from Kenya", external_id="cup", kind="coffee", year=2024)
    collection.refresh_from_db()
    return collection


def test_it_works(drinks: Collection, as_operator: Client) -> None:
    page = search(as_operator, query="green tea", a_top_k="2")

    assert ids(page)[0] == "pot"
    assert len(ids(page)) == 2
    assert "Compared with every document" in page
    assert re.search(r"\d ms, of these .* for the search proper", page)
    assert '<p class="playground-text">green tea and black tea</p>' in page
    assert "0, characters 0 to 23" in page
    assert "&quot;year&quot;: 2020" in page
    href = re.search(r'class="playground-head">.*?href="(.*?)"', page, re.DOTALL)
    assert href
    assert b"green tea and black tea" in as_operator.get(html.unescape(href[1])).content


def test_a_get_searches_for_nothing(drinks: Collection, as_operator: Client) -> None:
    response = as_operator.get(PAGE, {"collection": "drinks", "query": "tea", **sent()})

    page = response.content.decode()
    assert 'value="drinks"' in page
    assert ids(page) == []
    assert not any("chunks" in sql for sql in queries_of(as_operator, PAGE))


def test_what_callers_stored_and_ask_is_text(drinks: Collection, as_operator: Client) -> None:
    make_document(
        drinks, "tea {{7*7}} <img src=x onerror=alert(1)>", external_id="<i>evil</i>", t="<b>"
    )

    page = search(as_operator, query="tea <script>alert(2)</script>", a_mode="hybrid", a_top_k="9")

    for live in ("<script>alert", "<img src=x", "<i>evil", "<b>", "&lt;mark&gt;"):
        assert live not in page
    assert "{{7*7}}" in page
    assert "<mark>tea</mark>" in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_htmx_is_answered_with_the_part_that_changes(
    drinks: Collection, as_operator: Client
) -> None:
    page = as_operator.post(PAGE, sent(), headers={"HX-Request": "true"}).content.decode()

    assert "<html" not in page
    assert page.lstrip().startswith('<div id="playground">')
    assert "hits by configuration A" in page


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"query": ""}, "query", "empty"),
        ({"query": "te\0a"}, "query", "NUL"),
        ({"a_collection": ""}, "a-collection", "blank"),
        ({"a_collection": "No Name"}, "a-collection", "starts with"),
        ({"a_collection": "nothing"}, "a-collection", "nothing here by that name"),
        ({"a_top_k": "ten"}, "a-top_k", "integer"),
        ({"a_top_k": "0"}, "a-top_k", "greater"),
        ({"a_mode": "magic"}, "a-mode", "not a valid choice"),
        ({"a_filter": '{"year": x}'}, "a-filter", "Line 1, column 10"),
        ({"a_filter": '{"year": {"$near": 1}}'}, "a-filter", "$near"),
        ({"a_min_score": "high"}, "a-min_score", "number"),
        ({"a_diversity": "2"}, "a-diversity", "less than or equal"),
        ({"a_exact": "on", "a_ef_search": "9"}, "a-ef_search", "don't go together"),
        ({"a_group_by": "field"}, "a-group_field", "blank"),
        ({"a_group_by": "field", "a_group_field": "x", "a_group_size": "0"}, "a-group_size", "1"),
        ({"a_rerank": "on", "a_rerank_top_n": "3"}, "a-rerank_top_n", "don't go together"),
        ({"a_rerank": "on", "a_rerank_model": "none"}, "a-rerank_model", "none"),
        ({"a_mode": "hybrid", "a_keyword_weight": "-1"}, "a-keyword_weight", "greater"),
        ({"a_as_user": "nobody"}, "a-as_user", "no active user"),
    ],
    ids=lambda each: "" if isinstance(each, dict) else each,
)
def test_a_fault_stands_beside_its_field(
    drinks: Collection, as_operator: Client, values: Any, field: str, words: str
) -> None:
    page = search(as_operator, **values)

    assert words in fault(page, field)
    assert ids(page) == []
    assert "Not searched" in page


def test_what_no_field_is_at_fault_for_is_said(drinks: Collection, as_operator: Client) -> None:
    User.objects.filter(username="bob").update(requests_per_minute=0)

    assert "This user may make 0 requests a minute" in search(as_operator)


def test_every_option_reaches_the_search(
    drinks: Collection, as_operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine._rerankers, engine.default_reranker(), WordOverlap())

    grouped = search(as_operator, a_group_by="field", a_group_field="kind", a_group_size="1")
    assert sorted(ids(grouped)) == ["cup", "pot"]
    assert '<h3 class="playground-group">coffee</h3>' in grouped

    assert ids(search(as_operator, a_filter='{"year": {"$gte": 2024}}')) == ["cup"]
    assert ids(search(as_operator, a_min_score="0.99")) == []
    hybrid = search(as_operator, a_mode="hybrid", a_semantic_weight="1", a_keyword_weight="3")
    assert "semantic 0.250, keyword 0.750" in hybrid
    assert "<dt>rerank</dt>" in search(as_operator, a_rerank="on")
    assert "Vector" not in hybrid
    assert "Vector" in search(as_operator, a_include=["vector"])


def test_weights_count_in_a_hybrid_search_alone(drinks: Collection, as_operator: Client) -> None:
    assert ids(search(as_operator, a_semantic_weight="1", a_rerank_top_n="1", a_group_size="x"))


def test_two_configurations_side_by_side(drinks: Collection, as_operator: Client) -> None:
    page = search(
        as_operator,
        query="coffee",
        compare="on",
        a_filter='{"kind": "tea"}',
        b_collection="drinks",
        b_mode="keyword",
        b_include=["text"],
    )

    assert ids(page) == ["pot", "cup"]
    assert "0 in both, 0 of them at the same rank" in page
    assert page.count("only here") == 2
    assert "2 hits" not in page


def test_the_second_counts_only_when_compared(drinks: Collection, as_operator: Client) -> None:
    assert fault(search(as_operator, b_top_k="x"), "b-top_k") == ""
    page = search(as_operator, compare="on", b_top_k="x", b_collection="drinks", b_mode="keyword")
    assert "integer" in fault(page, "b-top_k")
    assert len(ids(page)) == 3


def test_as_a_user(drinks: Collection, alice: User, as_operator: Client) -> None:
    make_user("dora")
    outsider = make_user("eve")
    create_grant(collection=drinks, user="dora", role=Role.VIEWER, row_filter={"kind": "coffee"})
    make_collection("drinks-of-eve", owner=outsider)

    assert ids(search(as_operator, a_as_user="dora")) == ["cup"]
    assert len(ids(search(as_operator, a_as_user="alice"))) == 3
    refused = search(as_operator, a_as_user="eve")
    assert ids(refused) == []
    assert "nothing here by that name" in fault(refused, "a-collection")

    flush_notes()
    entries = AuditEntry.objects.filter(event="documents.search").order_by("id")
    told = [(e.username, e.credential, e.after["as_user"], e.outcome) for e in entries if e.after]
    assert told == [
        ("bob", "session", "dora", "success"),
        ("bob", "session", "alice", "success"),
        ("bob", "session", "eve", "denied"),
    ]


def test_a_search_with_others_eyes_is_always_on_record(
    drinks: Collection, as_operator: Client, settings: Any
) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"audit_reads": "none"})
    search(as_operator)
    search(as_operator, a_as_user="alice")

    flush_notes()
    entry = AuditEntry.objects.get(event="documents.search")
    assert entry.after
    assert entry.after["as_user"] == "alice"
    assert entry.collection_id == drinks.pk


def test_the_operator_pays(drinks: Collection, as_operator: Client) -> None:
    flush_usage()
    Usage.objects.all().delete()

    search(as_operator, a_as_user="alice")

    flush_usage()
    used = Usage.objects.get()
    assert (used.user.username, used.requests) == ("bob", 1)
    assert used.tokens > 0


def test_it_is_for_operators(drinks: Collection, as_operator: Client, as_member: Client) -> None:
    assert PAGE in as_operator.get(PAGE).content.decode()
    assert PAGE not in as_member.get("/admin/").content.decode()
    assert as_member.get(PAGE).status_code == 403
    assert as_member.post(PAGE, sent()).status_code == 403


def test_a_search_takes_as_many_queries_as_one_of_the_api(
    drinks: Collection, as_operator: Client, django_assert_max_num_queries: Any
) -> None:
    search(as_operator)
    with django_assert_max_num_queries(8):
        search(as_operator)
