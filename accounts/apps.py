"""The app that knows who is calling and what they may do."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, API tokens and the policy."""

    name = "accounts"
