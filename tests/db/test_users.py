"""Users whom administrators change, also at the same time."""

import threading
from typing import Any

import pytest
from django.db import connection, connections

from accounts.exceptions import LastAdmin
from accounts.models import AuditEntry, Team, User
from accounts.policy import SiteRole
from accounts.services.teams import create_team
from accounts.services.users import change_user, create_user, delete_user
from tests.factories import make_user


@pytest.mark.django_db(transaction=True)
def test_of_two_who_remove_each_other_one_stays() -> None:
    admins = [make_user(name, SiteRole.ADMIN) for name in ("one", "two")]
    start = threading.Barrier(2)
    outcomes: list[Any] = []

    def remove(user: User) -> None:
        try:
            start.wait()
            change_user(user=user, fields={"is_active": False})
            outcomes.append(None)
        except LastAdmin as problem:
            outcomes.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=remove, args=[user]) for user in admins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(outcome is None for outcome in outcomes) == 1
    assert User.objects.filter(is_active=True).count() == 1


@pytest.mark.django_db
def test_what_is_done_to_them_is_on_record() -> None:
    user = create_user(username="dora", fields={}, password="a long pass phrase")
    create_team(name="readers", members=["dora"], limits={"tokens_per_day": 5})
    change_user(user=user, fields={"role": SiteRole.OPERATOR, "team": Team.objects.get()})
    change_user(user=user, fields={"role": SiteRole.OPERATOR})  # changes nothing
    delete_user(user=user)

    entries = list(AuditEntry.objects.order_by("id"))

    assert [e.event for e in entries] == [
        "user.create",
        "team.create",
        "user.update",
        "user.delete",
    ]
    before = [entry.before or {} for entry in entries]
    after = [entry.after or {} for entry in entries]
    assert [state.get("role") for state in before] == [None, None, "member", "operator"]
    assert [state.get("role") for state in after] == ["member", None, "operator", None]
    assert after[1]["members"] == ["dora"]
    assert (after[2]["team"], before[3]["username"]) == ("readers", "dora")
    assert "pass phrase" not in str([(e.before, e.after) for e in entries])


@pytest.mark.django_db
def test_no_record_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user("dora")

    def broken(**_: Any) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr("accounts.services.recorded.record", broken)
    with pytest.raises(RuntimeError):
        change_user(user=user, fields={"role": SiteRole.ADMIN})
    assert User.objects.get(pk=user.pk).site_role == SiteRole.MEMBER
    assert not connection.needs_rollback
