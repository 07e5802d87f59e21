"""What the console's charts show, kept for 30 days."""

from typing import Any

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("embeddings", "0007_privacy")]

    operations: list[Any] = []
