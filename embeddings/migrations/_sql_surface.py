"""The views and functions for people with psql, as of migration 0011.

Functions that look the collection up by its name at each call stay right when it is renamed or
dropped, and cost nothing to keep for a thousand collections; a view for each would have to be made,
renamed and dropped with it, and whoever reads one for long would hold up the drop. They go through
the partitioned tables, with the partition's key as a literal, so that the planner opens one
partition only, and a right to the two tables is a right to every collection, later ones too.
"""

from typing import Any

from psycopg import sql

COLLECTIONS = """
CREATE OR REPLACE VIEW embed_collections AS
SELECT c.name, c.description, g.model, g.dimensions, g.metric, c.document_count AS documents,
    c.version, g.index_state, c.created_at, c.updated_at
FROM collections c JOIN generations g ON g.id = c.active_id"""

FIND = """
CREATE OR REPLACE FUNCTION embed_generation(
    collection text,
    OUT collection_id uuid, OUT id bigint, OUT dimensions integer, OUT metric text,
    OUT storage text, OUT index_state text
)
LANGUAGE plpgsql STABLE
SET search_path = {path}
AS $$
BEGIN
    SELECT c.id, g.id, g.dimensions, g.metric, g.storage, g.index_state
    INTO collection_id, id, dimensions, metric, storage, index_state
    FROM collections c JOIN generations g ON g.id = c.active_id
    WHERE c.name = embed_generation.collection;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no collection %.', quote_nullable(embed_generation.collection)
            USING ERRCODE = 'no_data_found', HINT = 'SELECT name FROM embed_collections;';
    END IF;
END
$$"""

CONDITION = """
CREATE OR REPLACE FUNCTION embed_condition(
    filter jsonb, before text DEFAULT '', after text DEFAULT ''
)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = {path}
AS $$
BEGIN
    IF jsonb_typeof(filter) <> 'object' THEN
        RAISE EXCEPTION 'A filter is a JSON object, such as {{"section": "net"}}.'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- As the service has it: a value is there by itself or in an array, an array with all it holds.
    RETURN (
        SELECT coalesce(string_agg(
            CASE
                WHEN jsonb_typeof(value) = 'object' AND value <> '{{}}'
                THEN embed_condition(value, opened, closed)
                WHEN jsonb_typeof(value) IN ('object', 'array')
                THEN format('d.metadata @> %L', opened || value || closed)
                ELSE format('(d.metadata @> %L OR d.metadata @> %L)',
                    opened || value || closed, opened || '[' || value || ']' || closed)
            END, ' AND '), 'true')
        FROM jsonb_each(filter), concat(before, '{{', to_json(key), ':') AS opened,
            concat('}}', after) AS closed
    );
END
$$"""

DOCUMENTS = """
CREATE OR REPLACE FUNCTION embed_documents(
    collection text, filter jsonb DEFAULT '{{}}', max_rows bigint DEFAULT NULL
)
RETURNS TABLE (
    id text, text text, metadata jsonb, created_at timestamptz, updated_at timestamptz
)
LANGUAGE plpgsql STABLE
SET search_path = {path}
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT d.external_id::text, d.text, d.metadata, d.created_at, d.updated_at FROM documents d'
        ' WHERE d.collection_id = %L AND %s LIMIT $1',
        (embed_generation(collection)).collection_id, embed_condition(coalesce(filter, '{{}}'))
    ) USING max_rows;
END
$$"""

CHUNKS = """
CREATE OR REPLACE FUNCTION embed_chunks(
    collection text, filter jsonb DEFAULT '{{}}', max_rows bigint DEFAULT NULL
)
RETURNS TABLE (id text, ordinal integer, start integer, "end" integer, text text, embedding vector)
LANGUAGE plpgsql STABLE
SET search_path = {path}
AS $$
DECLARE
    generation record := embed_generation(collection);
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT d.external_id::text, c.ordinal, c.start, c."end",'
        ' substr(d.text, c.start + 1, c."end" - c.start), c.embedding'
        ' FROM chunks c JOIN documents d ON d.id = c.document_id'
        ' WHERE c.generation_id = %L AND d.collection_id = %L AND %s LIMIT $1',
        generation.id, generation.collection_id, embed_condition(coalesce(filter, '{{}}'))
    ) USING max_rows;
END
$$"""

