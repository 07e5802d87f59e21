from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("embeddings", "0007_privacy")]

    operations = [
        migrations.CreateModel(
            name="MetricPoint",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "name",
                        "step",
                        "seconds",
                        "label",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.TextField()),
                ("step", models.DateTimeField(help_text="Its beginning.")),
                ("seconds", models.SmallIntegerField(help_text="Its length.")),
                (
                    "label",
                    models.TextField(
                        default="", help_text="What tells apart values of one series."
                    ),
                ),
                ("value", models.FloatField()),
                (
                    "steps",
                    models.SmallIntegerField(
                        default=1, help_text="How many minutes the value sums."
                    ),
                ),
            ],
            options={"db_table": "metric_points"},
        ),
    ]
