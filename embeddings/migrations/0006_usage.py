from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("embeddings", "0005_identity"),
        ("accounts", "0005_limits"),
    ]

    operations = []
