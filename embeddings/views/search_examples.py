"""Searches and an answer, as the API's description shows them."""

from typing import Any

EXAMPLES: dict[str, dict[str, Any]] = {
    "By text": {"collection": "articles", "query": "hot drinks", "top_k": 3},
    "With a filter": {
        "collection": "articles",
        "query": "hot drinks",
        "filter": {"lang": "en", "year": {"$gte": 2020}},
    },
    "Like a document": {"collection": "articles", "document_id": "guide/1"},
    "Like some documents, unlike others": {
        "collection": "articles",
        "positive": ["guide/1", "guide/7"],
        "negative": ["guide/4"],
    },
    "Reranked": {
        "collection": "articles",
        "query": "Why does tea turn bitter?",
        "rerank": {"top_n": 50},
        "min_score": 0.5,
    },
    "Different from each other": {
        "collection": "articles",
        "query": "hot drinks",
        "diversity": 0.5,
    },
    "Three of each author": {
        "collection": "articles",
        "query": "hot drinks",
        "group_by": {"field": "author.name", "size": 3},
    },
    "Chunks": {
        "collection": "articles",
        "query": "hot drinks",
        "group_by": "chunk",
        "include": ["chunk"],
    },
    "With counts by language and author": {
        "collection": "articles",
        "query": "hot drinks",
        "facets": ["lang", {"field": "author.name", "limit": 20}],
    },
    "The next page": {
        "collection": "articles",
        "query": "hot drinks",
        "top_k": 3,
        "cursor": "lD0Wm1vYx5c0…",
    },
    "Several collections": {"collections": ["articles", "books"], "query": "hot drinks"},
    "Several queries": {
        "collection": "articles",
        "queries": [
            {"query": "hot drinks", "top_k": 3},
            {"document_id": "guide/1", "filter": {"lang": "en"}},
        ],
    },
}

ANSWER: dict[str, Any] = {
    "hits": [
        {
            "id": "guide/1",
            "score": 0.71,
            "distance": 0.29,
            "text": "How to brew green tea.",
            "metadata": {"lang": "en", "year": 2024},
        }
    ],
    "plan": {
        "path": "exact",
        "exact": True,
        "ef_search": None,
        "candidates": None,
        "matches": None,
        "matches_at_least": False,
    },
    "next_cursor": None,
    "usage": {"tokens": 4, "cached_tokens": 0},
    "took_ms": 3.2,
}
