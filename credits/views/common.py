"""What several pages around claims share."""

from collections.abc import Iterable
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from credits import checks
from credits.enums import CheckKind
from credits.forms.custom import CustomEventForm


def listed_message() -> str:
    """Where the person sees that the credit is listed."""
    return f"{reverse('tracks:credits')}#listed"


def draft_fields(data: QueryDict) -> dict[str, str]:
    """The texts of Create New… in what was posted; not the files."""
    names = [name for name in CustomEventForm.base_fields if name != "evidence"]
    texts = {name: str(data.get(name, "")) for name in names}
    return {name: text for name, text in texts.items() if text.strip()}


def check_result_rows(remarks: Iterable[checks.CheckResult]) -> list[dict[str, Any]]:
    """Remarks with what can be done about each."""
    return [
        {
            "label": CheckKind(remark.kind).label,
            "text": remark.text,
            "claim_id": remark.claim_id,
            "title": remark.event.title if remark.event else "",
            "instead_id": remark.event.pk if remark.event and remark.can_claim else None,
        }
        for remark in remarks
    ]
