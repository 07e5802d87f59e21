"""What the command palette finds: pages of the menu, collections and users by their names."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from embeddings.admin.navigation import navigation
from embeddings.models import Collection

MAX_OF_EACH = 10

Result = dict[str, Any]


def find(request: HttpRequest, sought: str) -> list[Result]:
    """As many of each kind as fit into a window: what they are, and where."""
    return list(
        chain(_pages(request, sought), _collections(request, sought), _users(request, sought))
    )


def _pages(request: HttpRequest, sought: str) -> Iterator[Result]:
    for group in navigation(request):
        for item in group["items"]:
            if sought.lower() in item["title"].lower():
                yield {**item, "description": group["title"]}


def _collections(request: HttpRequest, sought: str) -> Iterator[Result]:
    if not request.user.has_perm("embeddings.view_collection"):
        return
    found = Collection.objects.filter(name__icontains=sought).order_by("name")
    for pk, name in found.values_list("pk", "name")[:MAX_OF_EACH]:
        link = reverse("admin:embeddings_collection_change", args=[pk])
        yield {"title": name, "description": "Collection", "icon": "database", "link": link}


def _users(request: HttpRequest, sought: str) -> Iterator[Result]:
    if not request.user.has_perm("accounts.view_user"):
        return
    found = User.objects.filter(username__icontains=sought).order_by("username")
    for pk, name in found.values_list("pk", "username")[:MAX_OF_EACH]:
        link = reverse("admin:accounts_user_change", args=[pk])
        yield {"title": name, "description": "User", "icon": "person", "link": link}
