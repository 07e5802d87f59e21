"""Options that change without a restart: what they are, and setting them for every process."""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from pydantic.fields import FieldInfo

from accounts.services.audit import record
from embeddings.exceptions import InvalidRequest
from embeddings.models import LiveSettings
from embeddings.services.live_following import take_over
from embeddings.services.live_options import is_locked, parse_option, usable_options
from embeddings.store.live_settings import announce
from embeddings.types.live_settings import LiveOption

Shape = Literal["whole", "number", "choice", "list"]
SHAPES: dict[Any, Shape] = {int: "whole", float: "number", list[int]: "list"}


def live_options() -> list[LiveOption]:
    """Every option that may change, by group, as it is set now."""
    stored = LiveSettings.objects.values_list("options", flat=True).first() or {}
    return [
        _option(name, group, field, stored)
        for group, kind in settings.LIVE_OPTIONS.items()
        for name, field in kind.model_fields.items()
    ]


def change_options(*, changes: Mapping[str, object]) -> list[str]:
    """Set the options in every process, within a few seconds; None takes one back to what each is
    configured with. Returns the names of those that are set otherwise now.

    Raises InvalidRequest, and changes nothing then.
    """
    wanted = {
        name: None if value is None else _settable(name, value) for name, value in changes.items()
    }
    with transaction.atomic():
        row, _ = LiveSettings.objects.select_for_update().get_or_create(pk=1)
        changed = [name for name, value in wanted.items() if row.options.get(name) != value]
        for name in changed:
            _change(row, name, wanted[name])
        if changed:
            row.changed_at = Now()
            row.save(update_fields=["options", "changed_at"])
            announce()
            options = dict(row.options)
            transaction.on_commit(lambda: take_over(options))
    return changed


def _settable(name: str, value: object) -> Any:
    parsed = parse_option(name=name, value=value)
    if is_locked(name):
        raise InvalidRequest(param=name, detail="The configuration locks this option.")
    return parsed


def _change(row: LiveSettings, name: str, value: Any) -> None:
    before = row.options.pop(name, None)
    if value is not None:
        row.options[name] = value
    record(
        event="setting.reset" if value is None else "setting.update",
        object_type="setting",
        object_id=name,
        before={"value": before},
        after={"value": value},
    )


def _option(name: str, group: str, field: FieldInfo, stored: Mapping[str, Any]) -> LiveOption:
    values, refused = usable_options({name: stored[name]} if name in stored else {})
    configured = getattr(settings.LOADED.config, name)
    is_choice = get_origin(field.annotation) is Literal
    return LiveOption(
        name=name,
        group=group,
        help=field.description or "",
        shape="choice" if is_choice else SHAPES[field.annotation],
        value=values.get(name, configured),
        source="live" if name in values else settings.LOADED.origins[name],
        configured=configured,
        low=next((item.ge for item in field.metadata if hasattr(item, "ge")), None),
        high=next((item.le for item in field.metadata if hasattr(item, "le")), None),
        choices=get_args(field.annotation) if is_choice else (),
        is_set=name in stored,
        is_locked=is_locked(name),
        refused=refused.get(name),
    )
