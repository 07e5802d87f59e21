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
    ]
