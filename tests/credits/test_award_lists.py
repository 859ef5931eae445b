"""Reading award lists: pasted addresses, CSV and XLSX files."""

import io

import openpyxl
import pytest

from aspen.errors import Refused
from credits import awards

ADA, BO = "ada@library.example", "bo@library.example"


@pytest.mark.parametrize(
    "text",
    [
        f"{ADA}\n{BO}",
        f"{ADA}, {BO}",
        "ADA@library.example ; Bo@Library.Example;\n\n",
        f"Ada Lake <{ADA}>\r\nBo River\t{BO}",
        f"Lake, Ada <{ADA}>; River, Bo <{BO}>",
        f'"Lake, Ada" <{ADA}>, "River; Bo" <{BO}>,',
        f"{ADA} {BO}",
        f"{ADA}, Bo <{BO}>",
        f"\u200b{ADA}\ufeff, Bo <bo@library.example\u202e>",
        f"ａda@library.example\n{BO}",
    ],
)
def test_pasted_addresses_are_read(text: str) -> None:
    sheet = awards.read_text(text)
    assert ([address for address, _ in sheet.rows], sheet.refused) == ([ADA, BO], [])


def test_entries_without_a_valid_address_are_refused_with_a_reason() -> None:
    sheet = awards.read_text(
        f"{ADA}\nAda Lake\n\nada@nowhere; {BO}, bo.library.example\nADA@library.example\n"
        f"{'x' * 60}@{'y' * 60}.{'z' * 60}.{'z' * 60}.{'z' * 60}.example\n"
    )
    assert sheet.rows == [[ADA, 1], [BO, 4]]
    assert [row[:2] for row in sheet.refused] == [
        [2, "This entry has no e-mail address."],
        [4, "This is not an e-mail address."],
        [4, "This entry has no e-mail address."],
        [5, "This address is already on line 1."],
        [6, "This e-mail address is too long."],
    ]
    assert sheet.refused[1][2] == "ada@nowhere"


@pytest.mark.parametrize(
    "data",
    [
        f"Email\n{ADA}\n{BO}\n".encode(),
        f"\ufeffName;E-mail Address\r\nLake, Ada;{ADA}\r\nBo;{BO}\r\n".encode(),
        f"Liste,Caf\xe9\n\nName,Email\nZo\xeb,{ADA}\nBo,{BO}\n".encode("latin-1"),
        f"Name\tEmail\nAda\t{ADA}\nBo\t{BO}\n".encode("utf-16"),
        f'Name,Email\n"Lake, Ada","Ada <{ADA}>"\nBo,{BO}\n'.encode(),
    ],
)
def test_a_file_is_read_by_its_email_heading(data: bytes) -> None:
    sheet = awards.read_file(data)
    assert ([address for address, _ in sheet.rows], sheet.refused) == ([ADA, BO], [])


def test_a_workbook_is_read() -> None:
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["Name", "Email"])
    book.active.append(["Ada Lake", ADA.upper()])
    book.create_sheet("More").append(["E-mail address"])
    book["More"].append([BO])
    book.create_sheet("Notes").append(["Thank you"])
    book.save(file)

    assert awards.read_file(file.getvalue()) == awards.AddressRows([[ADA, 2], [BO, 2]], [])


def test_the_host_in_a_report_about_a_meeting_is_not_on_the_list() -> None:
    sheet = awards.read_file(
        f"Meeting ID,User Email,Participants\n812 3456,host@library.example,2\n\n"
        f"Name,User Email\nAda,{ADA}\n\nBo,{BO}\n".encode()
    )
    assert sheet == awards.AddressRows([[ADA, 5], [BO, 7]], [])


def test_a_list_goes_on_below_a_subheading() -> None:
    sheet = awards.read_file(
        f"Name,Email\nAda,{ADA}\n\nHelena\nLast name,First name\nBo,{BO}\n".encode()
    )
    assert sheet.rows == [[ADA, 2], [BO, 6]]


def test_people_who_registered_but_did_not_attend_are_refused() -> None:
    sheet = awards.read_file(
        f"Attendee Details,\nAttended,First Name,Email\nYes,Ada,{ADA}\nNo,Bo,{BO}\n".encode()
    )
    assert sheet == awards.AddressRows(
        [[ADA, 3]],
        [[4, "According to the list, this person did not attend.", f"No, Bo, {BO}"]],
    )


def test_invalid_rows_of_a_file_are_refused() -> None:
    sheet = awards.read_file(
        f"Name,Email\n=cmd(),nobody\nCy\nAda,{ADA}\nAda,{ADA.upper()}\n,,\n".encode()
    )
    assert sheet.rows == [[ADA, 4]]
    assert sheet.refused == [
        [2, "This entry has no e-mail address.", "=cmd(), nobody"],
        [3, "This entry has no e-mail address.", "Cy"],
        [5, "This address is already on line 4.", f"Ada, {ADA.upper()}"],
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04", "This workbook cannot be read"),
        (b"Name,Time\nAda,50\n", "The file has no e-mail column"),
        (b"x" * (10 * 1024 * 1024 + 1), "larger than 10 MB"),
        (b"Email\n" + b"a@b.example\n" * 20_001, "more than 20,000 rows"),
        (b'Email\n"' + b"a" * 200_000, "cannot be read as CSV"),
    ],
)
def test_an_unreadable_file_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(Refused, match=message):
        awards.read_file(data)


def test_an_unclosed_quotation_mark_is_refused() -> None:
    with pytest.raises(Refused, match="as CSV past line 2"):
        awards.read_file(f'Name,Email\n"Ada,{ADA}\n"Bo",{BO}\n'.encode())
