"""Search keys: text without case, accents and apostrophes, so that O'Brien finds O’Brien.

Keys also sort names as people do, with É beside e. The database makes them, with the function
aspen_search_key (aspen/migrations/0004_search_keys.py). Hyphens become spaces, and letters with
strokes or hooks become plain ones.
"""

from typing import Any

from django.db import models
from django.db.models import Func, Lookup, Value
from django.db.models.lookups import Contains


class SearchKeyField(models.TextField):
    """A column of search keys. They are compared by code point, whatever the server's locale."""

    def __init__(self, *, db_collation: str = "C", **options: Any) -> None:
        super().__init__(db_collation=db_collation, **options)


class SearchKey(Func):
    """The search key of a text, or of several texts with spaces between them."""

    function = "aspen_search_key"
    template = '(%(function)s(%(expressions)s) COLLATE "C")'
    arg_joiner = " || ' ' || "
    output_field = SearchKeyField()


def search_key_of(*fields: str) -> models.GeneratedField:
    """Return a column that the database fills with the search key of these text fields."""
    return models.GeneratedField(
        expression=SearchKey(*fields), output_field=SearchKeyField(), db_persist=True
    )


@models.CharField.register_lookup
@models.TextField.register_lookup
class Finds(Lookup):
    """Whether the search key of a column contains that of the text that is searched for.

    A text without letters or digits, such as an apostrophe, is contained in every key.
    """

    lookup_name = "finds"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        is_key = isinstance(self.lhs.output_field, SearchKeyField)
        key = self.lhs if is_key else SearchKey(self.lhs)
        return compiler.compile(Contains(key, SearchKey(Value(self.rhs))))
