"""The exception whose text is shown to people."""


class Refused(Exception):
    """An action was refused. `str()` is a sentence that says why and what to do.

    `field` names the form field it belongs to, if any. Nothing was changed.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field
