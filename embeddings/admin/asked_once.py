"""What is done to one row only after its page has said what that touches."""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.console_page import ConsolePage
from accounts.exceptions import Problem
from accounts.policy import Action


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
        row = kwargs.get("row") or self.row()
        kwargs.setdefault("form", self.form_class())
        return super().get_context_data(
            **{"row": row, "touches": self.touches(row), "back": self.back(row), **kwargs},
            verb=self.verb,
            is_dangerous=self.is_dangerous,
        )

    def post(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        """Does it, unless the form or the service refuses. Raises Http404."""
        row, form = self.row(), self.form_class(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(row=row, form=form), status=400)
        try:
            done = self.act(row, form.cleaned_data)
        except Problem as problem:
            form.add_error(problem.param if problem.param in form.fields else None, problem.detail)
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
