"""What is stored: collections, their generations, documents and chunks, words, grants, jobs,
recall, use, numbers over time, and what the cache must not forget.
"""

from embeddings.models.cache import CacheCutoff, CacheErasure, FrequentQuery
from embeddings.models.chunk import Chunk
from embeddings.models.collection import Collection
from embeddings.models.document import Document
from embeddings.models.generation import Generation
from embeddings.models.grant import Grant
from embeddings.models.job import Job, JobPart
from embeddings.models.keyword import CommonTerm, DocumentTerms, KeywordStatistics
from embeddings.models.live_settings import LiveSettings
from embeddings.models.metric_point import MetricPoint
from embeddings.models.recall import RecallMeasurement
from embeddings.models.usage import Usage

__all__ = [
    "CacheCutoff",
    "CacheErasure",
    "Chunk",
    "Collection",
    "CommonTerm",
    "Document",
    "DocumentTerms",
    "FrequentQuery",
    "Generation",
    "Grant",
    "Job",
    "JobPart",
    "KeywordStatistics",
    "LiveSettings",
    "MetricPoint",
    "RecallMeasurement",
    "Usage",
]
