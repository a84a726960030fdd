"""What chat refuses."""

from __future__ import annotations

from typing import Any

from souk.kernel.errors import Refusal


class ConversationNotFound(Refusal, status=404, message="There is no such conversation, or you do not take part in it."):
    """One answer for both, so that nobody learns who speaks with whom."""


class ChatMessageNotFound(Refusal, status=404, message="There is no such message, or it is not for you to see."):
    """The same for messages."""


class ReportNotFound(Refusal, status=404, message="There is no such report."):
    """Only staff ask for reports."""


class NotReachable(Refusal, status=403, message="You cannot write to this person here."):
    """The market does not let these two speak about this, or one of them has blocked the other: nobody learns which."""


class WithNobody(Refusal, status=422, message="Name in participantId or participantIds whom the conversation is with, besides yourself."):
    """A conversation with oneself alone."""


class TooManyPeople(Refusal, status=422, message="At most {most} people take part in a conversation."):
    """A group is not a crowd."""

    most: int


class OnlyForGroups(
    Refusal, status=409, message="A conversation of two stays one of two. Begin another with more people, or archive this one."
):
    """Nobody is added to a conversation of two, and nobody leaves it."""


class NotYourMessage(Refusal, status=403, message="Only its author may do that."):
    """Somebody else's message, which one may read."""


class TooLateToChange(Refusal, status=409, message="A message may be {what} for {minutes} minutes after it was sent."):
    """What was read by others for long is not taken back."""

    what: str
    minutes: int


class ContentRefused(Refusal, status=422, message="This message was not sent: leave out what is named in `found`."):
    """The market's policy lets nothing of it pass at this stage."""

    found: list[dict[str, Any]]


class TypeNotSent(Refusal, status=422, message="Messages of the type {type} are not sent here. `type` is one of: {types}."):
    """Cards and notices are made by the market."""

    type: str
    types: str


class FilesNotTaken(Refusal, status=422, message="This market takes no files in messages: leave `files` out."):
    """No module here says which files may be attached."""


class ReplyNotHere(Refusal, status=422, message="`replyTo` must name a message of the same conversation."):
    """What is answered stands elsewhere, or nowhere."""


class AlreadySending(Refusal, status=409, retry_after=1, message="A message with this clientMessageId is being posted. Ask again."):
    """Whoever asks again gets the message that the first request posted."""


class ReportedAlready(Refusal, status=409, message="You have reported this message already; staff will look at it."):
    """Once is enough."""


class ResolvedAlready(Refusal, status=409, message="This report has been resolved as {outcome}."):
    """By somebody else, a moment ago perhaps."""

    outcome: str
