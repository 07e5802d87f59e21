"""The options that change without a restart."""

from typing import Any

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("embeddings", "0008_series")]

    operations: list[Any] = []
