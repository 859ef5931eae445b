"""Who can see what: every URL of the portal, for every role, with a person's private data.

A cell in TABLE is the response to that role: a status, or `door` for a redirect to the sign-in
page, with a `+` if the owner's data is on the page. A URL that is missing from TABLE fails.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.contrib import admin
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.utils import timezone

from accounts.enums import PositionKind, Role
from accounts.models import Position, User
from accounts.queries import reminders_token
from credits.actions import (
    add_evidence,
    claim_custom_event,
    issue_attendance_certificate,
    merge_events,
    save_draft,
)
from credits.attendance import guest_key, guest_token
from credits.models import AwardList, WaitingAward
from events.actions import decide_custom_event, register, save_search
from events.attendance.list_actions import apply_attendance_list, store_attendance_list
from events.calendar.search import Filters
from events.editing.material import add_file
from events.enums import Decision, EventState, KeyPurpose
from events.models import PersonalKey
from events.saved_searches.emails import stop_token
from helpdesk.actions import open_ticket
from helpdesk.models import Attachment
from tests import factories
from tests.races import rounds
from tests.web import signed_in
from tracks.actions import SupervisorContact, select_track
from tracks.certification.supervisors import token_of

pytestmark = pytest.mark.django_db
MARK = "quillfeather"  # in all of the owner's private data
# In everything that lets people into the owner's online event. See test_no_one_else_can_join.
KEY = "jackrabbit"
JOINING = {
    "joining_url": f"https://meet.example/{KEY}",
    "meeting_id": f"{KEY} 161",
    "passcode": f"{KEY} 162",
    "joining_phone": f"406-555-0142 {KEY}",
}
SCRIPT = "<script>alert(1)</script>"
ROLES = [
    "anonymous",
    "owner",
    "other",
    "supervisor",
    "editor",
    "helpdesk",
    "coordinator",
    "administrator",
]
TABLE = """
                                                       anon own  othr supr edit help coor admn
GET  /                                                 200  200  200  200+ 200  200  200  200
GET  /accessibility/                                   200  200  200  200  200  200  200  200
GET  /healthz                                          200  200  200  200  200  200  200  200
GET  /readyz                                           200  200  200  200  200  200  200  200

GET  /events/                                          200  200  200  200  200  200  200  200
GET  /events/?view=list&past=1                         200  200  200  200  200  200  200  200
GET  /events/calendar.ics                              200  200  200  200  200  200  200  200
GET  /events/calendar.atom                             200  200  200  200  200  200  200  200
GET  /events/catalog/                                  200  200  200  200  200  200  200  200
GET  /events/catalog/approvals/                        200  200  200  200  200  200  200  200
GET  /demonstration/recordings/none/                    404  404  404  404  404  404  404  404
GET  /demonstration/meetings/none/                      404  404  404  404  404  404  404  404
GET  /events/catalogue/                                301  301  301  301  301  301  301  301
GET  /events/embed/                                    200  200  200  200  200  200  200  200
GET  /events/embed/how/                                200  200  200  200  200  200  200  200
GET  /events/searches/stop/{stop}/                     200  200  200  200  200  200  200  200
POST /events/searches/stop/{stop}/                     302  302  302  302  302  302  302  302
GET  /events/searches/stop/1:forged/                   404  404  404  404  404  404  404  404
GET  /events/personal/{feed}.ics                       200  200  200  200  200  200  200  200
GET  /events/{upcoming}/event.ics                      200  200  200  200  200  200  200  200
GET  /events/{pending}/event.ics                       404  404  404  404  404  404  404  404
GET  /events/{ended}/                                  200  200  200  200  200  200  200  200
GET  /events/{upcoming}/                               200  200  200  200  200  200  200  200
GET  /events/{upcoming}/any-slug/                      200  200  200  200  200  200  200  200
GET  /events/{pending}/                                404  200  404  404  404  404  404  404
GET  /events/{returned}/any-slug/                      404  200  404  404  404  404  404  404
GET  /events/{approved}/                               404  200  302  302  302  302  302  302
GET  /events/{upcoming}/register/                      door 302  302  302  302  302  302  302
POST /events/{upcoming}/register/                      door 302  302  302  302  302  302  302
POST /events/{pending}/register/                       door 302  404  404  404  404  404  404
GET  /events/{upcoming}/cancel/                        door 302  302  302  302  302  302  302
POST /events/{upcoming}/cancel/                        door 302  302  302  302  302  302  302
POST /events/{pending}/cancel/                         door 302  404  404  404  404  404  404
GET  /events/{upcoming}/switch/                        door 302  302  302  302  302  302  302
POST /events/{upcoming}/switch/                        door 302  302  302  302  302  302  302
POST /events/{pending}/switch/                         door 302  404  404  404  404  404  404
GET  /events/{upcoming}/cancel/undo/                   door 302  302  302  302  302  302  302
POST /events/{upcoming}/cancel/undo/                   door 302  302  302  302  302  302  302
POST /events/{pending}/cancel/undo/                    door 302  404  404  404  404  404  404

GET  /events/{now}/join/                               door 302  302  302  302  302  302  302
GET  /events/{pending}/join/                           door 302  404  404  404  404  404  404
GET  /events/{ended}/watch/                            302  302  302  302  302  302  302  302
GET  /events/{pending}/watch/                          404  302  404  404  404  404  404  404
GET  /events/{ended}/dismiss/                          door 302  302  302  302  302  302  302
POST /events/{ended}/dismiss/                          door 302  302  302  302  302  302  302
POST /events/{pending}/dismiss/                        door 302  404  404  404  404  404  404
GET  /events/{ended}/dismiss/undo/                     door 302  302  302  302  302  302  302
POST /events/{ended}/dismiss/undo/                     door 302  302  302  302  302  302  302
POST /events/{pending}/dismiss/undo/                   door 302  404  404  404  404  404  404
GET  /events/{ended}/star/                             door 302  302  302  302  302  302  302
POST /events/{ended}/star/                             door 302  302  302  302  302  302  302
POST /events/{pending}/star/                           door 404  404  404  404  404  404  404
GET  /events/{ended}/star/undo/                        door 302  302  302  302  302  302  302
POST /events/{ended}/star/undo/                        door 302  302  302  302  302  302  302
POST /events/{pending}/star/undo/                      door 404  404  404  404  404  404  404

