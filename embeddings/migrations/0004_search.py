import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


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
    ]
