"""Lets two people edit a record at the same time without undoing each other's changes.

A form carries a digest of every value that it showed (`seen_values`). When it is submitted,
`merge_edits` compares the digests with the stored values. A field that only someone else changed
keeps the stored value. A field that both changed is reported with both values, and the form, which
shows what was typed, is not saved until it is submitted again.

The caller locks the record before it reads the stored values, and saves in the same transaction.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import InlineForeignKeyField
from django.http import QueryDict

SEEN = "seen"
MAX_SHOWN = 200
FACTS = "facts"
MAX_ROWS = 1000
SAVE_THE_REST = "To save your other changes, submit the form again."
SUBMIT_AGAIN = "Compare the two. Submitting the form again will store what is entered below."

Form = forms.BaseForm
# A row or form as a browser submits it: values by field name.
Values = dict[str, list[str]]


class Conflict(NamedTuple):
    """An error for a field, or for the whole form if `field` is None."""

    field: str | None
    message: str


class MergedEdits(NamedTuple):
    """What to validate instead of the submitted data.

    `kept` names the fields and lines that keep a value stored by someone else.
    """

    data: QueryDict
    conflicts: list[Conflict]
    kept: list[str]


# ---------- Values as browsers submit them ----------


def _widget_values(widget: Any, name: str, value: Any) -> Values:
    widget = getattr(widget, "widget", widget)  # Django's admin wraps widgets of related objects
    if isinstance(widget, forms.MultiWidget):
        names: list[str] = widget.widgets_names  # type: ignore[attr-defined]
        found: Values = {}
        for inner, suffix, part in zip(
            widget.widgets, names, widget.decompress(value) or [], strict=True
        ):
            found |= _widget_values(inner, name + suffix, part)
        return found
    if isinstance(widget, forms.CheckboxInput):
        return {name: ["on"] if widget.check_test(value) else []}
    shown = widget.format_value(value)
    values = shown if isinstance(shown, list | tuple) else [shown]
    return {name: ["" if each is None else str(each) for each in values]}


def _editable_fields(form: Form) -> Iterator[forms.BoundField]:
    for field in form:
        is_skipped = isinstance(field.field, forms.FileField | InlineForeignKeyField)
        if not (field.field.disabled or is_skipped or field.name in (SEEN, "id", "DELETE")):
            yield field


def _shown_values(field: forms.BoundField) -> Values:
    """Return what a browser submits if the person leaves the field of an unbound form as it is."""
    return _widget_values(field.field.widget, field.name, field.value())


def _normalized(values: Values) -> Values:
    """Undo what browsers do to line breaks, and ignore spaces around values and their order."""
    return {
        name: sorted(filter(None, (each.replace("\r\n", "\n").strip() for each in values[name])))
        for name in sorted(values)
    }


def _digest(values: Values) -> str:
    return hashlib.sha256(json.dumps(_normalized(values)).encode()).hexdigest()[:12]


# ---------- What a form showed ----------


def seen_values(
    form: Form, formsets: Iterable[Any] = (), facts: Mapping[str, str] | None = None
) -> str:
    """Return the text for the hidden field `seen`, from an unbound form and its formsets.

    `facts` are values that the form does not edit, such as an event's status, but that the person
    who submits it should know.
    """
    seen: dict[str, Any] = _form_digests(form)
    for formset in formsets:
        seen[formset.prefix] = {_row_id(row): _form_digests(row) for row in formset if _row_id(row)}
    if facts:
        seen[FACTS] = dict(facts)
    return json.dumps(seen, separators=(",", ":"))


def _form_digests(form: Form) -> dict[str, str]:
    return {field.name: _digest(_shown_values(field)) for field in _editable_fields(form)}


def _row_id(row: Any) -> str:
    """Return the id of the record that a formset's unbound row shows, or an empty string."""
    instance = getattr(row, "instance", None)
    return str((instance.pk if instance else row.initial.get("id")) or "")


def _read_seen(text: str) -> dict[str, Any]:
    """Return the digests from `seen`. Without them, every difference is a conflict."""
    with contextlib.suppress(ValueError, RecursionError):
        seen = json.loads(text)
        if isinstance(seen, dict):
            return seen
    return {}


# ---------- Merging ----------


