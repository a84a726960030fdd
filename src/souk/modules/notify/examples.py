"""What notifications look like, for the description of the API."""

from __future__ import annotations

from typing import Any, Final

from souk.modules.notify.model import P256DH, AllRead, Card, Delivered, KnownDevice, Preferences, Unread, VapidKey

Example = dict[str, Any]

NOTIFICATION: Final = "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a20"
CONVERSATION: Final = "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a21"
PERSON: Final = "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a22"
DEVICE: Final = "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a23"
AT: Final = "2026-11-21T09:30:00Z"

NEW_SUBSCRIPTION: Final[Example] = {
    "endpoint": "https://push.example.com/send/abc123",
    "expirationTime": None,
    "keys": {"p256dh": P256DH, "auth": "BTBZMqHH6r4Tts7J_aSIgg"},
}
NEW_DEVICE: Final[Example] = {"token": "dGhpcy1pcy1h:APA91bH-token", "name": "Pixel 9"}
NEW_PREFERENCES: Final[Example] = {"quietHours": {"starts": "22:00", "ends": "07:00"}, "categories": {}, "kinds": {}}

EXAMPLES: Final[dict[type, Example]] = {
    Card: {
        "id": NOTIFICATION,
        "kind": "message.received",
        "category": "messages",
        "title": "Bo wrote to you",
        "body": "Is Tuesday all right?",
        "link": f"/conversations/{CONVERSATION}",
        "about": CONVERSATION,
        "count": 1,
        "parameters": {"name": "Bo", "words": "Is Tuesday all right?"},
        "createdAt": AT,
        "updatedAt": AT,
        "readAt": None,
    },
    Unread: {"unread": 3},
    AllRead: {"marked": 3, "unread": 0},
    VapidKey: {"publicKey": P256DH},
    KnownDevice: {"id": DEVICE, "service": "web", "name": "Firefox on Linux", "createdAt": AT, "lastPushedAt": None},
    Preferences: {
        "quietHours": {"starts": "22:00", "ends": "07:00"},
        "timezone": "Europe/Paris",
        "categories": [
            {
                "category": "messages",
                "kinds": [
                    {
                        "kind": "message.received",
                        "about": "somebody wrote to you",
                        "channels": {"inApp": True, "mail": True, "push": False, "sms": False},
                        "always": [],
                    }
                ],
            }
        ],
    },
    Delivered: {
        "id": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a24",
        "notificationId": NOTIFICATION,
        "personId": PERSON,
        "kind": "message.received",
        "channel": "push",
        "service": "web",
        "state": "sent",
        "why": None,
        "attempts": 1,
        "error": None,
        "createdAt": AT,
        "dueAt": AT,
        "doneAt": AT,
    },
}
