"""The labels of the HTTP metrics stay few."""

from django.urls import get_resolver

from tests.project.test_urls import FOR_PEOPLE, routes


def test_every_route_of_ours_has_a_name() -> None:
    """Django's own two without one are labelled with their patterns."""
    every = routes(get_resolver().url_patterns)
    unnamed = {route for route, pattern in every if pattern.name is None}

    assert {route for route in unnamed if not route.startswith(FOR_PEOPLE)} == set()
