"""Reports of unexpected errors to Sentry, where a DSN is set: the error, its stack and ids to find the log by.

No personal data: no request bodies, headers, cookies, users, local variables or breadcrumbs; every text is redacted.
Nothing of Sentry's own instrumentation is installed, so that it costs nothing until something fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from souk.kernel.telemetry.logs import log
from souk.kernel.telemetry.redaction import redact, redact_fields

if TYPE_CHECKING:
    import sentry_sdk
    from sentry_sdk.types import Event, Hint

TAGS: Final = ("market", "operation", "job", "request_id", "order_id")
"""What an error can be found by."""

PRIVATE: Final = ("user", "request", "breadcrumbs", "server_name", "extra", "modules")


class Reporter:
    """Sends errors. One for a process; `close` sends what is left."""

    def __init__(self, client: sentry_sdk.Client) -> None:
        self._client = client

    def __call__(self, error: BaseException, about: Mapping[str, object]) -> None:
        """Report one error; it goes out in the background."""
        from sentry_sdk import Scope  # noqa: PLC0415 - the extra may be absent
        from sentry_sdk.utils import event_from_exception  # noqa: PLC0415 - an extra, imported only where it is configured

        scope = Scope(client=self._client)
        for name in TAGS:
            if about.get(name):
                scope.set_tag(name, str(redact(about[name])))
        scope.set_context("souk", redact_fields(about))
        event, hint = event_from_exception(error, client_options=self._client.options)
        self._client.capture_event(event, hint, scope)

    def close(self, seconds: float = 2.0) -> None:
        """Send what is left, for that long at most."""
        self._client.close(timeout=seconds)


def start_reporter(dsn: str, *, env: str, release: str = "") -> Reporter | None:
    """A reporter for that DSN; None when there is none, or nothing to report with."""
    if not dsn:
        return None
    try:
        import sentry_sdk  # noqa: PLC0415 - the extra may be absent
    except ImportError:
        log.warning("errors are not reported: SOUK_SENTRY_DSN is set, but the extra is not installed", remedy="install souk[sentry]")
        return None
    client = sentry_sdk.Client(
        dsn=dsn,
        environment=env,
        release=release or None,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        default_integrations=False,
        auto_enabling_integrations=False,
        send_client_reports=False,
        before_send=without_private,
    )
    return Reporter(client)


def without_private(event: Event, _hint: Hint) -> Event:
    """The last gate: what is private is dropped, whoever put it in, and every text is searched once more."""
    fields = cast("dict[str, Any]", event)
    for name in PRIVATE:
        fields.pop(name, None)
    for error in fields.get("exception", {}).get("values", []):
        error["value"] = redact(error.get("value"))
    for name in ("message", "logentry", "tags"):
        if name in fields:
            fields[name] = redact(fields[name])
    return event