GET  /events/manage/                                   door 404  404  404  200  404  200  404
GET  /events/manage/new/                               door 404  404  404  200  404  200  404
POST /events/manage/new/                               door 404  404  404  200  404  200  404
GET  /events/{proposal}/review/                        door 404  404  404  200  404  200  404
POST /events/{proposal}/review/                        door 404  404  404  302  404  302  404
GET  /events/{fresh}/review/                           door 404  404  404  404  404  302  404
GET  /events/{proposal}/undo/                          door 404  404  404  302  404  302  404
POST /events/{proposal}/undo/                          door 404  404  404  302  404  302  404
POST /events/{fresh}/undo/                             door 404  404  404  404  404  302  404
GET  /events/{proposal}/edit/                          door 404  404  404  200  404  200  404
POST /events/{proposal}/edit/                          door 404  404  404  200  404  200  404
GET  /events/{proposal}/copy/                          door 404  404  404  200  404  200  404
POST /events/{proposal}/copy/                          door 404  404  404  200  404  200  404
GET  /events/{now}/call-off/                           door 404  404  404  200  404  200  404
POST /events/{now}/call-off/                           door 404  404  404  200  404  200  404
GET  /events/{now}/restore/                            door 404  404  404  404  404  200  404
POST /events/{now}/restore/                            door 404  404  404  404  404  302  404
GET  /events/{proposal}/repeat/                        door 404  404  404  200  404  200  404
POST /events/{proposal}/repeat/                        door 404  404  404  200  404  200  404
GET  /events/{proposal}/sessions/                      door 404  404  404  200  404  200  404
POST /events/{proposal}/sessions/                      door 404  404  404  200  404  200  404
GET  /events/{proposal}/questions/                     door 404  404  404  200  404  200  404
POST /events/{proposal}/questions/                     door 404  404  404  200  404  200  404
GET  /events/{proposal}/files/                         door 404  404  404  200  404  200  404
POST /events/{proposal}/files/                         door 404  404  404  302  404  302  404
GET  /events/{now}/catalog/                            door 404  404  404  200  404  200  404
POST /events/{now}/catalog/                            door 404  404  404  200  404  200  404
GET  /events/{fresh}/catalog/                          door 404  404  404  404  404  200  404
GET  /events/files/{file}/                             200  200  200  200  200  200  200  200
GET  /events/files/{secret}/                           404  404  404  404  200  404  200  404
GET  /events/mine/                                     door 200  200  200  200  200  200  200
GET  /events/mine/feed/                                door 302  302  302  302  302  302  302
POST /events/mine/feed/                                door 200  302  302  302  302  302  302
GET  /events/searches/                                 door 302  302  302  302  302  302  302
POST /events/searches/                                 door 302  302  302  302  302  302  302
GET  /events/searches/{search}/remove/                 door 302  404  404  404  404  404  404
POST /events/searches/{search}/remove/                 door 302  404  404  404  404  404  404
GET  /events/mine/badge/                               door 302  302  302  302  302  302  302
POST /events/mine/badge/                               door 200  302  302  302  302  302  302
GET  /events/check-in/                                 door 200  200  200  200  200  200  200
POST /events/check-in/                                 door 200  200  200  200  200  200  200
GET  /events/check-in/{code}/                          door 200  200  200  200  200  200  200
POST /events/check-in/{code}/                          door 302  302  302  302  302  302  302
GET  /events/badge/{badge}/                            door 200  404  404  200+ 404  200+ 404
POST /events/badge/{badge}/                            door 200  404  404  302  404  302  404
GET  /events/{now}/roster/                             door 404  404  404  200+ 404  200+ 404
POST /events/{now}/roster/                             door 404  404  404  302  404  302  404
GET  /events/{fresh}/roster/                           door 404  404  404  404  404  200  404
GET  /events/{now}/roster/sheet/                       door 404  404  404  200+ 404  200+ 404
GET  /events/{now}/roster/roster.csv                   door 404  404  404  200+ 404  200+ 404
GET  /events/{now}/roster/walk-in/                     door 404  404  404  200  404  200  404
POST /events/{now}/roster/walk-in/                     door 404  404  404  200  404  200  404
GET  /events/{now}/roster/code/                        door 404  404  404  200  404  200  404
POST /events/{now}/roster/code/                        door 404  404  404  302  404  302  404
GET  /events/{now}/roster/upload/                      door 404  404  404  200  404  200  404
POST /events/{now}/roster/upload/                      door 404  404  404  200  404  200  404
GET  /events/{now}/roster/lists/{list}/                door 404  404  404  200+ 404  200+ 404
POST /events/{now}/roster/lists/{list}/                door 404  404  404  302  404  302  404
GET  /events/{now}/roster/lists/{list}/match/          door 404  404  404  200  404  200  404
POST /events/{now}/roster/lists/{list}/match/          door 404  404  404  302  404  302  404
GET  /events/{now}/roster/lists/{list}/confirm/        door 404  404  404  200  404  200  404
POST /events/{now}/roster/lists/{list}/confirm/        door 404  404  404  302  404  302  404
POST /events/{now}/roster/lists/{list}/undo/           door 404  404  404  302  404  302  404
GET  /events/{now}/roster/lists/{list}/unknown.csv     door 404  404  404  200  404  200  404

