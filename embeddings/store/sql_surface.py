"""The rights of a role that may use the SQL surface, and nothing else, and only read."""

import re

import psycopg
from psycopg import sql

ROLE_PATTERN = r"[a-z_][a-z0-9_]{0,62}"

# What the functions read runs with the caller's rights. Of documents and chunks the partitioned
# tables alone: asked through them, PostgreSQL looks at no right to a partition, so that collections
# made later are included, and no partition can be read past them.
_GRANTS = """
    GRANT CONNECT ON DATABASE {database} TO {role};
    GRANT USAGE ON SCHEMA {schema} TO {role};
    GRANT SELECT ON embed_collections, documents, chunks TO {role};
    GRANT SELECT (id, name, active_id) ON collections TO {role};
    GRANT SELECT (id, dimensions, metric, storage, index_state) ON generations TO {role};
    ALTER ROLE {role} IN DATABASE {database} SET default_transaction_read_only = on"""


class RoleExists(Exception):
    """There is a role of that name."""


class MayNotMakeRoles(Exception):
    """Our own role may not make others."""


def is_role_name(name: str) -> bool:
    """Whether it needs no quotes anywhere; PostgreSQL keeps pg_ for itself."""
    return re.fullmatch(ROLE_PATTERN, name) is not None and not name.startswith("pg_")


def create_readonly_role(
    *, connection: psycopg.Connection[tuple[object, ...]], name: str, password: str
) -> None:
    """Make the role, all of it or nothing. The server is sent the password's SCRAM verifier only,
    so that no log of statements holds it. Raises RoleExists, MayNotMakeRoles.
    """
    verifier = connection.pgconn.encrypt_password(
        password.encode(), name.encode(), b"scram-sha-256"
    ).decode()
    role = sql.Identifier(name)
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(verifier))
            )
            row = connection.execute("SELECT current_database(), current_schema()").fetchone()
            if row is None:
                raise RuntimeError("SELECT without FROM returns a row")
            grants = sql.SQL(_GRANTS).format(
                role=role, database=sql.Identifier(str(row[0])), schema=sql.Identifier(str(row[1]))
            )
            connection.execute(grants)
    except psycopg.errors.DuplicateObject:
        raise RoleExists from None
    except psycopg.errors.InsufficientPrivilege:
        raise MayNotMakeRoles from None
