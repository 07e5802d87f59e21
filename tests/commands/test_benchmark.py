"""`manage.py benchmark`."""

import gzip
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from django.core.management import CommandError, call_command
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.policy import SiteRole
from accounts.services.tokens import create_api_token
from embeddings.constants import IndexState
from embeddings.models import Collection, Job
from embeddings.services import rerank
from embeddings.services.add import add_documents
from embeddings.store.index import build_index
from embeddings.types.document import DocumentInput
from tests.factories import make_collection, make_user
from tests.rerankers import WordOverlap

pytestmark = pytest.mark.django_db

CORPUS = {
    "tea": "how to brew green tea",
    "coffee": "how to brew strong coffee",
    "rail": "a timetable of trains",
    "empty": "",
}
QUERIES = {"q1": "brew green tea", "q2": "timetable of trains", "q3": "without a judgement"}
QRELS = (("q1", "tea", 2), ("q1", "coffee", 1), ("q2", "rail", 1))


@pytest.fixture(autouse=True)
def admin(db: None) -> User:
    return make_user("root", SiteRole.ADMIN)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def lines(texts: dict[str, str]) -> bytes:
        return b"".join(orjson.dumps({"_id": k, "text": v}) + b"\n" for k, v in texts.items())

    (tmp_path / "corpus.jsonl.gz").write_bytes(gzip.compress(lines(CORPUS)))
    (tmp_path / "queries.jsonl").write_bytes(lines(QUERIES))
    rows = [("query-id", "corpus-id", "score"), *QRELS]
    (tmp_path / "qrels.tsv").write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return tmp_path


def run(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("benchmark", *arguments, "--json", stdout=out)
    report: dict[str, Any] = orjson.loads(out.getvalue())
    return report


def test_quality(folder: Path) -> None:
    report = run("quality", str(folder))
    assert (report["model"], report["queries"]) == ("hashing-384", 2)
    perfect = {"nDCG@10": 1.0, "Recall@100": 1.0, "MRR": 1.0}
    assert report["modes"] == dict.fromkeys(("semantic", "keyword", "hybrid"), perfect)
    assert not Collection.objects.exists()
    assert not Job.objects.exists()


def test_quality_of_another_language(folder: Path) -> None:
    """Whose words have forms of their own: in English, "Ketten" is no form of "Kette"."""
    german = orjson.dumps({"_id": "q1", "text": "Ketten"}) + b"\n"
    (folder / "queries.jsonl").write_bytes(german)
    corpus = orjson.dumps({"_id": "kette", "text": "Eine Kette aus Gold"}) + b"\n"
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(corpus))
    (folder / "qrels.tsv").write_text("query\tdocument\tgrade\nq1\tkette\t1\n")

    for language, expected in (("german", 1.0), ("english", 0.0)):
        report = run("quality", str(folder), "--modes", "keyword", "--language", language)
        assert (report["language"], report["modes"]["keyword"]["MRR"]) == (language, expected)


def test_quality_falls_where_the_judges_want_something_else(folder: Path) -> None:
    (folder / "qrels.tsv").write_text("query\tdocument\tgrade\nq1\trail\t1\nq1\tmissing\t1\n")
    modes = run("quality", str(folder), "--modes", "semantic", "keyword")["modes"]
    assert modes["keyword"]["nDCG@10"] == 0
    quality = modes["semantic"]
    # rail is the third of three: 1/log2(4) of the ideal's 1 + 1/log2(3)
    assert quality["nDCG@10"] == pytest.approx(0.5 / (1 + 1 / np.log2(3)))
    assert (quality["Recall@100"], quality["MRR"]) == (0.5, pytest.approx(1 / 3))


def test_quality_of_some_of_the_queries(folder: Path) -> None:
    assert run("quality", str(folder), "--limit", "1")["queries"] == 1


def test_quality_of_texts_that_are_cut(folder: Path) -> None:
    needle = "word " * 40 + "Brew green tea."
    (folder / "corpus.jsonl").write_bytes(orjson.dumps({"_id": "tea", "text": needle}))
    wish = {"method": "sentences", "size": 16}

    report = run("quality", str(folder), "--chunking", orjson.dumps(wish).decode())

    assert report["chunking"] == {**wish, "overlap": 0}
    with pytest.raises(CommandError, match="16 to 1000000"):
        run("quality", str(folder), "--chunking", '{"size": 1}')
    with pytest.raises(CommandError, match="--chunking"):
        run("quality", str(folder), "--chunking", '{"length": 16}')


