import django.contrib.postgres.search
import django.db.models.deletion
import django.db.models.functions.datetime
import pgvector.django.sparsevec
from django.db import migrations, models

from embeddings.migrations._sql_surface import create_surface, drop_surface

# Indexes of declared fields are on these: embeddings.store.filter and embeddings.store.metadata_index
# compose them. SQL functions are inlined, so that the planner sees through them.
METADATA_FUNCTIONS = r"""
    CREATE FUNCTION metadata_number(value jsonb) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN jsonb_typeof(value) = 'number' THEN value::numeric END;

    CREATE FUNCTION metadata_string(value jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN jsonb_typeof(value) = 'string' THEN value #>> '{}' END;

    -- The cast depends on no setting: the year comes first, and what names no offset is UTC.
    CREATE FUNCTION metadata_instant(value jsonb) RETURNS timestamptz
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
    DECLARE
        spelled text := value #>> '{}';
    BEGIN
        IF jsonb_typeof(value) = 'string' AND spelled ~ ('^[0-9]{4}-[0-9]{2}-[0-9]{2}'
            '([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?'
            '(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?)?$')
        AND pg_input_is_valid(spelled, 'timestamptz') THEN
            RETURN CASE WHEN substr(spelled, 11) ~ '[Z+-]' THEN spelled ELSE spelled || 'Z' END;
        END IF;
        RETURN NULL;
    END $$;"""
METADATA_FUNCTIONS_REVERSE = """
    DROP FUNCTION metadata_number(jsonb);
    DROP FUNCTION metadata_string(jsonb);
    DROP FUNCTION metadata_instant(jsonb);"""
METADATA_INDEXES = """
    DO $$
    DECLARE
        partition text;
    BEGIN
        FOR partition IN
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'documents'::regclass
        LOOP
            EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %I USING gin (metadata jsonb_path_ops)'
                ' WITH (gin_pending_list_limit = 256)', partition || '_metadata', partition);
        END LOOP;
    END $$"""
METADATA_INDEXES_REVERSE = """
    DO $$
    DECLARE
        partition text;
    BEGIN
        FOR partition IN
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'documents'::regclass
        LOOP
            EXECUTE format('DROP INDEX IF EXISTS %I', partition || '_metadata');
        END LOOP;
    END $$"""

TERMS = """
    CREATE TABLE document_terms (
        collection_id uuid NOT NULL,
        document_id uuid NOT NULL,
        length integer NOT NULL CHECK (length >= 0),
        average_length double precision NOT NULL,
        weights sparsevec NOT NULL,
        terms tsvector NOT NULL
    ) PARTITION BY LIST (collection_id)"""
TERMS_REVERSE = "DROP TABLE document_terms"
# Of the collections that are there already. A refresh of the statistics adds their documents, and is
# due after a thousand changes.
TERMS_PARTITIONS = """
    DO $$ DECLARE collection uuid; digits text; BEGIN
        FOR collection IN SELECT id FROM collections LOOP
            digits := replace(collection::text, '-', '');
            EXECUTE format(
                'CREATE TABLE %I (LIKE document_terms INCLUDING ALL, PRIMARY KEY (document_id),'
                ' FOREIGN KEY (document_id) REFERENCES %I (id) ON DELETE CASCADE,'
                ' CHECK (collection_id = %L))',
                'terms_' || digits, 'documents_' || digits, collection
            );
            EXECUTE format('CREATE INDEX %I ON %I USING gin (terms)',
                'terms_' || digits || '_gin', 'terms_' || digits);
            EXECUTE format(
                'ALTER TABLE document_terms ATTACH PARTITION %I FOR VALUES IN (%L)',
                'terms_' || digits, collection
            );
        END LOOP;
        INSERT INTO keyword_statistics
            SELECT id, 0, 0, document_count + 1000, 0, NULL FROM collections WHERE document_count > 0;
    END $$"""