def merge_edits(
    data: QueryDict,
    stored: Form,
    formsets: Sequence[Any] = (),
    facts: Mapping[str, str] | None = None,
) -> MergedEdits:
    """Merge a submitted form with the stored values, shown by the same unbound form and formsets.

    The merged data carries the digests of the stored values, so submitting it again stores what was
    typed.
    """
    seen = _read_seen(data.get(SEEN, ""))
    merged = MergedEdits(data.copy(), [], [])
    merged.conflicts.extend(_changed_facts(seen.get(FACTS), facts or {}))
    merged.conflicts.extend(_no_longer_editable(data, seen, stored, formsets))
    for field in _editable_fields(stored):
        typed = {name: data.getlist(name) for name in _shown_values(field)}
        outcome = _merge_field(field, typed, seen.get(field.name), about="")
        if isinstance(outcome, Conflict):
            merged.conflicts.append(outcome)
        elif outcome != typed:
            merged.kept.append(str(field.label))
            for name, values in outcome.items():
                merged.data.setlist(name, values)
    for formset in formsets:
        rows = seen.get(formset.prefix)
        _merge_rows(merged, formset, rows if isinstance(rows, dict) else {})
    merged.data[SEEN] = seen_values(stored, formsets, facts)
    return merged


def _changed_facts(seen: Any, facts: Mapping[str, str]) -> Iterator[Conflict]:
    for name, now in facts.items():
        before = seen.get(name) if isinstance(seen, dict) else None
        if before != now:
            was = f" from “{before}”" if isinstance(before, str) else ""
            yield Conflict(
                None,
                f"The {name} changed{was} to “{now}” after you opened this page. If what you "
                "entered is still right, submit the form again.",
            )


def _no_longer_editable(
    data: QueryDict, seen: dict[str, Any], stored: Form, formsets: Sequence[Any]
) -> Iterator[Conflict]:
    """Report changes to fields and lines that the form no longer has."""
    editable = {field.name for field in _editable_fields(stored)}
    editable |= {FACTS, *(formset.prefix for formset in formsets)}
    for name, digest in seen.items():
        if name in editable:
            continue
        typed = data.getlist(name)
        if isinstance(digest, dict):
            rows = _typed_rows(data, name, MAX_ROWS) or []
            if not all(
                _is_unchanged(row, digest.get(row["id"][0])) for row in rows if _has_id(row)
            ):
                yield Conflict(None, f"The {name} can no longer be changed. {SAVE_THE_REST}")
        elif typed and _digest({name: typed}) != digest:
            label = stored.fields[name].label if name in stored.fields else name.replace("_", " ")
            entered = _shortened(", ".join(typed))
            yield Conflict(
                None,
                f"“{label}” can no longer be changed. You entered “{entered}”. {SAVE_THE_REST}",
            )


def _merge_field(
    field: forms.BoundField, typed: Values, seen: str | None, *, about: str
) -> Values | Conflict:
    """Return the values to use, or a conflict if this person and someone else changed the field.

    `about` is what the field of a row belongs to.
    """
    stored = _shown_values(field)
    if _digest(stored) in (seen, _digest(typed)):
        return typed
    if _digest(typed) == seen:
        return stored
    what = f"{about}, {field.label}: someone changed this" if about else "Someone changed this"
    return Conflict(
        None if about else field.name,
        f"{what} to {_as_text(field, stored)} after you opened this page. You entered "
        f"{_shortened(_as_text(field, typed))}. {SUBMIT_AGAIN}",
    )


def _as_text(field: forms.BoundField, values: Values) -> str:
    """Return values as the person reads them on the form, in quotation marks."""
    raw = [each for part in values.values() for each in part if each]
    if isinstance(field.field.widget, forms.CheckboxInput):
        return "“yes”" if raw else "“no”"
    if not raw:
        return "nothing"
    return f"“{', '.join(_choice_texts(field.field, raw))}”"


def _choice_texts(field: Any, raw: list[str]) -> list[str]:
    if isinstance(field, forms.ModelChoiceField):
        with contextlib.suppress(ValidationError):
            key = field.to_field_name or "pk"
            chosen = field.queryset.filter(**{f"{key}__in": raw}) if field.queryset else []
            return [str(each) for each in chosen] or raw
        return raw
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        labels = {str(value): str(label) for value, label in choices}
        return [labels.get(each, each) for each in raw]
    return raw


def _shortened(text: str) -> str:
    """Shorten a value for a message. The form still shows all of it."""
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def with_conflicts(form: type[Form], conflicts: Sequence[Conflict]) -> type[Form]:
    """Return a form class that reports the conflicts as errors, so that it is not saved."""

    class ConflictForm(form):  # type: ignore[misc, valid-type]
        def full_clean(self) -> None:
            super().full_clean()
            for field, message in conflicts if self.is_bound else ():
                self.add_error(field if field in self.fields else None, message)

    return ConflictForm


def kept_message(kept: Sequence[str]) -> str:
    """Return the message that tells the person who saved a form about others' changes."""
    return (
        f"While this page was open, someone else changed: {', '.join(kept)}. Their changes were "
        "kept."
    )


