"""How well searches find what judges found relevant: a BEIR folder through the service's own
search.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from statistics import fmean
from typing import Any

from accounts.exceptions import Problem
from accounts.principal import Principal
from embeddings.constants import DEFAULT_LANGUAGE, SearchMode
from embeddings.models import Collection
from embeddings.readers.beir import BeirFolder
from embeddings.readers.files import file_format
from embeddings.services.add import store_documents
from embeddings.services.collection import create_collection, delete_collection
from embeddings.services.document_input import parse_document
from embeddings.services.import_batches import BATCH_DOCUMENTS
from embeddings.services.keyword_statistics import refresh_keywords
from embeddings.services.ranking import Judgements, ndcg, recall, reciprocal_rank
from embeddings.services.search import search_collection
from embeddings.types.chunking import NO_WISH, ChunkingWish
from embeddings.types.document import DocumentInput
from embeddings.types.search import SearchParams

DEPTH = 100
"""How many hits a query asks for: enough for Recall@100."""

MODES = tuple(mode.value for mode in SearchMode)

Step = Callable[[str, int], object]
"""Hears of progress: what is being done, and how many more of it are done."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over the queries."""

    ndcg_at_10: float
    recall_at_100: float
    mrr: float

    def as_json(self) -> dict[str, float]:
        """By the names that people know."""
        return {"nDCG@10": self.ndcg_at_10, "Recall@100": self.recall_at_100, "MRR": self.mrr}


def judge(rankings: Mapping[str, Sequence[str]], judged: Mapping[str, Judgements]) -> Quality:
    """The quality of the document ids that were found for each query, best first."""
    pairs = [(ranked, judged[query]) for query, ranked in rankings.items()]
    return Quality(
        ndcg_at_10=fmean(ndcg(ranked, grades, k=10) for ranked, grades in pairs),
        recall_at_100=fmean(recall(ranked, grades, k=100) for ranked, grades in pairs),
        mrr=fmean(reciprocal_rank(ranked, grades) for ranked, grades in pairs),
    )


def measure_quality(
    *,
    folder: BeirFolder,
    principal: Principal,
    model: str,
    modes: Sequence[str] = MODES,
    chunking: ChunkingWish = NO_WISH,
    language: str = DEFAULT_LANGUAGE,
    limit: int | None = None,
    step: Step = lambda *_: None,
) -> dict[str, Quality]:
    """The quality of each mode over the first `limit` queries. Raises Problem for a model, a
    chunking or a language that the service refuses.
    """
    queries = dict(islice(folder.queries.items(), limit))
    with passing_collection(
        folder=folder,
        principal=principal,
        model=model,
        chunking=chunking,
        language=language,
        step=step,
    ) as collection:
        return {
            mode: judge(dict(_rankings(collection, queries, SearchMode(mode), step)), folder.judged)
            for mode in modes
        }


@contextmanager
def passing_collection(
    *,
    folder: BeirFolder,
    principal: Principal,
    model: str,
    step: Step,
    chunking: ChunkingWish = NO_WISH,
    language: str = DEFAULT_LANGUAGE,
) -> Iterator[Collection]:
    """A collection of the principal's with the corpus in it, deleted again in the end."""
    name = f"benchmark-{uuid.uuid4().hex[:12]}"
    collection = create_collection(
        principal=principal, name=name, model=model, chunking=chunking, language=language
    )
    try:
        for batch in _batches(corpus_documents(folder), BATCH_DOCUMENTS):
            store_documents(collection=collection, documents=batch)
            step("documents", len(batch))
        collection.refresh_from_db(fields=["document_count", "version"])
        refresh_keywords(collection=collection)
        yield collection
    finally:
        delete_collection(collection=collection)


def corpus_documents(folder: BeirFolder) -> Iterator[DocumentInput]:
    """The corpus without the rows that an import would refuse; Cranfield has two empty texts."""
    for row in file_format(folder.corpus).rows(folder.corpus, 0):
        with suppress(Problem):
            yield parse_document(row.raw)


def _rankings(
    collection: Collection, queries: Mapping[str, str], mode: SearchMode, step: Step
) -> Iterator[tuple[str, list[str]]]:
    for key, text in queries.items():
        params = SearchParams(query=text, mode=mode, top_k=DEPTH, include=frozenset())
        result = search_collection(collection=collection, params=params)
        step("queries", 1)
        yield key, [hit.external_id for hit in result.hits]


def _batches(documents: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(documents)
    while batch := list(islice(iterator, size)):
        yield batch
