"""What no erasure ends, as its report says it."""

from django.conf import settings

from embeddings.models import Collection
from embeddings.types.erase import Remainder

BACKUPS = Remainder(
    what="Backups, archived write-ahead logs and exports made before now hold everything.",
    until="They are deleted, as your own rules for backups have it.",
)
FILES = Remainder(
    what="Files that were imported by command, which are not ours.", until="You delete them."
)
ELSEWHERE = Remainder(
    what="Models and rerankers elsewhere may have read the texts.", until="Ask who runs them."
)
OF_OTHERS = Remainder(
    what="Documents in collections of others don't say who added them.",
    until="They are erased by id or by filter.",
)


def left_of_documents(*, collection: Collection, redis_answered: bool) -> list[Remainder]:
    """What is left of documents that were erased from the collection."""
    config = settings.EMBED
    return [
        _dead_rows(f" --collection {collection.name}"),
        BACKUPS,
        _audit(),
        Remainder(
            what="Vectors of what was deleted or replaced before may be cached, without text.",
            until=f"{config.cache_ttl_s} seconds after they were made.",
            command=f"manage.py clear_cache --model {collection.generation.model}",
        ),
        Remainder(
            what="Searches that were under way may be cached still, where nobody finds them.",
            until=f"{config.cache_search_ttl_s} seconds from now.",
        ),
        FILES,
        *([ELSEWHERE] if any(each.provider == "remote" for each in config.models) else []),
        *([] if redis_answered else [_redis()]),
    ]


def left_of_user(*, user_id: int, redis_answered: bool) -> list[Remainder]:
    """What is left of a user who was erased."""
    return [
        _dead_rows(""),
        BACKUPS,
        _audit(),
        Remainder(
            what=f"Use is billed to the user's number, {user_id}, which nobody gets again.",
            until="You delete it.",
        ),
        OF_OTHERS,
        *([] if redis_answered else [_redis()]),
    ]


def _dead_rows(where: str) -> Remainder:
    return Remainder(
        what="Rows that no query finds any more stand in the tables' files and in the write-ahead"
        " log.",
        until="The files are written anew; whoever wants the tables waits meanwhile.",
        command=f"manage.py erase --vacuum{where}",
    )


def _audit() -> Remainder:
    days = settings.EMBED.audit_retention_days
    return Remainder(
        what="The audit says who did what to which ids, with keyed hashes in place of texts.",
        until=f"{days} days after each entry." if days else "EMBED_AUDIT_RETENTION_DAYS is set.",
    )


def _redis() -> Remainder:
    return Remainder(
        what="Redis does not answer: it may keep vectors, and searches with the texts they found.",
        until=f"{settings.EMBED.cache_ttl_s} seconds after they were made.",
        command="manage.py clear_cache",
    )