# ---------- Rows ----------


def _merge_rows(merged: MergedEdits, formset: Any, seen: dict[str, Any]) -> None:
    """Merge a formset's rows by the ids of their records, and write them back to the data."""
    typed = _typed_rows(merged.data, formset.prefix, formset.absolute_max)
    if typed is None:
        return
    stored = {_row_id(row): row for row in formset if _row_id(row)}
    ids = {row["id"][0] for row in typed if _has_id(row)}
    known: list[Values] = []
    new: list[Values] = []
    for row in typed:
        if not _has_id(row):
            new.append(row)
        elif row["id"][0] in stored:
            known.append(_merge_row(merged, stored[row["id"][0]], row, seen.get(row["id"][0])))
        elif not _is_unchanged(row, seen.get(row["id"][0])) and "DELETE" not in row:
            merged.conflicts.append(_removed(row))
            new.append(row | {"id": [""]})
        else:
            merged.kept.append("a removed line")
    for row_id, form in stored.items():
        if row_id not in ids and row_id not in seen:
            added = _shown_row(form)
            new = [row for row in new if not _is_same(row, added)]
            known.append(added | {"id": [row_id]})
            merged.kept.append("an added line")
    _write_rows(merged.data, formset, known, new)


def _typed_rows(data: QueryDict, prefix: str, most: int) -> list[Values] | None:
    """Return the submitted rows, up to `most`, or None if their number is not valid."""
    try:
        total = min(int(str(data[f"{prefix}-TOTAL_FORMS"])), most)
    except (KeyError, ValueError):
        return None
    rows: list[Values] = []
    for number in range(total):
        start = f"{prefix}-{number}-"
        rows.append({key[len(start) :]: data.getlist(key) for key in data if key.startswith(start)})
    return rows


def _has_id(row: Values) -> bool:
    return bool(row.get("id") and row["id"][0])


def _shown_row(form: Form) -> Values:
    row: Values = {}
    for field in _editable_fields(form):
        row |= _shown_values(field)
    return row


def _is_same(row: Values, other: Values) -> bool:
    return _digest({name: row.get(name, []) for name in other}) == _digest(other)


def _is_unchanged(row: Values, seen: Any) -> bool:
    """Return whether a row whose record is gone was submitted as it was shown."""
    return isinstance(seen, dict) and all(
        _digest({name: row.get(name, [])}) == digest for name, digest in seen.items()
    )


def _removed(row: Values) -> Conflict:
    entered = ", ".join(each for name, part in row.items() if name != "id" for each in part if each)
    return Conflict(
        None,
        f"Someone removed a line after you opened this page. You entered “{_shortened(entered)}” "
        "there. Submitting the form again will add the line again.",
    )


def _merge_row(merged: MergedEdits, form: Any, row: Values, seen: Any) -> Values:
    digests: dict[str, Any] = seen if isinstance(seen, dict) else {}
    initial = form.initial.get("title") or form.initial.get("label")
    about = str(getattr(form, "instance", None) or initial or "A line")
    if "DELETE" in row:
        if _form_digests(form) != digests:
            shown = ", ".join(
                _as_text(field, _shown_values(field)) for field in _editable_fields(form)
            )
            merged.conflicts.append(
                Conflict(
                    None,
                    f"{about}: someone changed this line to {shown} after you opened this page. "
                    "You removed it. Submitting the form again will remove it.",
                )
            )
        return row
    result = dict(row)
    for field in _editable_fields(form):
        typed = {name: row.get(name, []) for name in _shown_values(field)}
        outcome = _merge_field(field, typed, digests.get(field.name), about=about)
        if isinstance(outcome, Conflict):
            merged.conflicts.append(outcome)
        elif outcome != typed:
            merged.kept.append(f"{about}, {field.label}")
            result |= outcome
    return result


def _write_rows(data: QueryDict, formset: Any, known: list[Values], new: list[Values]) -> None:
    prefix = formset.prefix
    management = {f"{prefix}-{name}" for name in ("MIN_NUM_FORMS", "MAX_NUM_FORMS")}
    for key in [key for key in data if key.startswith(f"{prefix}-") and key not in management]:
        del data[key]
    rows = [*known, *new]
    is_model_formset = isinstance(formset, forms.BaseModelFormSet)
    data[f"{prefix}-TOTAL_FORMS"] = str(len(rows))
    data[f"{prefix}-INITIAL_FORMS"] = str(len(known) if is_model_formset else len(rows))
    for number, row in enumerate(rows):
        for name, values in row.items():
            data.setlist(f"{prefix}-{number}-{name}", values)