SEARCH = """
CREATE OR REPLACE FUNCTION embed_search(
    collection text, query vector, top_k integer DEFAULT 10, filter jsonb DEFAULT '{{}}'
)
RETURNS TABLE (
    id text, score double precision, distance double precision, text text, metadata jsonb
)
LANGUAGE plpgsql STABLE
SET search_path = {path}
-- What the body sets ends with the function only because it is set here too.
SET hnsw.ef_search = 40 SET hnsw.iterative_scan = relaxed_order SET hnsw.max_scan_tuples = 200000
SET hnsw.scan_mem_multiplier = 4
SET enable_seqscan = on SET enable_sort = on SET enable_hashjoin = on SET enable_mergejoin = on
AS $$
DECLARE
    exact_matches constant integer := 10000;  -- up to so many, exact is as fast
    generation record := embed_generation(collection);
    condition constant text := embed_condition(coalesce(filter, '{{}}'));
    filtered constant boolean := condition <> 'true';
    operator text; indexed text; asked text; index_operator text;
    source text; wanted bigint; matches bigint; ef integer;
    ids uuid[]; distances double precision[];
BEGIN
    IF query IS NULL OR vector_dims(query) <> generation.dimensions THEN
        RAISE EXCEPTION 'The vector has % dimensions; collection % has %.',
            coalesce(vector_dims(query)::text, 'no'), quote_ident(collection), generation.dimensions
            USING ERRCODE = 'data_exception';
    END IF;
    IF generation.metric = 'cosine' AND vector_norm(query) = 0 THEN
        RAISE EXCEPTION 'The vector has length 0, and no angle to any other.'
            USING ERRCODE = 'data_exception';
    END IF;
    IF top_k IS NULL OR top_k < 1 OR top_k > 10000 THEN
        RAISE EXCEPTION 'top_k must be from 1 to 10000.' USING ERRCODE = 'data_exception';
    END IF;
    operator := CASE generation.metric
        WHEN 'cosine' THEN '<=>' WHEN 'l2' THEN '<->' WHEN 'ip' THEN '<#>' ELSE '<+>' END;

    -- One document may have several chunks: the nearest counts.
    source := format('chunks c WHERE c.generation_id = %L', generation.id);
    IF filtered THEN
        source := format(
            'chunks c JOIN documents d ON d.id = c.document_id'
            ' WHERE c.generation_id = %L AND d.collection_id = %L AND %s',
            generation.id, generation.collection_id, condition
        );
    END IF;
    EXECUTE format(
        'SELECT count(*) FROM (SELECT FROM documents d'
        ' WHERE d.collection_id = %L AND %s LIMIT $1) m', generation.collection_id, condition
    ) INTO matches USING CASE WHEN filtered THEN exact_matches + 1 ELSE 0 END + top_k;
    wanted := least(top_k, matches);
    ef := greatest(100, 2 * top_k);

    IF generation.index_state = 'ready' AND ef <= 1000
        AND NOT (filtered AND matches <= exact_matches)
    THEN
        indexed := CASE generation.storage
            WHEN 'bit' THEN '(binary_quantize(%s)::bit(%s))'
            WHEN 'vector' THEN '(%s::vector(%s))' ELSE '(%s::halfvec(%s))' END;
        index_operator := CASE generation.storage WHEN 'bit' THEN '<~>' ELSE operator END;
        IF generation.storage = 'bit' THEN
            ef := least(1000, 4 * ef);  -- signs alone order roughly
        END IF;
        PERFORM set_config('hnsw.ef_search', ef::text, true),
            set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
            set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true);
        EXECUTE format(
            'WITH candidates AS MATERIALIZED ('
            '     SELECT c.document_id, c.embedding %s $1 AS distance FROM %s'
            '     ORDER BY %s %s %s LIMIT %s'
            ' ), nearest AS ('
            '     SELECT document_id, min(distance) AS distance FROM candidates'
            '     GROUP BY document_id ORDER BY min(distance), document_id LIMIT $2'
            ' ) SELECT array_agg(document_id ORDER BY distance, document_id),'
            ' array_agg(distance ORDER BY distance, document_id) FROM nearest',
            operator, source, format(indexed, 'c.embedding', generation.dimensions),
            index_operator, format(indexed, '$1', generation.dimensions), ef
        ) INTO ids, distances USING query, top_k;
        PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true),
            set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true);
    END IF;
    IF coalesce(cardinality(ids), 0) < wanted THEN
        EXECUTE format(
            'WITH nearest AS ('
            '     SELECT c.document_id, min(c.embedding %s $1) AS distance FROM %s'
            '     GROUP BY c.document_id ORDER BY 2, 1 LIMIT $2'
            ' ) SELECT array_agg(document_id ORDER BY distance, document_id),'
            ' array_agg(distance ORDER BY distance, document_id) FROM nearest',
            operator, source
        ) INTO ids, distances USING query, top_k;
    END IF;

    RETURN QUERY EXECUTE format(
        'SELECT d.external_id::text, %s, n.distance, d.text, d.metadata'
        ' FROM unnest($1, $2) WITH ORDINALITY n (id, distance, place)'
        ' JOIN documents d ON d.id = n.id AND d.collection_id = %L ORDER BY n.place',
        CASE generation.metric WHEN 'cosine' THEN '1 - n.distance' WHEN 'ip' THEN '- n.distance'
            ELSE '1 / (1 + n.distance)' END,
        generation.collection_id
    ) USING ids, distances;
END
$$"""

SURFACE = (COLLECTIONS, FIND, CONDITION, DOCUMENTS, CHUNKS, SEARCH)

DROP = """
DROP FUNCTION embed_search, embed_chunks, embed_documents, embed_condition, embed_generation;
DROP VIEW embed_collections"""


def create_surface(_apps: Any, schema_editor: Any) -> None:
    """Make them; what they name is looked for where our tables and pgvector are, nowhere else."""
    with schema_editor.connection.cursor() as cursor:
        # pgvector must be loaded before its settings can be named.
        cursor.execute("SELECT '[1]'::vector <-> '[1]'::vector")
        cursor.execute(
            "SELECT current_schema(), n.nspname FROM pg_extension e"
            " JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'"
        )
        schemas = dict.fromkeys([*cursor.fetchone(), "pg_temp"])
        path = sql.SQL(", ").join(map(sql.Identifier, schemas))
        for statement in SURFACE:
            cursor.execute(sql.SQL(statement).format(path=path))


def drop_surface(_apps: Any, schema_editor: Any) -> None:
    """Undo it."""
    schema_editor.execute(DROP)