GET  /continuing-education/                            door 200  200  200+ 200  200  200  200
GET  /continuing-education/credits/                    door 200  200  200  200  200  200  200
GET  /continuing-education/credits/?q=Quill             door 200  200  200  200  200  200  200
GET  /continuing-education/credits/transcript.csv      door 200  200  200  200  200  200  200
GET  /continuing-education/credits/transcript.pdf      door 200  200  200  200  200  200  200
GET  /continuing-education/credits/transcript.xlsx     door 200  200  200  200  200  200  200
GET  /continuing-education/credits/transcript.exe      door 404  404  404  404  404  404  404
GET  /continuing-education/credits/{credit}/           door 302  404  404  404  200+ 200+ 200+
GET  /continuing-education/library/                    door 404  404  200+ 404  404  404  404
GET  /continuing-education/claim/?event={fresh}        door 302  302  302  302  302  302  302
GET  /continuing-education/claim/{ended}/              door 200  200  200  200  200  200  200
POST /continuing-education/claim/{fresh}/              door 302  302  302  302  302  302  302
GET  /continuing-education/claim/{conference}/sessions/ door 200  200  200  200  200  200  200
POST /continuing-education/claim/{conference}/sessions/ door 200  200  200  200  200  200  200
GET  /continuing-education/claim/{ended}/sessions/     door 404  404  404  404  404  404  404
GET  /continuing-education/claim/{pending}/sessions/   door 404  404  404  404  404  404  404
GET  /continuing-education/claim/{pending}/            door 404  404  404  404  404  404  404
POST /continuing-education/claim/{pending}/            door 404  404  404  404  404  404  404
GET  /continuing-education/claims/{claim}/withdraw/    door 302  404  404  404  404  404  404
POST /continuing-education/claims/{claim}/withdraw/    door 302  404  404  404  404  404  404
GET  /continuing-education/claims/{claim}/withdraw/undo/ door 302  404  404  404  404  404  404
POST /continuing-education/claims/{claim}/withdraw/undo/ door 302  404  404  404  404  404  404
GET  /continuing-education/claims/{claim}/evidence/undo/ door 302  404  404  404  404  404  404
POST /continuing-education/claims/{claim}/evidence/undo/ door 302  404  404  404  404  404  404
GET  /continuing-education/claim/{approved}/           door 200  200  200  200  200  200  200
POST /continuing-education/claim/{approved}/           door 302  302  302  302  302  302  302
GET  /continuing-education/claims/{claim}/             door 302  404  404  404  404  404  404
POST /continuing-education/claims/{claim}/             door 200  404  404  404  404  404  404
GET  /continuing-education/evidence/{evidence}/        door 200  404  404  404  200+ 200+ 200+
GET  /continuing-education/new/                        door 200  200  200  200  200  200  200
POST /continuing-education/new/                        door 200  200  200  200  200  200  200
GET  /continuing-education/new/?again={repeated}       door 200  404  404  404  404  404  404
POST /continuing-education/new/draft/                  door 200  200  200  200  200  200  200
GET  /continuing-education/new/draft/                  door 302  302  302  302  302  302  302
GET  /continuing-education/new/draft/undo/             door 302  302  302  302  302  302  302
POST /continuing-education/new/draft/undo/             door 302  302  302  302  302  302  302
GET  /continuing-education/new/worth/                  door 200  200  200  200  200  200  200
GET  /continuing-education/new/college/                door 200  200  200  200  200  200  200
POST /continuing-education/new/college/                door 200  200  200  200  200  200  200
GET  /continuing-education/new/college/worth/          door 200  200  200  200  200  200  200
GET  /continuing-education/new/conference/             door 200  200  200  200  200  200  200
POST /continuing-education/new/conference/             door 200  200  200  200  200  200  200
GET  /continuing-education/new/similar/?title=Pending  door 200  200  200  200  200  200  200
GET  /continuing-education/custom/{returned}/          door 200  404  404  404  404  404  404
POST /continuing-education/custom/{returned}/          door 200  404  404  404  404  404  404
GET  /continuing-education/custom/{pending}/           door 200  404  404  404  404  404  404
POST /continuing-education/custom/{pending}/           door 200  404  404  404  404  404  404

GET  /reports/                                         door 404  404  404  404  404  200  200
GET  /reports/certification/                           door 404  404  404  404  404  200  200
GET  /reports/people/?standing=certified               door 404  404  404  404  404  200+ 200+
GET  /reports/people/people.csv?standing=certified     door 404  404  404  404  404  200+ 200+
GET  /reports/trustees/boards.xlsx                     door 404  404  404  404  404  200  200

GET  /tracks/                                          door 200  200  200  200  200  200  200
POST /tracks/                                          door 302  302  302  302  302  302  302
GET  /tracks/rules/                                    200  200  200  200  200  200  200  200
GET  /tracks/rules/{rule_set}/                         200  200  200  200  200  200  200  200
GET  /tracks/{participation}/                          door 200  404  404  404  404  404  404
GET  /tracks/{participation}/leave/                    door 302  404  404  404  404  404  404
POST /tracks/{participation}/leave/                    door 302  404  404  404  404  404  404
GET  /tracks/{participation}/resume/                   door 302  404  404  404  404  404  404
POST /tracks/{participation}/resume/                   door 302  404  404  404  404  404  404
GET  /tracks/{participation}/submit/                   door 200  404  404  404  404  404  404
POST /tracks/{participation}/submit/                   door 200  404  404  404  404  404  404
GET  /tracks/{sent}/submit/                            door 302  404  404  404  404  404  404
POST /tracks/{sent}/submit/                            door 302  404  404  404  404  404  404
GET  /tracks/{sent}/                                   door 200  404  404  404  404  404  404
GET  /tracks/{sent}/take-back/                         door 200  404  404  404  404  404  404
POST /tracks/{sent}/take-back/                         door 302  404  404  404  404  404  404
GET  /tracks/{sent}/years/                             door 200  404  404  404  404  404  404
POST /tracks/{sent}/years/                             door 200  404  404  404  404  404  404
GET  /tracks/verifications/{asked}/                    door 404  404  200+ 404  404  404  404
POST /tracks/verifications/{asked}/                    door 404  404  200+ 404  404  404  404
GET  /verify/{link}/                                   200+ 200  200+ 200+ 200+ 200+ 200+ 200+
POST /verify/{link}/                                   200+ 200  200+ 200+ 200+ 200+ 200+ 200+
GET  /verify/forged/                                   404  404  404  404  404  404  404  404
POST /verify/forged/                                   404  404  404  404  404  404  404  404

GET  /certificates/                                    door 200  200  200  200  200  200  200
GET  /certificates/{certificate}/                      200+ 200  200+ 200+ 200+ 200+ 200+ 200+
GET  /certificates/nothing/                            404  404  404  404  404  404  404  404
GET  /certificates/{certificate}/certificate.pdf       door 200  404  404  404  200+ 200+ 200+

