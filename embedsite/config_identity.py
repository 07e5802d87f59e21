"""The options of identity: who may come in, how, how much each may ask for, what is on record."""

from pydantic import BaseModel


class IdentityOptions(BaseModel):
    """A part of Config, in a file of its own."""
