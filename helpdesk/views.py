"""Help: articles for everyone, people's own tickets, and the help desk's queue.

`queries.tickets_visible_to` decides who can see a ticket. Anyone else gets a 404, on the help
desk's pages as well.
"""

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.queries import positions_of
from aspen.formats import format_short_day
from aspen.web import form_recovery, waiting
from aspen.web.paging import paginate
from aspen.web.refusals import refusal_as_form_error
from aspen.web.request import AuthenticatedHttpRequest
from credits.models import Credit
from events.calendar.page_cache import cached_until_changed
from events.uploads import private_file
from helpdesk import actions, article_text, presentation, queries
from helpdesk.enums import TicketState
from helpdesk.forms import (
    CorrectionForm,
    CreditParameter,
    QueueParameters,
    ReplyForm,
    SearchParameters,
    TicketForm,
)
from helpdesk.models import Article, Ticket

PER_PAGE = 20


@login_not_required
@require_safe
@cached_until_changed
def help_page(request: HttpRequest) -> HttpResponse:
    """Show the articles, or those that have the words of `?q=`, and the person's own tickets."""
    form = SearchParameters(request.GET)
    words = form.cleaned_data["q"] if form.is_valid() else ""
    articles = queries.search_articles(words) if words else queries.published_articles()
    context: dict[str, object] = {
        "form": form,
        "words": words,
        "articles": list(articles.only("title", "slug")),
        "query": urlencode({"q": words}) + "&" if words else "",
    }
    person = request.user
    if person.is_authenticated:
        page = paginate(queries.own_tickets(person), request, size=PER_PAGE)
        context["page"] = page
        context["tickets"] = [presentation.ticket_row(ticket) for ticket in page]
    return render(request, "helpdesk/list.html", context)


@login_not_required
@require_safe
@cached_until_changed
def article(request: HttpRequest, slug: str) -> HttpResponse:
    """Show an article. One that is not published leads to the help page."""
    found = get_object_or_404(Article, slug=slug)
    if not found.is_published:
        return redirect("helpdesk:list")
    context = {"article": found, "text": article_text.to_html(found.text)}
    return render(request, "helpdesk/article.html", context)


