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
    ]