GET  /attendance/{ended}/                              door 200  200  404  404  404  404  404
GET  /attendance/{now}/                                door 404  404  404  404  404  404  404
GET  /attendance/999999/                               door 404  404  404  404  404  404  404
GET  /attendance/{ended}/certificate.pdf               door 200  200  404  404  404  404  404
GET  /attendance/{attendance}/                         200+ 200  200+ 200+ 200+ 200+ 200+ 200+
GET  /attendance/guest/{guest}/                        200  200  200  200  200  200  200  200
GET  /attendance/guest/{guest}/certificate.pdf         200  200  200  200  200  200  200  200
GET  /attendance/guest/forged/                         404  404  404  404  404  404  404  404
GET  /attendance/guest/forged/certificate.pdf          404  404  404  404  404  404  404  404
GET  /attendance/nothing/                              404  404  404  404  404  404  404  404

GET  /welcome/                                         door 200  200  200  200  200  200  200
POST /welcome/                                         door 302  302  302  302  302  302  302

GET  /help/                                            200  200  200  200  200  200  200  200
GET  /help/?q=credit                                   200  200  200  200  200  200  200  200
GET  /help/what-is-certification/                      200  200  200  200  200  200  200  200
GET  /help/no-such-article/                            404  404  404  404  404  404  404  404
GET  /help/new/                                        door 200  200  200  200  200  200  200
POST /help/new/                                        door 200  200  200  200  200  200  200
GET  /help/new/?credit={credit}                        door 200  404  404  404  404  404  404
POST /help/new/?credit={credit}                        door 200  404  404  404  404  404  404
GET  /help/queue/                                      door 404  404  404  404  200+ 200+ 404
GET  /help/queue/?state=all                            door 404  404  404  404  200+ 200+ 404
GET  /help/{ticket}/                                   door 200  404  404  404  200+ 200+ 404
GET  /help/{ticket}/reply/                             door 302  404  404  404  302  302  404
POST /help/{ticket}/reply/                             door 200  404  404  404  200+ 200+ 404
GET  /help/{ticket}/files/{attachment}/                door 200  404  404  404  200+ 200+ 404
GET  /help/{ticket}/correct/                           door 404  404  404  404  302  302  404
POST /help/{ticket}/correct/                           door 404  404  404  404  200+ 200+ 404

GET  /accounts/profile/                                door 200  200  200  200  200  200  200
POST /accounts/profile/                                door 200  200  200  200  200  200  200
GET  /accounts/profile/positions/                      door 302  302  302  302  302  302  302
POST /accounts/profile/positions/                      door 200  200  200  200  200  200  200
GET  /accounts/profile/positions/{position}/end/       door 302  302  302  302  302  302  302
POST /accounts/profile/positions/{position}/end/       door 302  404  404  404  404  404  404
GET  /accounts/profile/positions/undo/                 door 302  302  302  302  302  302  302
POST /accounts/profile/positions/undo/                 door 302  302  302  302  302  302  302

GET  /accounts/profile/reminders/                      door 302  302  302  302  302  302  302
POST /accounts/profile/reminders/                      door 302  302  302  302  302  302  302
GET  /accounts/profile/theme/                          door 302  302  302  302  302  302  302
POST /accounts/profile/theme/                          door 302  302  302  302  302  302  302
GET  /accounts/profile/progress/                       door 302  302  302  302  302  302  302
POST /accounts/profile/progress/                       door 302  302  302  302  302  302  302
GET  /accounts/reminders/{reminders}/                  200  200  200  200  200  200  200  200
POST /accounts/reminders/{reminders}/                  302  302  302  302  302  302  302  302
GET  /accounts/reminders/certification/{reminders}/    200  200  200  200  200  200  200  200
POST /accounts/reminders/certification/{reminders}/    302  302  302  302  302  302  302  302
GET  /accounts/reminders/certification/1:forged/       404  404  404  404  404  404  404  404
GET  /accounts/reminders/1:forged/                     404  404  404  404  404  404  404  404

GET  /accounts/login/                                  200  302  302  302  302  302  302  302
POST /accounts/login/                                  200  302  302  302  302  302  302  302
GET  /accounts/logout/                                 302  200  200  200  200  200  200  200
POST /accounts/logout/                                 302  302  302  302  302  302  302  302
GET  /accounts/inactive/                               200  200  200  200  200  200  200  200
GET  /accounts/signup/                                 200  302  302  302  302  302  302  302
POST /accounts/signup/                                 200  302  302  302  302  302  302  302
GET  /accounts/reauthenticate/                         door 200  200  200  200  200  200  200
POST /accounts/reauthenticate/                         door 200  200  200  200  200  200  200
GET  /accounts/email/                                  door 200  200  200  200  200  200  200
POST /accounts/email/                                  door 302  302  302  302  302  302  302
GET  /accounts/confirm-email/                          200  200  200  200  200  200  200  200
GET  /accounts/confirm-email/{confirm}/                200+ 200  200+ 200+ 200+ 200+ 200+ 200+
POST /accounts/confirm-email/{confirm}/                302  302  302  302  302  302  302  302
GET  /accounts/password/change/                        door 200  200  200  200  200  200  200
POST /accounts/password/change/                        door 200  200  200  200  200  200  200
GET  /accounts/password/set/                           door 302  302  302  302  302  302  302
GET  /accounts/password/reset/                         200  200  200  200  200  200  200  200
POST /accounts/password/reset/                         200  200  200  200  200  200  200  200
GET  /accounts/password/reset/done/                    200  200  200  200  200  200  200  200
GET  /accounts/password/reset/key/1-forged/            200  200  200  200  200  200  200  200
GET  /accounts/password/reset/key/done/                200  200  200  200  200  200  200  200
GET  /accounts/login/code/confirm/                     302  302  302  302  302  302  302  302

GET  /admin/                                           302  302  302  302  200  200  200  200
GET  /admin/login/                                     door 403  403  403  302  302  302  302
GET  /admin/nowhere/                                   302  302  302  302  404  404  404  404
"""
# Anyone with a confirmation link sees the address it was mailed to. Anyone with a supervisor's link
# sees the record and can answer. Anyone with the address printed on a certificate sees its name.

# Staff in the admin: each model's list and the form for adding a row. All other people are turned
# away from every address under admin/.
STAFF = """
                                edit       help       coord      admin
