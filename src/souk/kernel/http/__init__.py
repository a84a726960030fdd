"""HTTP, declared and then compiled. Modules import what they need to declare operations from here."""

from souk.kernel.http.answer import Content, Redirect, Reply
from souk.kernel.http.guards import ANYONE, MEMBER, Actor, NotAllowed, Role, SignInNeeded, Who, who
from souk.kernel.http.operation import Operation, operation
from souk.kernel.http.paging import BothPage, BothPaging, CursorPage, CursorPaging, Page, Paging, both_page, cursor_page
from souk.kernel.http.refusals import Invalid, NotFound, Problem, invalid
from souk.kernel.http.request import Request
from souk.kernel.http.tokens import Tokens

__all__ = [
    "ANYONE",
    "MEMBER",
    "Actor",
    "BothPage",
    "BothPaging",
    "Content",
    "CursorPage",
    "CursorPaging",
    "Invalid",
    "NotAllowed",
    "NotFound",
    "Operation",
    "Page",
    "Paging",
    "Problem",
    "Redirect",
    "Reply",
    "Request",
    "Role",
    "SignInNeeded",
    "Tokens",
    "Who",
    "both_page",
    "cursor_page",
    "invalid",
    "operation",
    "who",
]
