"""Forms that stayed open while somebody else changed the same."""

from typing import Any

from django.test import Client

from accounts.models import User
from embeddings.models import Collection
from tests.admin.test_access import grants_form, page_of, user_form

ANEW = "Open it anew"


def shown(client: Client, row: Any) -> dict[str, str]:
    """What the page sends back of itself."""
    response = client.get(page_of(row))
    seen = response.context["adminform"].form.seen
    assert f'name="seen" value="{seen}"' in response.content.decode()
    return {"seen": seen}


def test_a_user_who_was_deactivated_meanwhile_stays_so(as_admin: Client, alice: User) -> None:
    seen = shown(as_admin, alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)

    for _ in range(2):  # what comes back is not taken for new
        refused = as_admin.post(page_of(alice), user_form(alice, first_name="Alice", **seen))
        assert ANEW in refused.content.decode()
        seen = {"seen": refused.context["adminform"].form.seen}

    alice.refresh_from_db()
    assert (alice.is_active, alice.first_name) == (False, "")


def test_what_nobody_else_changed_is_saved(as_admin: Client, alice: User) -> None:
    form = user_form(alice, first_name="Alice", **shown(as_admin, alice))
    assert as_admin.post(page_of(alice), form).status_code == 302


def test_redaction_that_was_turned_on_meanwhile_stays_on(
    as_admin: Client, collection: Collection
) -> None:
    form = grants_form() | {"description": "Hot ones"} | shown(as_admin, collection)
    redaction = {"entities": ["email"], "metadata": False}
    Collection.objects.update(redaction=redaction)

    refused = as_admin.post(page_of(collection), form)
    assert ANEW in refused.content.decode()
    assert Collection.objects.get().redaction == redaction

    again = form | shown(as_admin, collection) | {"redaction__entities": ["email"]}
    assert as_admin.post(page_of(collection), again).status_code == 302
    assert Collection.objects.get().redaction == redaction
