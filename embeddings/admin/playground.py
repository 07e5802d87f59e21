"""The search playground: one search or two side by side, as any caller could make them."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.console_page import ConsolePage, console_page, principal_of_session
from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.admin.playground_code import as_code
from embeddings.admin.playground_form import (
    CONFIGURATIONS,
    ConfigurationForm,
    QueryForm,
    configurations,
)
from embeddings.admin.playground_request import read_request, refuse
from embeddings.admin.playground_results import Shown, compare, shown
from embeddings.serializers.search import search_params
from embeddings.services.playground import try_search

OPERATORS = (
    ("$eq", "is"),
    ("$ne", "is not"),
    ("$gt", "is more than"),
    ("$gte", "is at least"),
    ("$lt", "is less than"),
    ("$lte", "is at most"),
    ("$in", "is one of"),
    ("$nin", "is none of"),
    ("$contains", "contains"),
    ("$prefix", "begins with"),
    ("$exists", "exists"),
)
"""Of filters; how the rows of the builder call them."""


@dataclass(slots=True)
class Trial:
    """What came of one configuration."""

    name: str
    form: ConfigurationForm
    code: dict[str, str] | None = None
    shown: Shown | None = None

    @property
    def other(self) -> str:
        """The other one's name."""
        return "B" if self.name == "A" else "A"


@console_page
class PlaygroundPage(ConsolePage):
    """Searching costs tokens and goes on record, so only a POST searches; htmx is answered with the
    form and what was found, without what stands around them.
    """

    path = "playground/"
    name = "playground"
    title = "Search playground"
    action = Action.OPERATE
    template_name = "console/playground.html"
    fragment_name = "console/playground_body.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With empty forms, where none were sent; a link may name the collection."""
        if "trials" not in kwargs:
            forms = configurations(collection=self.request.GET.get("collection", ""))
            kwargs |= {"query": QueryForm(), "trials": _trials(forms)}
        return super().get_context_data(operators=OPERATORS, **kwargs)

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        """What the configurations find, or what is wrong with them."""
        query = QueryForm(request.POST)
        trials = _trials(configurations(request.POST))
        asked = trials if "compare" in request.POST else trials[:1]
        for trial in asked:
            _search(request, query, trial)
        found = [trial.shown for trial in asked if trial.shown]
        compared = compare(*found) if len(found) == len(CONFIGURATIONS) else ""
        context = self.get_context_data(query=query, trials=trials, asked=asked, compared=compared)
        return self.render_to_response(context)


def _trials(forms: list[ConfigurationForm]) -> list[Trial]:
    return [Trial(name.upper(), form) for name, form in zip(CONFIGURATIONS, forms, strict=True)]


def _search(request: HttpRequest, query: QueryForm, trial: Trial) -> None:
    """What is found, or the form's errors."""
    read = read_request(query, trial.form)
    if read is None:
        return
    body, data = read
    url = request.build_absolute_uri("/v1/search")
    trial.code = as_code(url=url, body=body)
    params = search_params(data)
    try:
        collection, result = try_search(
            operator=principal_of_session(request),
            name=data["collection"],
            params=params,
            as_user=trial.form.cleaned_data["as_user"] or None,
        )
    except Problem as problem:
        refuse(query, trial.form, problem)
    else:
        trial.shown = shown(collection=collection, params=params, result=result)
