"""What is done only after a page has said what that touches."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.console_page import ConsolePage
from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.admin.faults import tell

SHOWN = 10
"""Of what a question touches, named one by one."""

CONFIRMED = "confirmed"


def ask(
    request: HttpRequest,
    frame: dict[str, Any],
    *,
    title: str,
    about: str,
    touches: Sequence[str],
    fields: Iterable[tuple[str, str]],
    back: str,
    count: int | None = None,
    verb: str | None = None,
    is_dangerous: bool = False,
) -> HttpResponse:
    """The question, whose answer posts the hidden `fields` and CONFIRMED to the same address;
    `count` is of all that it touches, where `touches` names some of them.
    """
    shown = touches[:SHOWN]
    question = {
        "title": f"{title}?",
        "about": about,
        "touches": shown,
        "others": (count or len(touches)) - len(shown),
        "hidden": [*fields, (CONFIRMED, "yes")],
        "verb": verb or title,
        "is_dangerous": is_dangerous,
        "back": back,
    }
    return TemplateResponse(request, "console/asked_once.html", {**frame, **question})


def fields_of_action(request: HttpRequest) -> list[tuple[str, str]]:
    """What is sent again by the answer to a question of an action on the rows of a list."""
    kept = ("action", "select_across", "index", ACTION_CHECKBOX_NAME)
    return [(key, value) for key in kept for value in request.POST.getlist(key)]


class AskedOnce(ConsolePage):
    """Shown, it asks; posted, it acts."""

    action = Action.ADMINISTER
    template_name = "console/asked_once.html"
    model: ClassVar[type[Model]]
    form_class: type[forms.Form] = forms.Form
    verb: str
    is_dangerous = False

    def touches(self, row: Any) -> list[str]:
        """What a person should know before, a sentence each."""
        raise NotImplementedError

    def act(self, row: Any, values: dict[str, Any]) -> str | HttpResponse:
        """What to say when it is done, or a page that says it. Raises Problem."""
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Raises Http404."""
        row = kwargs.pop("row", None) or self.row()
        kwargs.setdefault("form", self.form_class())
        return super().get_context_data(
            **kwargs,
            about=f"{self.title}: {row}",
            touches=self.touches(row),
            verb=self.verb,
            is_dangerous=self.is_dangerous,
            back=self.back(row),
        )

    def post(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        """Does it, unless the form or the service refuses. Raises Http404."""
        row, form = self.row(), self.form_class(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(row=row, form=form), status=400)
        try:
            done = self.act(row, form.cleaned_data)
        except Problem as problem:
            tell(form, problem)
            context = self.get_context_data(row=row, form=form)
            return self.render_to_response(context, status=problem.status)
        if isinstance(done, HttpResponse):
            return done
        messages.success(request, done)
        return HttpResponseRedirect(self.back(row))

    def row(self) -> Any:
        """Raises Http404."""
        return get_object_or_404(self.model, pk=self.kwargs["pk"])

    def back(self, row: Model) -> str:
        """The row's own page."""
        return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
