"""The ledger of use: what is done for whom, with a write or within a second, and what it costs."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import Error, transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from accounts.allowance import Allowance
from accounts.models import Team, User
from accounts.payer import Payer, bind_payer, current_payer, paying
from accounts.services.rates import payer_of
from accounts.services.tokens import create_api_token
from embeddings.constants import JobKind, JobState, OnConflict
from embeddings.exceptions import DocumentExists
from embeddings.models import Collection, Job, Usage
from embeddings.services import rerank
from embeddings.services import usage as service
from embeddings.services.add import add_documents
from embeddings.services.embed import embed_texts
from embeddings.services.imports import run_import, start_import
from embeddings.services.job_runs import BUDGET_WAIT_S, JobRetry, run_by_command, take_job
from embeddings.services.jobs import make_job, start_job
from embeddings.services.rerank import rerank_texts
from embeddings.services.search import search_visible
from embeddings.services.search_batch import search_many
from embeddings.services.storage_usage import record_storage
from embeddings.services.usage import cost_of, flush_usage
from embeddings.store import usage as store
from embeddings.tasks import close_day
from embeddings.types.document import DocumentInput
from embeddings.types.search import Rerank, SearchParams
from tests.factories import make_collection, make_documents, make_user
from tests.rerankers import WordOverlap
from tests.statements import recorded_statements

pytestmark = pytest.mark.django_db

MODEL = "hashing-384"


@pytest.fixture
def alice() -> User:
    team = Team.objects.create(name="kitchen")
    user = make_user("alice")
    user.team = team
    user.save(update_fields=["team"])
    return user


@pytest.fixture
def collection(alice: User) -> Collection:
    made = make_collection("drinks", owner=alice)
    make_documents(made, DocumentInput("tea", "green tea", {}), DocumentInput("milk", "milk", {}))
    return made


@pytest.fixture(autouse=True)
def _paying(alice: User, collection: Collection) -> Any:
    with paying(Payer(alice.pk, alice.team_id)):
        yield


def rows(**narrowed: Any) -> list[dict[str, Any]]:
    flush_usage()
    fields = ("model", "requests", "tokens", "cached_tokens", "documents")
    return list(Usage.objects.filter(**narrowed).order_by("model", "pk").values(*fields))


def test_a_write_is_recorded_in_its_transaction(collection: Collection, alice: User) -> None:
    documents = [DocumentInput("coffee", "black coffee", {}), DocumentInput("tea", "green tea", {})]
    add_documents(collection=collection, documents=documents, owner_id=alice.pk)
    assert service._waiting.amounts == {}
    row = Usage.objects.get()
    assert (row.day, row.user, row.team) == (timezone.now().date(), alice, alice.team)
    assert (row.collection, row.model, row.token) == (collection, MODEL, None)
    assert (row.requests, row.tokens, row.cached_tokens, row.documents) == (1, 2, 0, 1)
    assert row.compute_ms > 0

    with pytest.raises(DocumentExists):
        add_documents(
            collection=collection,
            documents=[DocumentInput("water", "water", {}), documents[0]],
            on_conflict=OnConflict.ERROR,
        )
    assert [row["requests"] for row in rows()] == [1]


def test_what_only_reads_is_summed_and_written_soon(collection: Collection, alice: User) -> None:
    principal = alice.as_principal()
    with recorded_statements() as statements:
        for _ in range(2):
            embed_texts(principal=principal, texts=["hot milk", "tea"])
    assert not [text for text in statements if "usage" in text]
    assert rows(collection=None) == [
        {"model": MODEL, "requests": 2, "tokens": 6, "cached_tokens": 3, "documents": 0}
    ]

    asked = SearchParams(query="tea leaves")
    for _ in range(2):
        search_visible(principal=principal, name=collection.name, params=asked)
    search_many(
        principal=principal,
        names=[collection.name],
        queries=[asked, SearchParams(query="cocoa")],
        named=False,
    )
    assert rows(collection=collection) == [
        {"model": MODEL, "requests": 4, "tokens": 7, "cached_tokens": 4, "documents": 0}
    ]


def test_a_reranker_is_a_model_of_its_own(
    collection: Collection, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rerank, "get_reranker", lambda name: WordOverlap())
    rerank_texts(query="tea", texts=["green tea", "milk"])
    alone = rows()
    assert [(row["model"], row["requests"]) for row in alone] == [(WordOverlap.name, 1)]
    asked = SearchParams(query="tea", rerank=Rerank())
    for _ in range(2):
        search_visible(principal=alice.as_principal(), name=collection.name, params=asked)
    both = rows()
    assert [(row["model"], row["requests"]) for row in both] == [(MODEL, 2), (WordOverlap.name, 2)]
    assert (both[0]["tokens"], both[0]["cached_tokens"]) == (2, 1)
    assert (both[1]["tokens"], both[1]["cached_tokens"]) == (2 * alone[0]["tokens"], 0)


def test_the_service_itself_pays_nothing(collection: Collection, alice: User) -> None:
    with paying(None):
        embed_texts(principal=alice.as_principal(), texts=["tea"])
        add_documents(collection=collection, documents=[DocumentInput("a", "a", {})])
    assert rows() == []


def test_tokens_cost_what_the_prices_say(settings: Any, alice: User) -> None:
    prices = {"token_price": 0.5, "cached_token_price": 0.1}
    settings.EMBED = settings.EMBED.model_copy(update=prices)
    assert cost_of(model=MODEL, tokens=3_000_000, cached_tokens=1_000_000) == Decimal("1.1")
    assert cost_of(model="gone", tokens=1, cached_tokens=0) == Decimal("0.0000005")
    assert cost_of(model=MODEL, tokens=0, cached_tokens=0) == 0
    embed_texts(principal=alice.as_principal(), texts=["hot milk"])
    flush_usage()
    assert Usage.objects.get().cost == Decimal("0.000001")


def test_what_can_not_be_written_waits(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    embed_texts(principal=alice.as_principal(), texts=["tea"])

    def fail(amounts: Any) -> None:
        raise Error

    with monkeypatch.context() as patched:
        patched.setattr(store, "add_usage", fail)
        flush_usage()
    embed_texts(principal=alice.as_principal(), texts=["milk"])
    assert [row["tokens"] for row in rows()] == [2]


def test_a_ledger_that_can_not_be_written_is_bounded(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_WAITING", 2)
    for number in range(5):
        bind_payer(Payer(number))
        embed_texts(principal=alice.as_principal(), texts=["tea"])
    assert [row["requests"] for row in rows()] == [1, 1]


def test_the_timer_writes(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    def start() -> object:
        started.append(1)
        return object()

    monkeypatch.setattr(service, "start_timer", start)
    for _ in range(3):
        embed_texts(principal=alice.as_principal(), texts=["tea"])
    assert started == [1]
    flush_usage()
    embed_texts(principal=alice.as_principal(), texts=["tea"])
    assert started == [1, 1]


def test_rows_outlive_what_they_tell_of(collection: Collection, alice: User) -> None:
    add_documents(collection=collection, documents=[DocumentInput("a", "a", {})])
    Collection.objects.filter(pk=collection.pk).update(active=None)
    collection.generations.all().delete()
    collection.delete()
    assert Usage.objects.get().collection_id is not None


def import_lines(collection: Collection, owner: User) -> Job:
    return start_import(
        owner_id=owner.pk,
        collection=collection,
        chunks=[b'{"id": "a", "text": "one two three"}\n'],
        gzip=False,
        on_conflict=OnConflict.UPSERT,
    )


def test_a_job_is_paid_for_by_its_owner_and_token(collection: Collection, alice: User) -> None:
    token, _ = create_api_token(user=alice, name="jobs")
    with paying(payer_of(token.as_principal())):
        job = import_lines(collection, alice)
    with paying(None):
        run_import(job_id=job.pk, should_stop=lambda: False)
        assert current_payer() is None
    row = Usage.objects.get()
    assert (row.user, row.team, row.token) == (alice, alice.team, token)
    assert (row.tokens, row.documents) == (3, 1)


def test_a_job_waits_for_its_budget(collection: Collection, alice: User) -> None:
    token, _ = create_api_token(user=alice, name="jobs", tokens_per_month=2)
    with paying(payer_of(token.as_principal())):
        job = import_lines(collection, alice)
    for _ in range(7):  # more often than a job may fail
        with pytest.raises(JobRetry) as retry:
            run_import(job_id=job.pk, should_stop=lambda: False)
    assert 0 < retry.value.delay <= BUDGET_WAIT_S
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)
    assert job.error.startswith("This token may have models read 2 tokens a month; 2 of them are")

    token.tokens_per_month = 3
    token.save(update_fields=["tokens_per_month"])
    run_import(job_id=job.pk, should_stop=lambda: False)
    job.refresh_from_db()
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")


def test_a_command_is_not_limited_and_goes_on_its_owners_account(
    collection: Collection, alice: User
) -> None:
    User.objects.filter(pk=alice.pk).update(tokens_per_day=0)
    with paying(None):
        job = make_job(owner_id=alice.pk, kind=JobKind.IMPORT, collection=collection)
        run = take_job(job_id=job.pk)
        assert run is not None
        with run_by_command(run=run, interrupted=str):
            add_documents(collection=collection, documents=[DocumentInput("a", "one two", {})])
    row = Usage.objects.get()
    assert (row.user, row.team, row.token, row.tokens) == (alice, alice.team, None, 2)


def test_a_jobs_token_may_go(collection: Collection, alice: User) -> None:
    token, _ = create_api_token(user=alice, name="jobs")
    with paying(payer_of(token.as_principal())), transaction.atomic():
        job = start_job(owner_id=alice.pk, kind=JobKind.REINDEX, collection=collection)
    assert job.token_id == token.pk
    token.delete()
    job.refresh_from_db()
    assert job.token_id is None


def test_storage_is_recorded_once_a_day(
    collection: Collection, alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"storage_price": 30.0})
    add_documents(collection=collection, documents=[DocumentInput("a", "a", {})])
    assert record_storage() == 1
    assert record_storage() == 0
    row = Usage.objects.get()  # the very row of what the owner did without a token
    assert row.storage_bytes > 50_000
    # A thirtieth of the month's price for each GiB, on each day.
    assert row.cost == pytest.approx(Decimal(row.storage_bytes) / 2**30)
    assert row.requests == 1

    Usage.objects.update(day=date(2020, 1, 1))
    assert record_storage() == 1


def test_a_worker_records_it_every_hour(collection: Collection) -> None:
    assert ("close_day", "") in app.periodic_registry.periodic_tasks
    close_day(timestamp=0)
    assert Usage.objects.get().storage_bytes > 0


def test_a_payer_with_limits_is_whoever_calls(alice: User) -> None:
    token, _ = create_api_token(user=alice, name="a", tokens_per_day=3)
    User.objects.filter(pk=alice.pk).update(requests_per_minute=5)
    token.refresh_from_db()
    payer = payer_of(token.as_principal())
    assert (payer.user_id, payer.team_id, payer.token_id) == (alice.pk, alice.team_id, token.pk)
    assert payer.allowances == (
        Allowance(f"token:{token.pk}", tokens_per_day=3),
        Allowance(f"user:{alice.pk}", requests_per_minute=5),
    )
