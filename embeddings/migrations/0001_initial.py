"""Collections, generations and jobs as Django makes them; documents and chunks as partitioned tables."""

import uuid

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import pgvector.django.vector
from django.conf import settings
from django.db import migrations, models
from pgvector.django import VectorExtension

# Partitions are attached and dropped by embeddings.store.partitions, which declares the keys on them.
DOCUMENTS = """
    CREATE TABLE documents (
        id uuid NOT NULL,
        collection_id uuid NOT NULL,
        external_id varchar(512) NOT NULL CHECK (external_id <> ''),
        text text NOT NULL,
        metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
        content_hash bytea NOT NULL CHECK (octet_length(content_hash) = 32),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
    ) PARTITION BY LIST (collection_id)"""
DOCUMENTS_REVERSE = "DROP TABLE documents"
CHUNKS = """
    CREATE TABLE chunks (
        generation_id bigint NOT NULL,
        document_id uuid NOT NULL,
        ordinal integer NOT NULL CHECK (ordinal >= 0),
        start integer NOT NULL CHECK (start >= 0),
        "end" integer NOT NULL,
        embedding vector NOT NULL,
        CHECK ("end" >= start)
    ) PARTITION BY LIST (generation_id)"""
CHUNKS_REVERSE = "DROP TABLE chunks"


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        VectorExtension(),
        migrations.CreateModel(
            name="Collection",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        max_length=63,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator("^[a-z0-9][a-z0-9_-]{0,62}$")
                        ],
                    ),
                ),
                ("description", models.CharField(blank=True, default="", max_length=1000)),
                ("document_count", models.BigIntegerField(default=0, editable=False)),
                (
                    "version",
                    models.BigIntegerField(
                        default=0,
                        editable=False,
                        help_text="Grows with every write to the documents.",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="collections",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "collections",
                "ordering": ["name"],
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(DOCUMENTS, DOCUMENTS_REVERSE)],
            state_operations=[
                migrations.CreateModel(
                    name="Document",
                    fields=[
                        ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                        ("external_id", models.CharField(max_length=512, verbose_name="id")),
                        ("text", models.TextField()),
                        ("metadata", models.JSONField(blank=True, default=dict)),
                        ("content_hash", models.BinaryField(max_length=32)),
                        (
                            "created_at",
                            models.DateTimeField(
                                db_default=django.db.models.functions.datetime.Now(), editable=False
                            ),
                        ),
                        (
                            "updated_at",
                            models.DateTimeField(
                                db_default=django.db.models.functions.datetime.Now(), editable=False
                            ),
                        ),
                        (
                            "collection",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="documents",
                                to="embeddings.collection",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "documents",
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name="Generation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("model", models.CharField(max_length=200)),
                (
                    "fingerprint",
                    models.CharField(
                        help_text="Identity of the result: weights, dimensions, prompts, precision.",
                        max_length=64,
                    ),
                ),
                ("dimensions", models.PositiveIntegerField()),
                (
                    "metric",
                    models.CharField(
                        choices=[("cosine", "cosine"), ("l2", "l2"), ("ip", "ip"), ("l1", "l1")],
                        max_length=8,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("building", "building"),
                            ("active", "active"),
                            ("retired", "retired"),
                        ],
                        max_length=8,
                    ),
                ),
                ("m", models.PositiveSmallIntegerField(default=16)),
                ("ef_construction", models.PositiveSmallIntegerField(default=64)),
                (
                    "index_state",
                    models.CharField(
                        choices=[("none", "none"), ("building", "building"), ("ready", "ready")],
                        default="none",
                        max_length=8,
                    ),
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
                        related_name="generations",
                        to="embeddings.collection",
                    ),
                ),
            ],
            options={
                "db_table": "generations",
            },
        ),
        migrations.AddField(
            model_name="collection",
            name="active",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="embeddings.generation",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CHUNKS, CHUNKS_REVERSE)],
            state_operations=[
                migrations.CreateModel(
                    name="Chunk",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "generation",
                                "document",
                                "ordinal",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("ordinal", models.IntegerField()),
                        (
                            "start",
                            models.IntegerField(
                                help_text="First character of the span in the document's text."
                            ),
                        ),
                        ("end", models.IntegerField(help_text="The character after the span.")),
                        ("embedding", pgvector.django.vector.VectorField()),
                        (
                            "document",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="chunks",
                                to="embeddings.document",
                            ),
                        ),
                        (
                            "generation",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="chunks",
                                to="embeddings.generation",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "chunks",
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("import", "import"), ("build_index", "build_index")],
                        max_length=32,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "queued"),
                            ("running", "running"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("parked", "parked"),
                            ("cancelled", "cancelled"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("params", models.JSONField(default=dict)),
                ("done", models.BigIntegerField(default=0)),
                ("total", models.BigIntegerField(null=True)),
                ("result", models.JSONField(default=dict)),
                (
                    "error",
                    models.TextField(
                        blank=True, default="", help_text="What went wrong, safe to show."
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("cancel_requested", models.BooleanField(default=False)),
                ("request_id", models.CharField(blank=True, default="", max_length=64)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("started_at", models.DateTimeField(editable=False, null=True)),
                ("finished_at", models.DateTimeField(editable=False, null=True)),
                (
                    "collection",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="jobs",
                        to="embeddings.collection",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="jobs",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "jobs",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="JobPart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ordinal", models.IntegerField()),
                (
                    "first_line",
                    models.BigIntegerField(
                        help_text="Number of the part's first line in the input."
                    ),
                ),
                ("content", models.BinaryField(help_text="Whole lines, gzip-compressed.")),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="embeddings.job",
                    ),
                ),
            ],
            options={
                "db_table": "job_parts",
            },
        ),
        migrations.AddConstraint(
            model_name="generation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "active")),
                fields=("collection",),
                name="generation_one_active",
            ),
        ),
        migrations.AddConstraint(
            model_name="generation",
            constraint=models.CheckConstraint(
                condition=models.Q(("dimensions__range", (1, 16000))), name="generation_dimensions"
            ),
        ),
        migrations.AddConstraint(
            model_name="generation",
            constraint=models.CheckConstraint(
                condition=models.Q(("metric__in", ["cosine", "l2", "ip", "l1"])),
                name="generation_metric",
            ),
        ),
        migrations.AddConstraint(
            model_name="collection",
            constraint=models.CheckConstraint(
                condition=models.Q(("name__regex", "^[a-z0-9][a-z0-9_-]{0,62}$")),
                name="collection_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="collection",
            constraint=models.CheckConstraint(
                condition=models.Q(("document_count__gte", 0)), name="collection_document_count"
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["-created_at", "-id"], name="jobs_newest"),
        ),
        migrations.AddConstraint(
            model_name="jobpart",
            constraint=models.UniqueConstraint(fields=("job", "ordinal"), name="job_part_ordinal"),
        ),
    ]