account.emailaddress            403  403   403  403   403  403   403  403
accounts.federation             403  403   403  403   403  403   200  200
accounts.organization           403  403   200  403   200  403   200  200
accounts.position               403  403   200+ 403   200+ 403   200+ 200
accounts.user                   403  403   200+ 403   200+ 403   200+ 200
aspen.mail                      403  403   403  403   200+ 403   200+ 403
auth.group                      403  403   403  403   403  403   403  403
credits.awardlist               403  403   403  403   200+ 403   403  403
credits.claim                   403  403   200+ 403   200+ 403   200+ 403
credits.merge                   403  403   403  403   200+ 403   403  403
credits.waitingaward            403  403   403  403   200+ 403   403  403
events.cataloglisting         403  403   403  403   200  403   403  403
events.category                 200  403   200  403   200  403   200  403
events.customevent              403  403   200+ 403   200+ 403   200+ 403
events.event                    200  403   200  403   200  200   200  403
events.registration             403  403   200+ 403   200+ 403   200+ 403
events.synonym                  403  403   403  403   200  200   200  200
helpdesk.article                403  403   200  200   200  200   200  200
helpdesk.ticket                 403  403   200+ 403   200+ 403   200+ 403
procrastinate.procrastinatejob  403  403   403  403   403  403   403  403
tracks.certificate              403  403   200+ 403   200+ 403   200+ 403
tracks.participation            403  403   200+ 403   200+ 403   200+ 403
tracks.ruleset                  403  403   200  403   200  200   200  403
tracks.submission               403  403   200+ 403   200+ 403   200+ 403
tracks.track                    403  403   200  403   200  403   200  403
"""
# The pages about merging the owner's event, and about starting another merge.
MERGES = """
                                       anon own  othr supr edit help coor admn
{merge}/change/                        door 302  302  302  403  403  200+ 403
{merge}/history/                       door 302  302  302  403  403  200  403
{merge}/undo/                          door 302  302  302  403  403  200+ 403
start/?source={pending}                door 302  302  302  403  403  200+ 403
start/?source={pending}&target={ended} door 302  302  302  403  403  200+ 403
start/?find=Quillfeather               door 302  302  302  403  403  200+ 403
"""
PUBLIC = [
    "",
    "accessibility/",
    "accounts/confirm-email/",
    "accounts/confirm-email/(?P<key>[-:\\w]+)/$",
    "accounts/inactive/",
    "accounts/login/",
    "accounts/login/code/confirm/",
    "accounts/logout/",
    "accounts/password/reset/",
    "accounts/password/reset/done/",
    "accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
    "accounts/password/reset/key/done/",
    "accounts/reminders/<str:token>/",
    "accounts/reminders/certification/<str:token>/",
    "accounts/signup/",
    "admin/login/",
    "attendance/<str:address>/",
    "attendance/guest/<str:token>/",
    "attendance/guest/<str:token>/certificate.pdf",
    "certificates/<str:address>/",
    "demonstration/meetings/<slug:name>/",
    "demonstration/recordings/<slug:name>/",
    "events/",
    "events/<int:pk>/",
    "events/<int:pk>/<slug:slug>/",
    "events/<int:pk>/event.ics",
    "events/<int:pk>/watch/",
    "events/calendar.atom",
    "events/calendar.ics",
    "events/catalog/",
    "events/catalog/approvals/",
    "events/catalogue/",
    "events/embed/",
    "events/embed/how/",
    "events/files/<int:pk>/",
    "events/personal/<slug:token>.ics",
    "events/searches/stop/<str:token>/",
    "healthz",
    "help/",
    "help/<slug:slug>/",
    "readyz",
    "tracks/rules/",
    "tracks/rules/<int:rule_set_id>/",
    "verify/<str:token>/",
]


# ---------- Data and requests ----------


@dataclasses.dataclass
class World:
    people: dict[str, User | None]
    ids: dict[str, object]

    def __post_init__(self) -> None:
        # Each person signs in once, because that takes as long as loading a page.
        self.sessions = {
            role: signed_in(person).cookies for role, person in self.people.items() if person
        }

    def client(self, role: str, **options: Any) -> Client:
        """Return a new client, so that requests do not affect each other."""
        client = Client(**options)
        if self.people[role]:
            client.cookies.update(self.sessions[role])
        return client


# Django reads a session twice when it ends it. django-allauth reads an address twice when it
# confirms it. To reset a password, it reads the password's owner and the signed-in person.
TWICE = [
    {"model": model, "field": "get()"}
    for model in ("sessions.Session", "account.EmailAddress", "accounts.User")
]


@pytest.fixture(autouse=True)
def _twice(settings: Any) -> None:
    settings.ZEAL_ALLOWLIST = TWICE


@pytest.fixture(scope="module")
def world(make_once: Callable[[Any], World]) -> World:
    return make_once(a_world)


def a_world() -> World:
    owner = factories.person(
        display_name="Olive Quillfeather", email=f"{MARK}@library.example", shows_progress=True
    )
    other, supervisor = factories.person(), factories.person()
    coordinator = factories.person(Role.CE_COORDINATOR)
    position = Position.objects.create(
        person=owner,
        organization=factories.organization(),
        kind=PositionKind.STAFF,
        supervisor=supervisor,
    )
    Position.objects.create(
        person=supervisor,
        organization=position.organization,
        kind=PositionKind.DIRECTOR,
        is_confirmed=True,
    )
    certificate = factories.certificate(factories.following(owner, "Library Director"))
    ended, fresh = factories.event(), factories.event()
    upcoming = factories.event(days=7, **JOINING)
    register(event_id=upcoming.pk, by=owner)
    credit = factories.claim(owner, ended).credits.get()
    factories.claim(other, ended)
    certificate_of_attendance = issue_attendance_certificate(event_id=ended.pk, by=owner)
    pending, returned = (
        claim_custom_event(facts=factories.facts(title=title), by=owner).event
        for title in ("Pending Quillfeather", "Returned Quillfeather")
    )
    decide_custom_event(
        event_id=returned.pk,
        decision=Decision.RETURN,
        reason="Quillfeather is no sponsor",
        by=coordinator,
    )
    [evidence] = add_evidence(
        claim_id=credit.claim_id,
        files=[SimpleUploadedFile(f"{MARK}.pdf", f"%PDF-1.7 {MARK} %%EOF".encode())],
        by=owner,
    )
    save_draft(typed={"title": "A draft of Quillfeather"}, by=owner)
    AwardList.objects.create(
        event=ended, file_name=f"{MARK}.csv", rows=[[owner.email, 1]], uploaded_by=coordinator
    )
    WaitingAward.objects.create(
        event=ended,
        address=f"second.{MARK}@library.example",
        awarded_at=timezone.now(),
        awarded_by=coordinator,
    )
    # An event that anyone can claim does not show who reported it.
    approved = claim_custom_event(
        facts=factories.facts(description="How it helps the Quillfeather library"), by=owner
    )
    decide_custom_event(
        event_id=approved.event_id, decision=Decision.APPROVE, reason="", by=coordinator
    )
    merged = claim_custom_event(facts=factories.facts(title="Merged Quillfeather"), by=owner).event
    merge = merge_events(
        source_id=merged.pk, target_id=factories.event().pk, reason="", by=coordinator
    ).merge
    participation, _ = select_track(track=factories.track(), by=owner)
    select_track(track=factories.track(), by=other)
    sent = factories.submission(factories.following(owner))
    asked = factories.verification(sent, SupervisorContact("Sue Supervisor", supervisor.email))
    ticket = open_ticket(
        subject="Ask Quillfeather",
        body="Quillfeather",
        credit=credit,
        by=owner,
        files=[ContentFile(b"Quillfeather", name="list.txt")],
    )
    feed = PersonalKey.objects.create(person=owner, purpose=KeyPurpose.FEED, token="k" * 43)
    badge = PersonalKey.objects.create(
        person=owner, purpose=KeyPurpose.PERSONAL_CHECK_IN, token="b" * 43
    )
    editor, library = factories.person(Role.EVENT_EDITOR), factories.organization()
    Position.objects.create(person=editor, organization=library, kind=PositionKind.STAFF)
    now = factories.event(days=0, hours=2, organization=library, check_in_code="QRSTUV", **JOINING)
    register(event_id=now.pk, by=owner)
    conference = factories.event(credits={})
    factories.event(parent=conference)
    proposal = factories.event(
        days=9, state=EventState.PENDING, organization=library, title="Not yet published"
    )
    file, secret = (
        add_file(
            event_id=each.pk,
            label="Handout",
            file=SimpleUploadedFile("handout.txt", b"Handout"),
            by=editor,
        )
        for each in (now, proposal)
    )
    attendance_list = store_attendance_list(
        event_id=now.pk,
        file_name="list.csv",
        data=f"Email,Minutes\n{owner.email},50\n".encode(),
        threshold=30,
        by=editor,
    )
    list_of_guests = store_attendance_list(
        event_id=ended.pk,
        file_name="guests.csv",
        data=b"Email,Minutes\nguest@x.example,50\n",
        threshold=30,
        by=editor,
    )
    apply_attendance_list(list_id=list_of_guests.pk, by=editor)
    address = EmailAddress.objects.create(user=owner, email=owner.email)
    search = save_search(filters=Filters(words="weeding"), name="“weeding”", by=owner)
    return World(
        people={
            "anonymous": None,
            "owner": owner,
            "other": other,
            "supervisor": supervisor,
            "editor": editor,
            "helpdesk": factories.person(Role.HELP_DESK),
            "coordinator": coordinator,
            "administrator": factories.person(Role.ADMINISTRATOR),
        },
        ids={
            "ended": ended.pk,
            "feed": feed.token,
            "badge": badge.token,
            "now": now.pk,
            "proposal": proposal.pk,
            "conference": conference.pk,
            "file": file.pk,
            "secret": secret.pk,
            "code": now.check_in_code,
            "list": attendance_list.pk,
            "upcoming": upcoming.pk,
            "fresh": fresh.pk,
            "pending": pending.pk,
            "returned": returned.pk,
            "credit": credit.pk,
            "claim": credit.claim_id,
            "certificate": certificate.uuid,
            "attendance": certificate_of_attendance.uuid,
            "guest": guest_token(ended.pk, guest_key("guest@x.example")),
            "evidence": evidence.pk,
            "merge": merge.pk,
            "approved": approved.event_id,
            "repeated": approved.pk,
            "position": position.pk,
            "participation": participation.pk,
            "rule_set": participation.rule_set_id,
            "sent": sent.participation_id,
            "asked": asked.pk,
            "link": token_of(asked),
            "ticket": ticket.pk,
            "attachment": Attachment.objects.get(message__ticket=ticket).pk,
            "confirm": EmailConfirmationHMAC(address).key,
            "reminders": reminders_token(owner),
            "search": search.pk,
            "stop": stop_token(search),
        },
    )


def rows() -> list[tuple[str, str, list[str]]]:
    """Return the method, address and cells of each line in the table."""
    lines = [line.split() for line in TABLE.splitlines() if line.strip()][1:]
    assert {len(line) for line in lines} == {2 + len(ROLES)}
    return [(method, address, cells) for method, address, *cells in lines]


def routes() -> dict[str, URLPattern]:
    """Return every route of the portal and its URL pattern."""
    return dict(_routes(get_resolver(), ""))


def _routes(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern, route)
        else:
            yield route, pattern


def send(client: Client, method: str, address: str, data: dict[str, str] | None = None) -> Any:
    """Send a request and roll back its changes to the database."""
    cache.clear()  # no rate limits
    with transaction.atomic():
        response = client.post(address, data) if method == "POST" else client.get(address)
        if hasattr(response, "render"):
            response.render()
        transaction.set_rollback(True)
    return response


def text(response: Any) -> str:
    body = response.getvalue() if response.streaming else response.content
    return str(body.decode(errors="replace"))  # a PDF is not text


def cell(response: Any, role: str) -> str:
    if response.headers.get("Location", "").startswith("/accounts/login/?next="):
        return "door"
    leaks = role != "owner" and MARK in text(response).lower()
    return f"{response.status_code}{'+' if leaks else ''}"


# ---------- The table ----------


def test_every_address_is_in_the_table() -> None:
    """If this fails, add a line to TABLE for GET and, if needed, one for POST."""
    stated = {resolve(address.split("?")[0].format_map(Ones())).route for _, address, _ in rows()}
    missing = [route for route in routes() if not route.startswith("admin/")]
    assert sorted(set(missing) - stated) == []


class Ones(dict[str, str]):
    """A mapping that replaces every placeholder in an address with 1."""

    def __missing__(self, key: str) -> str:
        return "1"


@pytest.mark.parametrize("role", ROLES)
def test_every_address_answers_every_role_as_stated(world: World, role: str) -> None:
    expected, actual = [], []
    for method, address, cells in rows():
        response = send(world.client(role), method, address.format_map(world.ids))
        expected.append(f"{method} {address} {cells[ROLES.index(role)]}")
        actual.append(f"{method} {address} {cell(response, role)}")
    assert actual == expected


# The librarian of the table took part in this event.
ATTENDED = ("/attendance/{ended}/", "/attendance/{ended}/certificate.pdf")


def test_an_editor_of_another_organization_sees_the_same_as_any_librarian(world: World) -> None:
    """The exceptions are the pages for managing one's own events and checking people in."""
    stranger = factories.person(Role.EVENT_EDITOR)
    Position.objects.create(
        person=stranger, organization=factories.organization(), kind=PositionKind.STAFF
    )
    world = World(world.people | {"stranger": stranger}, world.ids)
    own = ("/events/manage/", "/events/manage/new/", "/events/badge/{badge}/", "/admin/", *ATTENDED)
    expected, actual = [], []
    for method, address, cells in rows():
        if address not in own and not address.startswith("/admin/"):
            response = send(world.client("stranger"), method, address.format_map(world.ids))
            expected.append(f"{method} {address} {cells[ROLES.index('other')]}")
            actual.append(f"{method} {address} {cell(response, 'stranger')}")
    assert actual == expected
    managing = [line for line in actual if re.search(r"/events/\{(now|proposal)\}/(?!join/)", line)]
    assert len(managing) > 20
    assert {line[-3:] for line in managing} == {"404"}


