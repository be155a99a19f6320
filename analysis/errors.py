"""The kinds of error that are told in a sentence: a user's mistake, and work that was ended from outside."""


class UserError(ValueError):
    """Something given that the study cannot use; the message is one sentence for the user.

    The command line prints it without a traceback and ends with exit code 2.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython shows of it, in a notebook and in papermill's output: the sentence alone."""
        return [f"{type(self).__name__}: {self}"]


class WorkError(RuntimeError):
    """Work that could not be finished for a reason outside the study; the message is one sentence.

    A process or a scheduler that was ended, a disk that is full. The command line ends with exit code 1.
    """
