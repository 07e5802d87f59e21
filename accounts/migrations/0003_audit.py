from django.db import migrations, models

# A link's hash is over the hash before it and over this, which tells every value from every other:
# the text of an array quotes its parts, and NULL is none of them. accounts.store.audit has it
# too, to compute the hashes anew.
CANONICAL = """ARRAY[
            e.id::text, (extract(epoch FROM e.at) * 1000000)::bigint::text, e.user_id::text,
            e.username, e.token_id::text, e.credential, e.address, e.request_id, e.event,
            e.object_type, e.object_id, e.collection_id::text, e.before::text, e.after::text,
            e.outcome
        ]::text"""

TABLES = """
    CREATE SEQUENCE audit_entries_id_seq;
    CREATE TABLE audit_entries (
        id bigint NOT NULL DEFAULT nextval('audit_entries_id_seq'),
        at timestamptz NOT NULL,
        user_id bigint,
        username text NOT NULL,
        token_id bigint,
        credential text NOT NULL,
        address text NOT NULL,
        request_id text NOT NULL,
        event text NOT NULL,
        object_type text NOT NULL,
        object_id text NOT NULL,
        collection_id uuid,
        before jsonb,
        after jsonb,
        outcome text NOT NULL CHECK (outcome IN ('success', 'denied', 'failure'))
    ) PARTITION BY RANGE (at);
    ALTER SEQUENCE audit_entries_id_seq OWNED BY audit_entries.id;
    CREATE INDEX audit_entries_newest ON audit_entries (at, id);
    CREATE INDEX audit_entries_collection ON audit_entries (collection_id, at, id)
        WHERE collection_id IS NOT NULL;

    -- The chain of a day: one link for each entry, in the order in which they were committed.
    CREATE TABLE audit_links (
        day date NOT NULL,
        position bigint NOT NULL CHECK (position > 0),
        entry_id bigint NOT NULL,
        hash bytea NOT NULL CHECK (octet_length(hash) = 32)
    ) PARTITION BY LIST (day);

    -- The chain of the days: each was opened, with what was then the last link of the day opened
    -- before it, and may have been dropped, with its own last link. It stays when their partitions
    -- go, so that none can be missing unseen.
    CREATE TABLE audit_days (
        ordinal bigint PRIMARY KEY,
        day date NOT NULL,
        change text NOT NULL CHECK (change IN ('open', 'drop')),
        position bigint,
        head bytea,
        hash bytea NOT NULL CHECK (octet_length(hash) = 32)
    );"""

# Their names end in the day. Whoever writes on a day that nobody has made a partition for makes it.
PARTITIONS = """
    CREATE FUNCTION audit_make_day(wanted date) RETURNS boolean LANGUAGE plpgsql AS $$
    DECLARE
        entries text := 'audit_entries_' || to_char(wanted, 'YYYYMMDD');
        links text := 'audit_links_' || to_char(wanted, 'YYYYMMDD');
        begins timestamptz := wanted::timestamp AT TIME ZONE 'UTC';
        ends timestamptz := (wanted + 1)::timestamp AT TIME ZONE 'UTC';
        made text;
    BEGIN
        IF to_regclass(entries) IS NOT NULL THEN
            RETURN false;
        END IF;
        -- What ATTACH takes, too. Unlike an advisory lock it shows what was made while we waited.
        LOCK TABLE ONLY audit_entries IN SHARE UPDATE EXCLUSIVE MODE;
        IF to_regclass(entries) IS NOT NULL THEN
            RETURN false;
        END IF;
        EXECUTE format('CREATE TABLE %I (LIKE audit_entries INCLUDING ALL, PRIMARY KEY (id),'
            ' CHECK (at >= %L AND at < %L))', entries, begins, ends);
        EXECUTE format('CREATE TABLE %I (LIKE audit_links INCLUDING ALL, PRIMARY KEY (position),'
            ' UNIQUE (entry_id), CHECK (day = %L))', links, wanted);
        FOREACH made IN ARRAY ARRAY[entries, links] LOOP
            EXECUTE format('CREATE TRIGGER audit_stays_whole BEFORE TRUNCATE ON %I'
                ' EXECUTE FUNCTION audit_refuse()', made);
        END LOOP;
        EXECUTE format('ALTER TABLE audit_links ATTACH PARTITION %I FOR VALUES IN (%L)',
            links, wanted);
        EXECUTE format('ALTER TABLE audit_entries ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            entries, begins, ends);
        RETURN true;
    END $$;"""

RECORD = """
    CREATE FUNCTION audit_record(e audit_entries) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        wanted date;
    BEGIN
        e.id := coalesce(e.id, nextval('audit_entries_id_seq'));
        e.at := coalesce(e.at, clock_timestamp());
        wanted := (e.at AT TIME ZONE 'UTC')::date;
        IF to_regclass('audit_entries_' || to_char(wanted, 'YYYYMMDD')) IS NULL THEN
            PERFORM audit_make_day(wanted);
        END IF;
        INSERT INTO audit_entries VALUES (e.*);
    END $$;"""

