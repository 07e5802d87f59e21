from django.db import migrations, models

# Whatever a function counts in, it locks in one order: nobody waits for somebody who waits for him.
# Each statement of a volatile function sees what was committed before it, so the state is read
# after the lock. UNLOGGED: after a crash of the server everybody starts with a full bucket.
RATES = """
    CREATE UNLOGGED TABLE accounts_rate (account text PRIMARY KEY, free_at bigint NOT NULL)
        WITH (fillfactor = 50);

    CREATE FUNCTION accounts_take_rates(
        accounts text[], intervals bigint[], bursts bigint[], OUT passed boolean, OUT ahead bigint[])
    LANGUAGE plpgsql AS $$
    DECLARE
        now_us bigint;
    BEGIN
        INSERT INTO accounts_rate SELECT name, 0 FROM unnest(accounts) AS name ORDER BY name
            ON CONFLICT DO NOTHING;
        PERFORM FROM accounts_rate WHERE account = ANY (accounts) ORDER BY account FOR UPDATE;
        now_us := extract(epoch FROM clock_timestamp()) * 1000000;
        SELECT bool_and(greatest(r.free_at - now_us, 0) + asked.step <= asked.burst),
            array_agg(least(greatest(r.free_at - now_us, 0), asked.burst) ORDER BY asked.n)
        INTO passed, ahead
        FROM unnest(accounts, intervals, bursts) WITH ORDINALITY AS asked (name, step, burst, n)
        JOIN accounts_rate r ON r.account = asked.name;
        IF passed THEN
            UPDATE accounts_rate r SET free_at = greatest(r.free_at, now_us) + asked.step
            FROM unnest(accounts, intervals) AS asked (name, step) WHERE r.account = asked.name;
            SELECT array_agg(a + step ORDER BY n) INTO ahead
            FROM unnest(ahead, intervals) WITH ORDINALITY AS t (a, step, n);
        ELSE
            -- Nothing is further ahead than an empty bucket, but by a clock that was set back.
            UPDATE accounts_rate r SET free_at = now_us + asked.burst
            FROM unnest(accounts, bursts) AS asked (name, burst)
            WHERE r.account = asked.name AND r.free_at > now_us + asked.burst;
        END IF;
    END $$"""
NO_RATES = """
    DROP FUNCTION accounts_take_rates;
    DROP TABLE accounts_rate"""
BUDGETS = """
    CREATE FUNCTION accounts_spend_tokens(
        accounts text[], periods text[], starts date[], limits bigint[], wanted bigint,
        shares smallint[], OUT passed boolean, OUT spent bigint[], OUT reached smallint[])
    LANGUAGE plpgsql AS $$
    DECLARE
        state record;
        share smallint;
    BEGIN
        INSERT INTO accounts_spenttokens (account, period, start, tokens, told)
            SELECT a, p, s, 0, 0 FROM unnest(accounts, periods, starts) AS asked (a, p, s)
            ORDER BY a, p, s ON CONFLICT DO NOTHING;
        PERFORM FROM accounts_spenttokens
            WHERE (account, period, start) IN (SELECT * FROM unnest(accounts, periods, starts))
            ORDER BY account, period, start FOR UPDATE;
        SELECT bool_and(t.tokens + wanted <= asked.most) INTO passed
        FROM unnest(accounts, periods, starts, limits) AS asked (a, p, s, most)
        JOIN accounts_spenttokens t ON (t.account, t.period, t.start) = (asked.a, asked.p, asked.s);
        FOR state IN
            SELECT t.id, t.tokens, t.told, asked.most
            FROM unnest(accounts, periods, starts, limits)
                WITH ORDINALITY AS asked (a, p, s, most, n)
            JOIN accounts_spenttokens t
                ON (t.account, t.period, t.start) = (asked.a, asked.p, asked.s)
            ORDER BY asked.n
        LOOP
            -- Whatever refuses something is used up, as far as its owner is concerned.
            SELECT coalesce(max(s), 0) INTO share FROM unnest(shares) AS s
            WHERE s > state.told AND s * state.most <= 100 * (state.tokens + wanted);
            IF NOT passed AND state.tokens + wanted <= state.most THEN
                share := 0;  -- another budget refused it: this one stays as it was
            END IF;
            UPDATE accounts_spenttokens t SET
                tokens = t.tokens + CASE WHEN passed THEN wanted ELSE 0 END,
                told = greatest(t.told, share)
            WHERE t.id = state.id AND (passed OR share > 0);
            spent := spent || state.tokens + CASE WHEN passed THEN wanted ELSE 0 END;
            reached := reached || share;
        END LOOP;
    END $$"""
NO_BUDGETS = "DROP FUNCTION accounts_spend_tokens"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_credentials"),
    ]

    operations = [
        migrations.CreateModel(
            name="SpentTokens",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account", models.CharField(max_length=32)),
                (
                    "period",
                    models.CharField(choices=[("day", "day"), ("month", "month")], max_length=5),
                ),
                ("start", models.DateField()),
                ("tokens", models.BigIntegerField(default=0)),
                (
                    "told",
                    models.SmallIntegerField(
                        default=0,
                        help_text="The highest share of the budget, in percent, that an alert told of.",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "period", "start"), name="spent_tokens_once"
                    )
                ],
            },
        ),
        migrations.RunSQL(RATES, NO_RATES),
        migrations.RunSQL(BUDGETS, NO_BUDGETS),
    ]
