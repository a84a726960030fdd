"""Chat: conversations of two or more, free or about anything; messages, receipts, what is unread; reports, and a market's own policy.

Market(
    …,
    modules=(…, chat.MODULE),
    rules=(…, chat.Rules(may_begin=chat.anybody, blocked=profiles.blocked, policy=before_payment, state=state_of)),
    live=Live((Namespace(path="/", joins={"join_conversation": chat.CONVERSATION}, relays={"typing": chat.CONVERSATION}, says=chat.SAYS),)),
)

Other modules say something in a conversation by `post`, and find or make one by `ensure`.
"""

from souk.modules.chat.declaring import MODULE, chats
from souk.modules.chat.errors import ChatMessageNotFound, ConversationNotFound, NotReachable
from souk.modules.chat.events import ConversationBegun, ConversationRead, MessageDeleted, MessageEdited, MessagePosted, MessageReported
from souk.modules.chat.hints import Hint, HintKind, hints_of
from souk.modules.chat.model import About, Message, NewMessage, Sent, Talk
from souk.modules.chat.policy import Action, Matter, Policy, allow_all
from souk.modules.chat.posting import post, say
from souk.modules.chat.reading import access_message, messages_of, transcript
from souk.modules.chat.rules import Rules, anybody
from souk.modules.chat.saying import CONVERSATION, PRESENCE, SAYS, about_room, conversation_room, own_rooms, says
from souk.modules.chat.staff_routes import STAFF
from souk.modules.chat.talking import about, access, ensure

__all__ = [
    "CONVERSATION",
    "MODULE",
    "PRESENCE",
    "SAYS",
    "STAFF",
    "About",
    "Action",
    "ChatMessageNotFound",
    "ConversationBegun",
    "ConversationNotFound",
    "ConversationRead",
    "Hint",
    "HintKind",
    "Matter",
    "Message",
    "MessageDeleted",
    "MessageEdited",
    "MessagePosted",
    "MessageReported",
    "NewMessage",
    "NotReachable",
    "Policy",
    "Rules",
    "Sent",
    "Talk",
    "about",
    "about_room",
    "access",
    "access_message",
    "allow_all",
    "anybody",
    "chats",
    "conversation_room",
    "ensure",
    "hints_of",
    "messages_of",
    "own_rooms",
    "post",
    "say",
    "says",
    "transcript",
]