def test_the_public_addresses() -> None:
    public = [
        route
        for route, pattern in routes().items()
        if not getattr(pattern.callback, "login_required", True)
    ]
    assert sorted(public) == PUBLIC


def test_people_return_to_the_same_address_after_signing_in(world: World) -> None:
    for method, address, cells in rows():
        if cells[0] == "door" and "?" not in address and "admin" not in address:
            here = address.format_map(world.ids)
            response = send(Client(), method, here)
            assert response.headers["Location"] == f"/accounts/login/?next={here}"


# ---------- The admin ----------


@pytest.mark.parametrize("role", ["anonymous", "owner", "supervisor"])
def test_only_staff_get_into_the_admin(world: World, role: str) -> None:
    client = world.client(role)
    inner = [route for route in routes() if re.fullmatch(r"admin/[\w/<>:]+", route)]
    assert len(inner) > 100
    for route in inner:
        if route in ("admin/login/", "admin/logout/"):
            continue
        address = "/" + re.sub(r"<[^>]+>", "1", route)
        for method in ("GET", "POST"):
            response = send(client, method, address)
            assert response.status_code == 302
            assert re.match(r"/(admin|accounts)/login/\?next=/", response.headers["Location"])


def test_staff_see_the_admin_pages_in_the_table(world: World) -> None:
    stated = [line for line in STAFF.splitlines() if line.strip()][1:]
    models = sorted(model._meta.label_lower for model in admin.site._registry)
    actual = []
    for label in models:
        address = f"/admin/{label.replace('.', '/')}/"
        cells = [
            cell(send(world.client(role), "GET", address + form), role)
            for role in ROLES[4:]
            for form in ("", "add/")
        ]
        actual.append(" ".join([label, *cells]))
    assert actual == [" ".join(line.split()) for line in stated]


