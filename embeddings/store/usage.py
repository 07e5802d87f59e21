"""Adding to the ledger of use."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from django.db import connection

from embeddings.types.usage import Amounts, UsageKey


def add_usage(amounts: Mapping[UsageKey, Amounts]) -> None:
    """Add the amounts to the ledger's rows, in one statement."""
    keys = sorted(amounts, key=UsageKey.sorting)
    columns = [[getattr(key, name) for key in keys] for name in _KEY]
    columns += [[getattr(amounts[key], name) for key in keys] for name in _AMOUNTS]
    with connection.cursor() as cursor:
        cursor.execute(_ADD, columns)


def set_storage(
    *,
    day: date,
    user_id: int,
    team_id: int | None,
    collection_id: uuid.UUID,
    model: str,
    tables: Sequence[str],
    price: Decimal,
) -> bool:
    """Put on record how many bytes the tables take, at a price for each GiB of the day; false where
    that was done already, and where there is nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _SET_STORAGE, [list(tables), day, user_id, team_id, collection_id, model, price]
        )
        return bool(cursor.rowcount)


_KEY = ("day", "user_id", "team_id", "token_id", "collection_id", "model")
_AMOUNTS = ("requests", "tokens", "cached_tokens", "compute_ms", "documents", "cost")
_ON_CONFLICT = "ON CONFLICT (day, user_id, team_id, token_id, collection_id, model) DO UPDATE SET"
_ADD = f"""
    INSERT INTO usage AS u ({", ".join(_KEY)}, {", ".join(_AMOUNTS)}, storage_bytes)
    SELECT *, 0 FROM unnest(
        %s::date[], %s::bigint[], %s::bigint[], %s::bigint[], %s::uuid[], %s::text[],
        %s::bigint[], %s::bigint[], %s::bigint[], %s::float8[], %s::bigint[], %s::numeric[])
    {_ON_CONFLICT} {", ".join(f"{name} = u.{name} + excluded.{name}" for name in _AMOUNTS)}
    """  # noqa: S608 - names of our own
_SET_STORAGE = f"""
    WITH taken AS (
        SELECT coalesce(sum(pg_total_relation_size(to_regclass(name))), 0)::bigint AS bytes
        FROM unnest(%s::text[]) AS name
    )
    INSERT INTO usage AS u ({", ".join(_KEY)}, {", ".join(_AMOUNTS)}, storage_bytes)
    SELECT %s, %s, %s, NULL, %s, %s, 0, 0, 0, 0, 0, bytes / 1073741824.0 * %s, bytes
    FROM taken WHERE bytes > 0
    {_ON_CONFLICT} storage_bytes = excluded.storage_bytes, cost = u.cost + excluded.cost
    WHERE u.storage_bytes = 0"""  # noqa: S608 - names of our own