# Runs when its transaction commits, and holds the lock until that is done: whoever comes next reads
# this link as the last one. Before, nobody waits for anybody.
LINK = """
    CREATE FUNCTION audit_change_day(changed date, what text, last bigint, last_hash bytea)
    RETURNS bytea LANGUAGE plpgsql AS $$
    DECLARE
        before record;
        made bytea;
    BEGIN
        PERFORM pg_advisory_xact_lock(1635083369, 1);
        SELECT d.ordinal, d.hash INTO before FROM audit_days d ORDER BY d.ordinal DESC LIMIT 1;
        made := sha256(coalesce(before.hash, '') || convert_to(ARRAY[
            (coalesce(before.ordinal, 0) + 1)::text, to_char(changed, 'YYYY-MM-DD'), what,
            last::text, encode(last_hash, 'hex')
        ]::text, 'UTF8'));
        INSERT INTO audit_days (ordinal, day, change, position, head, hash)
            VALUES (coalesce(before.ordinal, 0) + 1, changed, what, last, last_hash, made);
        RETURN made;
    END $$;

    -- Statements with the partition's own name: one with the parent's would lock all partitions.
    CREATE FUNCTION audit_link() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        e audit_entries := NEW;
        of_day date := (NEW.at AT TIME ZONE 'UTC')::date;
        links text := 'audit_links_' || to_char(of_day, 'YYYYMMDD');
        canonical bytea := convert_to(CANONICAL, 'UTF8');
        day_before date;
        last bigint;
        last_hash bytea;
        found_last bigint;
    BEGIN
        PERFORM pg_advisory_xact_lock(1635083369, 1);
        EXECUTE format('INSERT INTO %1$I SELECT $1, l.position + 1, $2, sha256(l.hash || $3)'
            ' FROM %1$I l ORDER BY l.position DESC LIMIT 1', links)
            USING of_day, e.id, canonical;
        GET DIAGNOSTICS found_last = ROW_COUNT;
        IF found_last = 0 THEN
            SELECT d.day INTO day_before FROM audit_days d
                WHERE d.change = 'open' ORDER BY d.ordinal DESC LIMIT 1;
            SELECT l.position, l.hash INTO last, last_hash FROM audit_links l
                WHERE l.day = day_before ORDER BY l.position DESC LIMIT 1;
            last_hash := audit_change_day(of_day, 'open', last, last_hash);
            INSERT INTO audit_links VALUES (of_day, 1, e.id, sha256(last_hash || canonical));
        END IF;
        RETURN NULL;
    END $$;

    CREATE CONSTRAINT TRIGGER audit_link AFTER INSERT ON audit_entries
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_link();""".replace(
    "CANONICAL", CANONICAL
)

REFUSE = """
    CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit is only ever added to' USING ERRCODE = 'restrict_violation';
    END $$;
    CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit_entries
        FOR EACH ROW EXECUTE FUNCTION audit_refuse();
    CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit_links
        FOR EACH ROW EXECUTE FUNCTION audit_refuse();
    CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit_days
        FOR EACH ROW EXECUTE FUNCTION audit_refuse();
    CREATE TRIGGER audit_stays_whole BEFORE TRUNCATE ON audit_entries
        EXECUTE FUNCTION audit_refuse();
    CREATE TRIGGER audit_stays_whole BEFORE TRUNCATE ON audit_links
        EXECUTE FUNCTION audit_refuse();
    CREATE TRIGGER audit_stays_whole BEFORE TRUNCATE ON audit_days
        EXECUTE FUNCTION audit_refuse();"""

REVERSE = """
    DROP TABLE audit_entries, audit_links, audit_days CASCADE;
    DROP FUNCTION audit_link, audit_change_day, audit_make_day, audit_refuse;"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_identity"),
    ]

    operations = [
        migrations.RunSQL("".join([TABLES, REFUSE, PARTITIONS, LINK, RECORD]), REVERSE),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("user_id", models.BigIntegerField(null=True)),
                ("username", models.TextField()),
                ("token_id", models.BigIntegerField(null=True)),
                ("credential", models.TextField(help_text="The kind of it, such as api_token.")),
                ("address", models.TextField(help_text="Of the client.")),
                ("request_id", models.TextField()),
                ("event", models.TextField(help_text="Such as collection.create.")),
                ("object_type", models.TextField()),
                ("object_id", models.TextField()),
                ("collection_id", models.UUIDField(null=True)),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                (
                    "outcome",
                    models.TextField(
                        choices=[
                            ("success", "success"),
                            ("denied", "denied"),
                            ("failure", "failure"),
                        ]
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "db_table": "audit_entries",
                "ordering": ["-at", "-id"],
                "managed": False,
            },
        ),
    ]