def test_the_committee_sees_the_catalog_and_otherwise_what_any_librarian_sees(
    world: World,
) -> None:
    world = World(world.people | {"member": factories.person(Role.CATALOG_COMMITTEE)}, world.ids)
    expected, actual = [], []
    for method, address, cells in rows():
        if not address.startswith("/admin/") and address not in ATTENDED:
            response = send(world.client("member"), method, address.format_map(world.ids))
            expected.append(f"{method} {address} {cells[ROLES.index('other')]}")
            actual.append(f"{method} {address} {cell(response, 'member')}")
    assert actual == expected
    pages = [
        f"/admin/{model._meta.label_lower.replace('.', '/')}/{form}"
        for model in admin.site._registry
        for form in ("", "add/")
    ]
    client = world.client("member")
    answers = {page: send(client, "GET", page).status_code for page in pages}
    opened = {page: status for page, status in answers.items() if status != 403}
    assert opened == {"/admin/events/cataloglisting/": 200}


@pytest.mark.parametrize("role", ROLES)
def test_only_people_who_can_merge_see_merges(world: World, role: str) -> None:
    client = world.client(role)
    expected, actual = [], []
    for line in MERGES.strip().splitlines()[1:]:
        page, *cells = line.split()
        response = send(client, "GET", "/admin/credits/merge/" + page.format_map(world.ids))
        expected.append(f"{page} {cells[ROLES.index(role)]}")
        actual.append(f"{page} {cell(response, role)}")
    assert actual == expected


# ---------- Cross-site requests ----------


@pytest.mark.parametrize("role", ["anonymous", "owner"])
def test_forms_from_another_site_are_rejected(world: World, role: str) -> None:
    client = world.client(role, enforce_csrf_checks=True)
    for method, address, _ in rows():
        # Here the signed URL is the authorization: e-mail programs send the first two for people,
        # and supervisors need no account for the third.
        signed = ("/accounts/reminders/", "/events/searches/stop/", "/verify/")
        if method == "POST" and not address.startswith(signed):
            response = send(client, "POST", address.format_map(world.ids))
            assert response.status_code == 403
            assert "<h1>Please submit the form again</h1>" in text(response)


# ---------- Invalid input ----------

NUMBERED = [
    (method, address)
    for method, address, _ in rows()
    if re.search(r"/\{(?!confirm|link|certificate\}/$)\w+\}/", address)
    and not address.endswith("/end/")
    # A page of its own says that there is no such certificate of attendance.
    and not address.startswith("/attendance/")
] + [("POST", "/accounts/profile/positions/{position}/end/")]


