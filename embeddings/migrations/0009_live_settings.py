"""The options that change without a restart."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("embeddings", "0008_series")]

    operations = [
        migrations.CreateModel(
            name="LiveSettings",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(
                        default=1, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "options",
                    models.JSONField(
                        default=dict, help_text="Of the options that are set, by name."
                    ),
                ),
                (
                    "changed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "db_table": "live_settings",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="live_settings_once")
                ],
            },
        ),
    ]
