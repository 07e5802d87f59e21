import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("embeddings", "0006_usage"),
    ]

    operations = [
        migrations.AddField(
            model_name="collection",
            name="redaction",
            field=models.JSONField(
                default=dict,
                editable=False,
                help_text="What is taken out of texts before they are stored.",
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="row_filter",
            field=models.JSONField(
                editable=False,
                help_text="Of the credential that started it: what every document has to pass.",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="CacheErasure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "keys",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BinaryField(), size=None
                    ),
                ),
                (
                    "erased_ms",
                    models.BigIntegerField(db_index=True, help_text="Milliseconds since 1970."),
                ),
            ],
            options={
                "db_table": "cache_erasures",
            },
        ),
        migrations.AlterField(
            model_name="cachecutoff",
            name="scope",
            field=models.CharField(
                help_text="`all`, `model:…` or `collection:…`; or `queries` of a collection or of all.",
                max_length=220,
                primary_key=True,
                serialize=False,
            ),
        ),
    ]