@pytest.mark.parametrize("role", ["other", "coordinator"])
def test_an_unknown_id_is_not_found(world: World, role: str) -> None:
    client = world.client(role)
    for number in ("0", str(2**31), "9" * 20, "9" * 400):
        for method, address in NUMBERED:
            here = re.sub(r"\{\w+\}", number, address)
            assert not_found(send(client, method, here)), here


def test_an_invalid_id_is_not_found(world: World) -> None:
    client = world.client("owner")
    for word in ("-1", "1.5", "%00", "٣", "🐻", "x", "1;drop"):
        for address in {address for _, address in NUMBERED}:
            here = re.sub(r"\{\w+\}", word, address)
            assert not_found(send(client, "GET", here)), here


def not_found(response: Any) -> bool:
    """Return True if the response is the portal's own 404 page."""
    return response.status_code == 404 and "<h1>Page not found</h1>" in text(response)


# The owner has places, the editor and the coordinator manage the event.
STRANGERS = [role for role in ROLES if role not in ("owner", "editor", "coordinator")]


@pytest.mark.parametrize("role", STRANGERS)
def test_no_one_else_can_join(world: World, role: str) -> None:
    """Look for the joining details in every page, file and redirect. Try each page twice (caches).

    The owner's pages come first, so that nothing of them can be in a cache.
    """
    owner, stranger = world.client("owner"), world.client(role)
    assert KEY in text(owner.get(f"/events/{world.ids['upcoming']}/", follow=True))
    addresses = [address for method, address, _ in rows() if method == "GET"]
    for kind in ("event", "customevent", "registration"):
        for step in ("", "change/", "history/"):
            where = f"{{now}}/{step}" if step else step
            addresses.append(f"/admin/events/{kind}/{where}")
    addresses += ["/events/{now}/", "/events/{now}/event.ics"]
    for address in addresses:
        if "{feed}" in address:  # only the owner knows it
            continue
        here = address.format_map(world.ids)
        owner.get(here)
        for _ in range(2):
            response = stranger.get(here)
            shown = response.getvalue() if response.streaming else response.content
            assert KEY.encode() not in shown, here
            assert KEY not in str(response.headers), here
            stranger = world.client(role)


ODD = [
    "/%00",
    "/%ff%fe/",
    "/🐻/",
    "/" + "a" * 5000,
    "/events/1/%00/",
    "/events/1/register/x/",
    "/accounts/confirm-email/%00/",
    "/accounts/password/reset/key/1-%00/",
    "/accounts/password/reset/key/zzzzzzzzzzzzz-x/",
    "/accounts/password/reset/key/" + "z" * 400 + "-x/",
    "/admin/%00/",
    "/static/%00",
    "/static/../manage.py",
]


@pytest.mark.parametrize("role", ["anonymous", "owner", "coordinator"])
def test_an_odd_address_gets_a_response(world: World, role: str) -> None:
    client = world.client(role)
    for address in ODD:
        assert send(client, "GET", address).status_code in (200, 302, 404), address


PARAMETERS = [
    "q",
    "view",
    "month",
    "day",
    "year",
    "category",
    "type",
    "delivery",
    "past",
    "page",
    "limit",
    "event",
    "find",
    "title",
    "credit",
    "state",
    "next",
    "email",
    "again",
    "begins_at",
    "ends_at",
    "credit_type",
    "course_credits",
    "asked",
    "am",
]


NASTY = ["\x00", "9" * 400, "a" * 10_000, "🐻", SCRIPT, "-1e99", "NaN"]


@pytest.mark.parametrize("role", ["owner", "helpdesk"])
def test_no_parameter_breaks_a_page(world: World, role: str) -> None:
    """Send all known parameters together and, for lists, also each one alone.

    Drills send every value to every parameter. Otherwise each parameter gets two of them.

    Skip the confirmation link, which signs out anyone it is not for. Status 400 is Django's
    response to an address that is too long to redirect to the sign-in page.
    """
    client = world.client(role)
    addresses = {
        address.split("?")[0]
        for method, address, _ in rows()
        if method == "GET" and "{confirm}" not in address
    }
    for turn in rounds(len(NASTY)):
        values = {name: NASTY[(turn + n) % len(NASTY)] for n, name in enumerate(PARAMETERS)}
        for address in sorted(addresses):
            here = address.format_map(world.ids)
            response = client.get(here, values)
            assert response.status_code in (200, 301, 302, 400, 403, 404), (here, values)
            # Nothing in iCalendar is markup.
            is_markup = not response.headers["Content-Type"].startswith("text/calendar")
            assert not (is_markup and SCRIPT in text(response))
    for value in NASTY[:3]:
        for name in PARAMETERS:
            for here in ("/events/", "/help/queue/"):
                response = client.get(here, {"view": "list", name: value})
                assert response.status_code in (200, 404), (here, name, value)
                assert response.context["user"] == world.people[role]


FIELDS = [
    "title",
    "begins_at",
    "ends_at",
    "sponsor",
    "presenter",
    "description",
    "amount",
    "category",
    "track",
    "source",
    "subject",
    "body",
    "credit",
    "note",
    "display_name",
    "organization",
    "kind",
    "login",
    "email",
    "password",
    "password1",
    "password2",
    "oldpassword",
    "next",
    "action_add",
    "role",
    "recording_url",
    "waiting",
    "confirmed",
    "opened",
    "institution",
    "first_day",
    "credit_type",
    "course_credits",
    "conference",
    "s-TOTAL_FORMS",
    "s-0-title",
    "s-0-category",
    "fiscal_year",
]


@pytest.mark.parametrize("role", ["anonymous", "owner", "helpdesk"])
def test_no_form_value_breaks_a_page(world: World, role: str) -> None:
    client = world.client(role)
    for value in NASTY:
        for method, address, cells in rows():
            if method != "POST" or cells[ROLES.index(role)] == "door" or "logout" in address:
                continue
            here = address.format_map(world.ids)
            response = send(client, "POST", here, dict.fromkeys(FIELDS, value))
            assert response.status_code in (200, 302, 404), (here, value)
            assert SCRIPT not in text(response)
