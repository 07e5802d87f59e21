import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("embeddings", "0005_identity"),
        ("accounts", "0005_limits"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="token",
            field=models.ForeignKey(
                editable=False,
                help_text="What started it, whose limits hold for it.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="accounts.apitoken",
            ),
        ),
        migrations.CreateModel(
            name="Usage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("model", models.CharField(max_length=255)),
                (
                    "requests",
                    models.BigIntegerField(default=0, help_text="Each search of a batch is one."),
                ),
                (
                    "tokens",
                    models.BigIntegerField(default=0, help_text="Of the texts, cached ones too."),
                ),
                (
                    "cached_tokens",
                    models.BigIntegerField(default=0, help_text="That no model had to read."),
                ),
                (
                    "compute_ms",
                    models.FloatField(
                        default=0, help_text="Time that models took, waiting included."
                    ),
                ),
                ("documents", models.BigIntegerField(default=0, help_text="Added or changed.")),
                (
                    "storage_bytes",
                    models.BigIntegerField(default=0, help_text="Of the collection, that day."),
                ),
                (
                    "cost",
                    models.DecimalField(
                        decimal_places=10,
                        default=0,
                        help_text="By the prices of that day.",
                        max_digits=24,
                    ),
                ),
                (
                    "collection",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="embeddings.collection",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="Whose account it went on.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.team",
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.apitoken",
                        verbose_name="API token",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "usage",
                "db_table": "usage",
                "ordering": ["-day", "id"],
                "indexes": [models.Index(fields=["user", "day"], name="usage_of_user")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("day", "user", "team", "token", "collection", "model"),
                        name="usage_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
    ]
