from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("embeddings", "0006_usage"),
    ]

    operations = []
