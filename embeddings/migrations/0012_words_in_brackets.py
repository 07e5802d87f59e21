"""Words between angle brackets are found too."""

from django.db import migrations

# As with the collections that were there before words were: a refresh of the statistics adds them,
# and is due after a thousand changes.
FORGET = """
    WITH forgotten AS (
        DELETE FROM document_terms t USING documents d
        WHERE d.collection_id = t.collection_id AND d.id = t.document_id
            AND position('<' IN d.text) > 0
        RETURNING t.collection_id
    )
    UPDATE keyword_statistics SET changes = documents + 1000
    WHERE collection_id IN (SELECT collection_id FROM forgotten)"""


class Migration(migrations.Migration):
    """Going back leaves the words as they are."""

    dependencies = [("embeddings", "0011_sql_zero_vector")]

    operations = [migrations.RunSQL(FORGET, migrations.RunSQL.noop)]
