"""Errors of models that run elsewhere, as `exceptions` has those of all else."""

from embeddings.exceptions import InvalidRequest


class InputRefused(InvalidRequest):
    """The provider of model `{model}` refuses this input, with status {status}. Send other texts,
    or shorter ones."""

    code = "input_refused"
