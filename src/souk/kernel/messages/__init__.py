"""Durable messages: events, jobs, timers and periodic work that commit, or roll back, with the change that asked for them."""

from souk.kernel.messages.catalogue import Catalogue, Saying, Says
from souk.kernel.messages.claims import Rhythm
from souk.kernel.messages.declare import Completion, Event, Job, Periodic, Reaction, event, job, on, periodic
from souk.kernel.messages.letters import dead_letters, drop, queue_depth, replay
from souk.kernel.messages.outbox import Outbox, cancel, emit, enqueue, tell_all, when_committed
from souk.kernel.messages.relay import LogOnly, Relay, Relaying
from souk.kernel.messages.running import GiveUp, Watch
from souk.kernel.messages.sql import Claimed, DeadJob, Depth, Fact
from souk.kernel.messages.waking import JOBS, NEWS, WHISPERS, Bell, Hear, News, Notifier, hint, listen
from souk.kernel.messages.worker import Worker

__all__ = [
    "JOBS",
    "NEWS",
    "WHISPERS",
    "Bell",
    "Catalogue",
    "Claimed",
    "Completion",
    "DeadJob",
    "Depth",
    "Event",
    "Fact",
    "GiveUp",
    "Hear",
    "Job",
    "LogOnly",
    "News",
    "Notifier",
    "Outbox",
    "Periodic",
    "Reaction",
    "Relay",
    "Relaying",
    "Rhythm",
    "Saying",
    "Says",
    "Watch",
    "Worker",
    "cancel",
    "dead_letters",
    "drop",
    "emit",
    "enqueue",
    "event",
    "hint",
    "job",
    "listen",
    "on",
    "periodic",
    "queue_depth",
    "replay",
    "tell_all",
    "when_committed",
]