def test_rerank(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judges want what the search puts last, and the reranker puts it first."""
    (folder / "queries.jsonl").write_bytes(b'{"_id": "q1", "text": "brew green tea a"}\n')
    (folder / "qrels.tsv").write_text("query\tdocument\tgrade\nq1\trail\t1\n")
    reranker = WordOverlap()
    reranker.ignored = {"brew", "green", "tea"}
    monkeypatch.setattr(rerank, "get_reranker", lambda name: reranker)

    report = run("rerank", str(folder), "--reranker", "word-overlap", "--depths", "2", "3")

    assert (report["model"], report["reranker"]) == ("hashing-384", "word-overlap")
    assert report["queries"] == 1
    assert report["nDCG@10"] == 0.5  # the third of three
    assert report["nDCG@10 of the first hits reranked"] == {"2": 0.5, "3": 1.0}
    assert report["milliseconds"] > 0
    assert [sorted(texts) for _, texts in reranker.calls] == [sorted(filter(None, CORPUS.values()))]
    assert not Collection.objects.exists()


def test_the_report_for_people(folder: Path) -> None:
    out = StringIO()
    call_command("benchmark", "quality", str(folder), stdout=out)
    assert "modes:\n  semantic:\n    nDCG@10: 1.0\n" in out.getvalue()


def test_a_folder_that_is_not_whole_is_said(folder: Path) -> None:
    with pytest.raises(CommandError, match="No model `gpt`"):
        run("quality", str(folder), "--model", "gpt")
    (folder / "qrels.tsv").write_text("query\tdocument\n\nq1\n")
    with pytest.raises(CommandError, match=r"qrels\.tsv is no table"):
        run("quality", str(folder))
    (folder / "qrels.tsv").unlink()
    with pytest.raises(CommandError, match=r"no qrels\.tsv"):
        run("quality", str(folder))
    assert not Collection.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["exact", "hnsw"])
def test_search(admin: User, live_server: LiveServer, path: str) -> None:
    collection = make_collection("many", owner=admin)
    documents = [DocumentInput(f"d{i}", f"text of number {i}") for i in range(300)]
    add_documents(collection=collection, documents=documents)
    if path == "hnsw":
        build_index(generation=collection.generation)
        collection.generation.index_state = IndexState.READY.value
        collection.generation.save(update_fields=["index_state"])
    _, token = create_api_token(user=admin, name="test")
    arguments = ["search", "--collection", "many", "--url", live_server.url]
    report = run(*arguments, "--token", token, "--queries", "30")
    assert (report["path"], report["queries"], report["documents"]) == (path, 30, 300)
    assert report["same_hits"] == 1
    assert 0 < report["sql_ms"]["p50"] < report["http_ms"]["p50"]
    difference = report["http_ms"]["p50"] - report["sql_ms"]["p50"]
    assert report["p50_difference_ms"] == pytest.approx(difference, abs=0.002)
    with pytest.raises(CommandError, match="answers 401"):
        run(*arguments, "--token", "emb_wrong")
    with pytest.raises(CommandError, match="does not answer"):
        run(*arguments, "--token", token, "--url", "http://127.0.0.1:9")


def test_search_needs_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    with pytest.raises(CommandError, match="TOKEN"):
        run("search", "--collection", "many")


def test_engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def compare(texts: list[str], **options: Any) -> dict[str, Any]:
        seen.update(options, texts=texts)
        return {"ratio": 2.0}

    monkeypatch.setattr("embeddings.engine.benchmark.measure_engine", compare)
    corpus = str(folder / "corpus.jsonl.gz")
    assert run("engine", corpus, corpus, "--limit", "4", "--rounds", "2") == {"ratio": 2.0}
    assert seen["texts"] == [CORPUS["tea"], CORPUS["coffee"], CORPUS["rail"], CORPUS["tea"]]
    assert seen["rounds"] == 2
