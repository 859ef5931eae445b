"""The exception with a message for the person."""


class Refused(Exception):
    """Raised if an action is refused. Nothing was changed.

    `str()` tells the person why and what to do. `field` is the form field that caused it, if any.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field