def queue(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show help desk staff the tickets in the chosen state, oldest change first."""
    person = request.user
    if not person.has_perm(queries.WORK_PERMISSION):
        raise Http404
    form = QueueParameters(request.GET)
    state = TicketState.OPEN.value
    if form.is_valid() and form.cleaned_data["state"]:
        state = form.cleaned_data["state"]
    tickets = (
        queries.tickets_visible_to(person).select_related("person").order_by("changed_at", "id")
        if state == form.ALL
        else queries.tickets_in_state(state)
    )
    page = paginate(tickets, request, size=PER_PAGE)
    context = {
        "page": page,
        "query": f"state={state}&",
        "tickets": [presentation.ticket_row(ticket, ticket.person.display_name) for ticket in page],
        "filters": [
            {"value": value, "label": label, "is_chosen": value == state}
            for value, label in form.fields["state"].choices  # type: ignore[attr-defined]
        ],
        "is_waiting": state == TicketState.OPEN,
    }
    return render(request, "helpdesk/queue.html", context)


@form_recovery.recover_after_sign_in
def create(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Open a new ticket. If `?credit=` is not one of the person's own credits, return a 404."""
    person = request.user
    parameter = CreditParameter(request.GET, person=person)
    if not parameter.is_valid():
        raise Http404
    credit: Credit | None = parameter.cleaned_data["credit"]
    form = TicketForm(
        request.POST or None,
        initial=form_recovery.recovered_form(request),
        person=person,
        credit=credit,
    )
    if request.method == "POST" and form.is_valid():
        ticket = actions.open_ticket(
            subject=form.cleaned_data["subject"],
            body=form.cleaned_data["body"],
            credit=credit or form.cleaned_data.get("credit"),
            by=person,
        )
        messages.success(request, "Your help ticket was sent. The answer will appear here.")
        return redirect(ticket)
    context = {"form": form, "credit": presentation.ticket_credit(credit, person)}
    return render(request, "helpdesk/create.html", context)


def detail(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Show a ticket's conversation and corrections, and a correction form for the help desk.

    The answer counts as read when the person opens the ticket.
    """
    ticket = _load(request, pk)
    if ticket.has_unread_answer and ticket.person_id == request.user.pk:
        actions.mark_read(ticket=ticket, by=request.user)
        waiting.count_one_less(request.user, "answers")
    return _ticket_page(request, ticket)


@require_safe
def attachment(
    request: AuthenticatedHttpRequest, pk: int, attachment_id: int
) -> HttpResponse | FileResponse:
    """Serve a file of a ticket to people who can see the ticket."""
    files = queries.attachments_of(_load(request, pk))
    file = get_object_or_404(files, pk=attachment_id)
    return private_file(file.file.open("rb"), file.file_name, file.content_type)


@form_recovery.recover_after_sign_in
def reply(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Add a message. A GET restores one that was sent while signed out."""
    ticket = _load(request, pk)
    if request.method != "POST":
        typed = form_recovery.recovered_form(request)
        if typed is None:
            return redirect(ticket)
        return _ticket_page(request, ticket, reply_form=ReplyForm(initial=typed))
    form = ReplyForm(request.POST)
    if not form.is_valid():
        return _ticket_page(request, ticket, reply_form=form)
    actions.reply(ticket_id=ticket.pk, body=form.cleaned_data["body"], by=request.user)
    messages.success(request, "Your reply was sent.")
    return redirect(ticket)


@form_recovery.recover_after_sign_in
def correct_credit(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Correct the credit, record the correction and answer the ticket.

    A GET restores a correction that was sent while signed out.
    """
    person = request.user
    if not person.has_perm(queries.WORK_PERMISSION):
        raise Http404
    ticket = _load(request, pk)
    if request.method != "POST":
        typed = form_recovery.recovered_form(request)
        if typed is None:
            return redirect(ticket)
        form = CorrectionForm(initial=typed, ticket=ticket)
        return _ticket_page(request, ticket, correction_form=form)
    form = CorrectionForm(request.POST, ticket=ticket)
    if not form.is_valid():
        return _ticket_page(request, ticket, correction_form=form)
    credit = ticket.credit or form.cleaned_data["credit"]
    with refusal_as_form_error(form):
        actions.correct_credit(
            ticket_id=ticket.pk,
            credit_id=credit.pk,
            category=form.cleaned_data["category"],
            amount=form.cleaned_data["amount"],
            note=form.cleaned_data["note"],
            seen=form.cleaned_data["seen"],
            by=person,
        )
        messages.success(
            request,
            f"The credit was corrected and {ticket.person}'s tracks were updated. The ticket shows "
            "the correction.",
        )
        return redirect(ticket)
    return _ticket_page(request, ticket, correction_form=form)


def _load(request: AuthenticatedHttpRequest, pk: int) -> Ticket:
    tickets = queries.tickets_visible_to(request.user).select_related(
        "person", "credit__category", "credit__claim__event"
    )
    return get_object_or_404(tickets, pk=pk)


def _ticket_page(
    request: AuthenticatedHttpRequest,
    ticket: Ticket,
    *,
    reply_form: ReplyForm | None = None,
    correction_form: CorrectionForm | None = None,
) -> HttpResponse:
    reader = request.user
    is_own = ticket.person_id == reader.pk
    works = reader.has_perm(queries.WORK_PERMISSION)
    if works and not is_own and correction_form is None:
        correction_form = CorrectionForm(ticket=ticket)
    context = {
        "ticket": ticket,
        "state": presentation.ticket_label(ticket),
        "asked": format_short_day(timezone.localdate(ticket.opened_at)),
        "credit": presentation.ticket_credit(ticket.credit, reader),
        "thread": [
            presentation.message_row(message, ticket, reader)
            for message in queries.messages_of_ticket(ticket)
        ],
        "corrections": [
            presentation.correction_row(correction)
            for correction in queries.corrections_of_ticket(ticket)
        ],
        "is_own": is_own,
        "works": works,
        "positions": list(positions_of(ticket.person)) if works and not is_own else [],
        "reply_form": reply_form or ReplyForm(),
        "correction_form": correction_form,
        "seen": actions.ticket_version(ticket),
        "has_errors": bool(
            (reply_form and reply_form.errors) or (correction_form and correction_form.errors)
        ),
    }
    return render(request, "helpdesk/detail.html", context)
