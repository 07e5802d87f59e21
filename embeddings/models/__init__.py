"""What is stored: collections, their generations, documents and chunks, and jobs."""

from embeddings.models.chunk import Chunk
from embeddings.models.collection import Collection
from embeddings.models.document import Document
from embeddings.models.generation import Generation
from embeddings.models.job import Job, JobPart

__all__ = ["Chunk", "Collection", "Document", "Generation", "Job", "JobPart"]
