"""`manage.py cache_stats`, `clear_cache` and `warm_cache`."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.policy import SiteRole
from embeddings.cache import the_cache
from embeddings.services.embed import embed_cached
from embeddings.services.frequent_queries import record_query
from tests.caches import start_cache
from tests.db.test_cache import COUNT
from tests.factories import make_collection, make_user
from tests.redis_server import RedisServer
from tests.unit.cache.embedders import Recorder

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def admin(db: None) -> User:
    return make_user("root", SiteRole.ADMIN)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("green tea\n\n" + "".join(f"text {number}\n" for number in range(99)))
    return path


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def report(*arguments: str) -> dict[str, Any]:
    values: dict[str, Any] = orjson.loads(run(*arguments, "--json"))
    return values


def is_cached(user: User, *texts: str, input_type: Any = "document") -> list[bool]:
    """As another process sees it."""
    start_cache()
    result = embed_cached(embedder=Recorder(), owner_id=user.pk, texts=texts, input_type=input_type)
    cached: list[bool] = result.cached.tolist()
    return cached


def test_stats_are_of_the_service(tmp_path: Path, settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"data_dir": tmp_path})
    folder = tmp_path / "telemetry" / str(settings.EMBED.port)
    folder.mkdir(parents=True)
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    subprocess.run([sys.executable, "-c", COUNT], env=environment, check=True)

    stats = report("cache_stats")
    assert stats["levels"][0]["hits"] == 4
    assert stats["models"][0]["texts"]["saved_tokens"] == 6
    assert stats["models"][0]["searches"]["hit_rate"] is None
    table = run("cache_stats").splitlines()
    assert table[0].split() == ["hits", "misses", "hit", "rate", *table[0].split()[4:]]
    assert table[1].split()[:5] == ["memory", "4", "2", "66.7%", "6"]
    assert table[2].startswith("hashing-384, texts")


def test_stats_without_a_service_say_so(tmp_path: Path, settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"data_dir": tmp_path})
    errors = StringIO()
    call_command("cache_stats", stdout=StringIO(), stderr=errors)
    assert "No service has counted" in errors.getvalue()


def test_warming_a_file(shared_cache: RedisServer, file: Path, admin: User) -> None:
    assert report("warm_cache", str(file)) == {"texts": 100, "cached": 0, "tokens": 200}
    assert all(is_cached(admin, "green tea", "text 98"))
    assert "100 texts, 100 of them cached before" in run("warm_cache", str(file))

    alice = make_user("alice")
    run("warm_cache", str(file), "--owner", "alice", "--input-type", "query")
    assert is_cached(alice, "green tea", input_type="query") == [True]
    assert is_cached(alice, "green tea") == [False]


def test_warming_what_a_collection_is_asked(shared_cache: RedisServer, settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"cache_queries": 10})
    collection = make_collection()
    for text in ("tea", "milk", "tea"):
        record_query(collection_id=collection.pk, owner_id=collection.owner_id, text=text)
    assert report("warm_cache", "--collection", collection.name, "--limit", "1")["texts"] == 1
    assert is_cached(collection.owner, "tea", "milk", input_type="query") == [True, False]


def test_warming_without_redis_would_be_in_vain(file: Path) -> None:
    with pytest.raises(CommandError, match="REDIS_URL"):
        run("warm_cache", str(file))


def test_warming_a_redis_that_is_away_would_be_in_vain(
    shared_cache: RedisServer, file: Path
) -> None:
    shared_cache.kill()
    with pytest.raises(CommandError, match="does not answer"):
        run("warm_cache", str(file))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/absent"], "There is no file"),
        (["--collection", "absent"], "There is no collection"),
        ([__file__, "--owner", "nobody"], "no active user"),
        ([__file__, "--model", "absent"], "absent"),
    ],
)
def test_faults_of_warming_are_told(
    shared_cache: RedisServer, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        run("warm_cache", *arguments)


def test_clearing(shared_cache: RedisServer, file: Path, admin: User) -> None:
    run("warm_cache", str(file))
    values = report("clear_cache", "--older-than", "60")
    assert (values["redis"], values["queries"]) == (0, 0)
    assert report("clear_cache", "--model", "all-MiniLM-L6-v2")["redis"] == 0
    assert report("clear_cache", "--model", "hashing-384")["redis"] == 100
    assert is_cached(admin, "green tea") == [False]
    assert "Redis: 1 values" in run("clear_cache")
    shared_cache.kill()
    assert "Redis: does not answer" in run("clear_cache")


def test_clearing_without_redis() -> None:
    assert the_cache().shared is None
    assert report("clear_cache")["redis"] is None
    assert "Redis" not in run("clear_cache")


def test_clearing_recorded_queries(settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"cache_queries": 10})
    for _ in range(2):
        collection = make_collection()
        record_query(collection_id=collection.pk, owner_id=collection.owner_id, text="tea")
    assert report("clear_cache", "--collection", collection.name)["queries"] == 0
    assert report("clear_cache", "--collection", collection.name, "--queries")["queries"] == 1
    assert report("clear_cache", "--queries")["queries"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--collection", "absent"],
        ["--older-than", "-1"],
        ["--model", "absent"],
        ["--model", "m", "--collection", "c"],
    ],
)
def test_faults_of_clearing_are_told(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        run("clear_cache", *arguments)