class Migration(migrations.Migration):
    dependencies = [
        ("embeddings", "0003_cache"),
    ]

    operations = [
        migrations.AddField(
            model_name="collection",
            name="chunking",
            field=models.JSONField(
                default=dict, editable=False, help_text="How texts are cut; chosen when it is made."
            ),
        ),
        migrations.AddField(
            model_name="collection",
            name="language",
            field=models.CharField(
                default="english",
                editable=False,
                help_text="PostgreSQL's text search configuration for its documents.",
                max_length=63,
            ),
        ),
        migrations.AddField(
            model_name="collection",
            name="metadata_schema",
            field=models.JSONField(
                default=dict, editable=False, help_text="The declared fields of the metadata."
            ),
        ),
        migrations.RunSQL(METADATA_FUNCTIONS, METADATA_FUNCTIONS_REVERSE),
        migrations.RunSQL(METADATA_INDEXES, METADATA_INDEXES_REVERSE),
        migrations.AlterField(
            model_name="generation",
            name="ef_construction",
            field=models.PositiveSmallIntegerField(default=128),
        ),
        migrations.AddField(
            model_name="generation",
            name="storage",
            field=models.CharField(
                choices=[("halfvec", "halfvec"), ("vector", "vector"), ("bit", "bit")],
                default="halfvec",
                help_text="What the index holds of a vector.",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(
                choices=[
                    ("import", "import"),
                    ("build_index", "build_index"),
                    ("warm_cache", "warm_cache"),
                    ("reindex", "reindex"),
                    ("index_metadata", "index_metadata"),
                    ("refresh_keywords", "refresh_keywords"),
                    ("measure_recall", "measure_recall"),
                    ("repair_indexes", "repair_indexes"),
                    ("vacuum", "vacuum"),
                    ("delete_documents", "delete_documents"),
                ],
                max_length=32,
            ),
        ),
        migrations.CreateModel(
            name="RecallMeasurement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("filtered", models.BooleanField(help_text="Whether the searches had a filter.")),
                (
                    "recall",
                    models.FloatField(help_text="Share of the exact answers that was found."),
                ),
                ("worst", models.FloatField(help_text="The same of the worst search.")),
                ("top_k", models.PositiveSmallIntegerField()),
                ("queries", models.PositiveIntegerField()),
                (
                    "approximate",
                    models.PositiveIntegerField(help_text="Searches that used the index."),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "collection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recall_measurements",
                        to="embeddings.collection",
                    ),
                ),
            ],
            options={
                "db_table": "recall_measurements",
                "indexes": [
                    models.Index(
                        fields=["collection", "filtered", "-created_at"], name="recall_newest"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("recall__range", (0, 1)), ("worst__range", (0, 1))),
                        name="recall_is_a_share",
                    )
                ],
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(TERMS, TERMS_REVERSE)],
            state_operations=[
                migrations.CreateModel(
                    name="DocumentTerms",
                    fields=[
                        (
                            "document",
                            models.OneToOneField(
                                db_constraint=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                primary_key=True,
                                related_name="terms",
                                serialize=False,
                                to="embeddings.document",
                            ),
                        ),
                        (
                            "length",
                            models.IntegerField(help_text="How many words, the repeated ones too."),
                        ),
                        (
                            "average_length",
                            models.FloatField(
                                help_text="Of the collection's, as the weights have it."
                            ),
                        ),
                        (
                            "weights",
                            pgvector.django.sparsevec.SparseVectorField(
                                dimensions=1000000000,
                                help_text="What BM25 makes of each word's frequency here.",
                            ),
                        ),
                        ("terms", django.contrib.postgres.search.SearchVectorField()),
                        (
                            "collection",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="embeddings.collection",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "document_terms",
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name="KeywordStatistics",
            fields=[
                (
                    "collection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="keywords",
                        serialize=False,
                        to="embeddings.collection",
                    ),
                ),
                (
                    "documents",
                    models.BigIntegerField(
                        default=0,
                        help_text="How many `length` counts: deleted and replaced ones until a refresh.",
                    ),
                ),
                (
                    "length",
                    models.BigIntegerField(default=0, help_text="Words of all of them."),
                ),
                (
                    "changes",
                    models.BigIntegerField(
                        default=0, help_text="Documents written since the refresh."
                    ),
                ),
                ("refreshed_documents", models.BigIntegerField(default=0)),
                ("refreshed_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "keyword_statistics",
            },
        ),
        migrations.CreateModel(
            name="CommonTerm",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "collection",
                        "lexeme",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("lexeme", models.TextField(db_collation="C")),
                ("documents", models.BigIntegerField(help_text="At the last refresh.")),
                (
                    "collection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="embeddings.collection",
                    ),
                ),
            ],
            options={
                "db_table": "common_terms",
            },
        ),
        migrations.RunSQL(TERMS_PARTITIONS, migrations.RunSQL.noop),
        migrations.RunPython(create_surface, drop_surface),
    ]
