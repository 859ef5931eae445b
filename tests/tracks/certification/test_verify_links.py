"""Supervisors' links: each opens one question, and none can be forged."""

import uuid

import pytest

from tests import factories as make
from tracks.certification.supervisors import LINK_SIGNER, token_of, verification_of
from tracks.models import Verification

pytestmark = pytest.mark.django_db


def test_a_link_opens_only_its_own_question():
    one, other = make.verification(), make.verification()
    assert [verification_of(token_of(each)) for each in (one, other)] == [one, other]


def test_an_invented_or_changed_link_opens_nothing(django_assert_num_queries):
    one, other = make.verification(), make.verification()
    token = token_of(one)
    with django_assert_num_queries(0):
        for odd in (
            "",
            "x",
            "\x00",
            "٣",
            "x" * 5000,
            token[:-1],
            token + "x",
            token.upper(),
            token.replace(one.nonce.hex, other.nonce.hex),
            LINK_SIGNER.sign("1"),
            LINK_SIGNER.sign("x-y"),
            LINK_SIGNER.sign("-"),
        ):
            assert verification_of(odd) is None, odd


def test_a_signed_link_needs_the_nonce_of_its_question():
    question = make.verification()
    assert verification_of(LINK_SIGNER.sign(f"{question.pk}-{uuid.uuid4().hex}")) is None
    Verification.objects.filter(pk=question.pk).update(nonce=uuid.uuid4())
    token = token_of(question)
    assert verification_of(token) is None
