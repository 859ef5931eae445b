"""Middleware. Imports no app."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from aspen.web import form_recovery

SIGNED_OUT_MESSAGE = "You were signed out, so nothing was saved."


class RequireSignIn(LoginRequiredMiddleware):
    """Redirects to sign-in and back. Keeps a submitted form or says that it was not saved."""

    def handle_no_permission(  # type: ignore[override]
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponse:
        if "HX-Request" in request.headers:
            # Leave this part of the page unchanged. The form will be kept when it is submitted.
            return HttpResponse(status=204)
        if request.method == "POST":
            if form_recovery.store_submitted_form(request, view_func):
                next_step = "Sign in, check what you typed, and submit the form again."
                if request.FILES:
                    next_step += " Choose your files again."
            else:
                next_step = "Sign in and submit the form again."
            messages.warning(request, f"{SIGNED_OUT_MESSAGE} {next_step}")
        return super().handle_no_permission(request, view_func)


def keep_personal_pages_out_of_caches(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Forbid storing responses to people who are signed in.

    After signing out, the browser's Back button then shows nothing of theirs, even on a shared
    computer. Takes no query if nothing has read the session.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_personal = request.session.accessed and request.user.is_authenticated
        if is_personal and "no-store" not in response.get("Cache-Control", ""):
            response.headers["Cache-Control"] = "no-store, private"
        return response

    return middleware


def explain_method_not_allowed(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Render a page for status 405, which Django sends without content."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code != 405 or response.streaming or response.content:
            return response
        page = render(request, "405.html", status=405)
        if "Allow" in response:
            page["Allow"] = response["Allow"]
        return page

    return middleware
