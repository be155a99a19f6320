"""The one kind of error that is a user's mistake, whoever notices it."""


class UserError(ValueError):
    """Something given that the study cannot use; the message is one sentence for the user.

    The command line prints it without a traceback and ends with exit code 2.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython shows of it, in a notebook and in papermill's output: the sentence alone."""
        return [f"{type(self).__name__}: {self}"]
