"""The models of the events app."""

from events.models.attendance_list import UNDO_WINDOW, AttendanceList, AttendeeMatch
from events.models.catalog import CatalogListing, CatalogMeeting, FiscalYear
from events.models.credit_line import Category, CreditOffer
from events.models.event import (
    CALENDAR_ENDS,
    CALENDAR_STARTS,
    JOINING_FIELDS,
    WAITING_SINCE,
    CustomEvent,
    DayOfEnd,
    Event,
    MountainDay,
    MountainMidnightAfter,
    RecordingPage,
)
from events.models.hint import Hint
from events.models.material import (
    CalendarVersion,
    CollegeWork,
    Presenter,
    Resource,
)
from events.models.registration import Answer, PersonalKey, Question, Registration
from events.models.search import (
    MAX_SAVED_SEARCH_NAME,
    MAX_SYNONYM_LENGTH,
    SavedSearch,
    Synonym,
)
from events.models.star import Star

__all__ = [
    "CALENDAR_ENDS",
    "CALENDAR_STARTS",
    "JOINING_FIELDS",
    "MAX_SAVED_SEARCH_NAME",
    "MAX_SYNONYM_LENGTH",
    "UNDO_WINDOW",
    "WAITING_SINCE",
    "Answer",
    "AttendanceList",
    "AttendeeMatch",
    "CalendarVersion",
    "CatalogListing",
    "CatalogMeeting",
    "Category",
    "CollegeWork",
    "CreditOffer",
    "CustomEvent",
    "DayOfEnd",
    "Event",
    "FiscalYear",
    "Hint",
    "MountainDay",
    "MountainMidnightAfter",
    "PersonalKey",
    "Presenter",
    "Question",
    "RecordingPage",
    "Registration",
    "Resource",
    "SavedSearch",
    "Star",
    "Synonym",
]
