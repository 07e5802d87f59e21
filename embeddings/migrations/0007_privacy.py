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
    ]
