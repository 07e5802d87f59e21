"""The functions for people with psql filter as the service does."""

from django.db import migrations

from embeddings.migrations._sql_surface import create_surface


class Migration(migrations.Migration):
    """What they were before let fewer rows through; nobody goes back for that."""

    dependencies = [("embeddings", "0009_live_settings")]

    operations = [migrations.RunPython(create_surface, migrations.RunPython.noop)]
