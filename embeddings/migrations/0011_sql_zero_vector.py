"""`embed_search` refuses a vector of length 0, for which it told distances that are no numbers."""

from django.db import migrations

from embeddings.migrations._sql_surface import create_surface


class Migration(migrations.Migration):
    """Going back leaves the functions as they are."""

    dependencies = [("embeddings", "0010_sql_filter")]

    operations = [migrations.RunPython(create_surface, migrations.RunPython.noop)]
