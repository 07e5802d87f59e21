"""The console's page of the options that change without a restart."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.console_page import ConsolePage, console_page, principal_of_session
from accounts.models import AuditEntry
from accounts.policy import Action
from embeddings.admin.amounts import amount
from embeddings.admin.asked_once import CONFIRMED, ask
from embeddings.exceptions import InvalidRequest
from embeddings.services.audit import AuditWanted, list_entries
from embeddings.services.live_options import parse_option
from embeddings.services.live_settings import change_options, live_options
from embeddings.types.chart import Unit
from embeddings.types.live_settings import LiveOption

RESET = "reset"
CHANGES_SHOWN = 20
CHANGES_OF = timedelta(days=90)
SPANS = {"days": 86_400, "h": 3600, "min": 60}
"""In which people think of more than two of them, in seconds."""

EFFECT = "Every process goes by it within five seconds, and until it is changed or reset."


class OptionsForm(forms.Form):
    """The options of a group, each held to its own rule."""

    def __init__(self, options: list[LiveOption], data: QueryDict | None = None) -> None:
        self.options = {option.name: option for option in options}
        # What was not sent, as by the page that asks, stays as it is.
        now = {option.name: _entered(option) for option in options}
        super().__init__(None if data is None else now | data.dict(), auto_id="option_%s")
        for option in options:
            self.fields[option.name] = _field(option)

    def clean(self) -> dict[str, Any]:
        """The values as the options have them."""
        values = {}
        for name, text in list(self.cleaned_data.items()):
            try:
                values[name] = parse_option(name=name, value=text)
            except InvalidRequest as problem:
                self.add_error(name, problem.detail)
        return values

    def changes(self) -> dict[str, Any]:
        """Those that are not what they were; none where something is at fault."""
        if not self.is_valid():
            return {}
        options = self.options
        return {
            name: value for name, value in self.cleaned_data.items() if value != options[name].value
        }

    def rows(self) -> list[tuple[LiveOption, Any, str, str]]:
        """Each option with its field, its value and what is configured as people say them."""
        return [
            (option, self[name], told(name, option.value), told(name, option.configured))
            for name, option in self.options.items()
        ]


@console_page
class SettingsPage(ConsolePage):
    """Every option with where its value is from, and what was changed lately."""

    path = "settings/"
    name = "settings"
    title = "Settings"
    action = Action.OPERATE
    template_name = "console/settings.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The groups, and the last changes from the audit."""
        return super().get_context_data(
            groups=[(title, OptionsForm(options)) for title, options in _groups().items()],
            history=_history(self.request),
            **kwargs,
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Asks once, then changes or resets."""
        group = request.POST.get("group", "")
        options = _groups().get(group)
        if options is None:
            messages.error(request, "Choose what to change.")
            return HttpResponseRedirect(request.path)
        form = OptionsForm(options, request.POST)
        resets = [option.name for option in options if option.name == request.POST.get(RESET)]
        changes = dict.fromkeys(resets) if resets else form.changes()
        if not resets and form.errors:
            return self._at_fault(group, form)
        if not changes:
            messages.info(request, "Nothing was changed.")
        elif CONFIRMED not in request.POST:
            return self._ask(group, form, changes)
        else:
            _change(request, changes)
        return HttpResponseRedirect(_back(request))

    def _at_fault(self, group: str, form: OptionsForm) -> HttpResponse:
        context = self.get_context_data()
        context["groups"] = [
            (title, form if title == group else each) for title, each in context["groups"]
        ]
        return self.render_to_response(context)

    def _ask(self, group: str, form: OptionsForm, changes: dict[str, Any]) -> HttpResponse:
        hidden = [("group", group), ("from", self.request.POST.get("from", ""))]
        said = []
        for name, value in changes.items():
            option = form.options[name]
            new = option.configured if value is None else value
            source = ", as configured" if value is None else ""
            said.append(f"{name}: {told(name, option.value)} → {told(name, new)}{source}")
            hidden.append((RESET, name) if value is None else (name, form.data[name]))
        return ask(
            self.request,
            super().get_context_data(),
            title="Change settings",
            about=EFFECT,
            touches=said,
            fields=hidden,
            back=f"{_back(self.request)}#{group.lower()}",
        )


def options_of(group: str) -> list[LiveOption]:
    """Those of a group."""
    return _groups()[group]


def told(name: str, value: Any) -> str:
    """The value for people: what is in bytes, or in seconds for long, so that it can be read."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if name.endswith("_bytes"):
        return f"{value:,} ({amount(value, Unit.BYTES)})"
    if name.endswith("_s"):
        spans = (f"{value / size:.4g} {unit}" for unit, size in SPANS.items() if value >= 2 * size)
        said = next(spans, None)
        return f"{value:,} ({said})" if said else f"{value:,}"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _field(option: LiveOption) -> forms.Field:
    attrs: dict[str, Any] = {"aria-describedby": f"about_{option.name}"}
    common: dict[str, Any] = {
        "label": option.name,
        "initial": _entered(option),
        "disabled": option.is_locked,
    }
    if option.shape == "choice":
        choices = [(choice, choice) for choice in option.choices]
        return forms.ChoiceField(
            choices=choices, widget=UnfoldAdminSelectWidget(attrs=attrs), **common
        )
    if option.shape == "list":
        widget: forms.Widget = UnfoldAdminTextInputWidget(attrs=attrs)
        return forms.CharField(widget=widget, required=False, **common)
    limits = {"min": option.low, "max": option.high}
    attrs |= {name: f"{limit:.10g}" for name, limit in limits.items() if limit is not None}
    attrs["step"] = "1" if option.shape == "whole" else "any"
    return forms.CharField(widget=UnfoldAdminDecimalFieldWidget(attrs=attrs), **common)


def _entered(option: LiveOption) -> str:
    value = option.value
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _groups() -> dict[str, list[LiveOption]]:
    groups: dict[str, list[LiveOption]] = {}
    for option in live_options():
        groups.setdefault(option.group, []).append(option)
    return groups


def _change(request: HttpRequest, changes: dict[str, Any]) -> None:
    try:
        changed = change_options(changes=changes)
    except InvalidRequest as problem:
        messages.error(request, f"{problem.param}: {problem.detail}")
        return
    if changed:
        messages.success(request, f"Changed: {', '.join(changed)}. {EFFECT}")


def _back(request: HttpRequest) -> str:
    """The page that the form is on: this one, or the cache's."""
    return reverse("admin:cache" if request.POST.get("from") == "cache" else "admin:settings")


def _history(request: HttpRequest) -> list[AuditEntry]:
    return list_entries(
        principal=principal_of_session(request),
        wanted=AuditWanted(object_type="setting", since=timezone.now() - CHANGES_OF),
        limit=CHANGES_SHOWN,
    )
