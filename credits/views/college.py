"""College work: claim a course with its transcript, and preview its credits."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from aspen.errors import Refused
from aspen.formats import format_amount, format_credits
from aspen.web import form_recovery
from aspen.web.request import AuthenticatedHttpRequest
from credits import actions, checks
from credits.forms.college import MAX_COURSE_CREDITS, CollegeForm, CourseCreditsForm
from credits.views import presentation
from events import actions as event_actions
from events.enums import CollegeCreditType
from events.rules import ce_credits_for_course
from events.uploads import was_cut_off


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def college(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Claim a college course, which waits for approval like any custom event."""
    person = request.user
    if request.method != "POST":
        return _page(request, CollegeForm(initial=form_recovery.recovered_form(request)))
    form = CollegeForm(request.POST, request.FILES, by=person, too_large=was_cut_off(request))
    if not form.is_valid():
        return _redisplay(request, form)
    facts = form.facts()
    event = event_actions.unsaved_custom_event(facts)
    [results] = checks.check_proposed_claims([(event, facts.amount)], person=person)
    if results and request.POST.get("confirmed") != checks.check_fingerprint(results):
        return _redisplay(request, form, results)
    note, files = form.cleaned_data["note"], form.all_files()
    try:
        actions.claim_custom_event(facts=facts, note=note, files=files, by=person)
    except actions.AlreadyClaimed as refusal:
        messages.info(request, f"“{facts.title}”: {refusal}")
        return redirect("credits:detail", refusal.claim.pk)
    except Refused as refusal:
        form.add_error(_FIELDS.get(refusal.field or ""), str(refusal))
        return _redisplay(request, form)
    form.delete_waiting_files()
    messages.success(
        request,
        f"“{facts.title}” was saved for {format_credits(facts.amount)}. It will stay Pending until "
        "staff review the transcript.",
    )
    return redirect("tracks:credits")


@require_safe
def course_credits_preview(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Return the credits that the course being entered earns, as text (htmx)."""
    form = CourseCreditsForm(request.GET)
    text = form.errors.get("course_credits", [""])[0]
    if form.is_valid():
        course = form.course()
        earned = format_credits(ce_credits_for_course(course.credit_type, course.credits))
        text = f"This course earns {earned}."
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


# Maps the action's field names to the form's.
_FIELDS = {"ends_at": "last_day", "evidence": "evidence", "course_credits": "course_credits"}


def _redisplay(
    request: AuthenticatedHttpRequest,
    form: CollegeForm,
    results: Sequence[checks.CheckResult] = (),
) -> HttpResponse:
    form.keep_files()
    return _page(request, form, results)


def _page(
    request: AuthenticatedHttpRequest,
    form: CollegeForm,
    results: Sequence[checks.CheckResult] = (),
) -> HttpResponse:
    numbers = range(1, MAX_COURSE_CREDITS + 1)
    context = {
        "form": form,
        "table": [
            (each.label, [format_amount(ce_credits_for_course(each, number)) for number in numbers])
            for each in CollegeCreditType
        ],
        "numbers": numbers,
        "warnings": presentation.warning_rows(results),
        "confirmed": checks.check_fingerprint(results),
    }
    return render(request, "credits/college.html", context)
