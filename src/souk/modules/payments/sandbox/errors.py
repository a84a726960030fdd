"""How the bank says no, and how it says nothing."""

from __future__ import annotations

from typing import Any


class BankError(Exception):
    """A refusal as Stripe words it: `{"error": {"type": …, "code": …, "message": …}}` with an HTTP status."""

    def __init__(  # noqa: PLR0913 - as many as Stripe's errors have
        self,
        kind: str,
        code: str | None,
        message: str,
        status: int = 400,
        *,
        decline_code: str | None = None,
        param: str | None = None,
        payment_intent: dict[str, Any] | None = None,
        setup_intent: dict[str, Any] | None = None,
        began: bool = True,
    ) -> None:
        super().__init__(f"{code or kind}: {message}")
        self.type = kind
        """`card_error`, `invalid_request_error`, `idempotency_error`, `api_error`."""
        self.code = code
        self.message = message
        self.status = status
        self.decline_code = decline_code
        self.param = param
        self.payment_intent = payment_intent
        self.setup_intent = setup_intent
        self.began = began
        """Whether the call had begun: then its key answers this error from now on. Wrong parameters are refused before."""

    @classmethod
    def of(cls, told: dict[str, Any]) -> BankError:
        """An error that was told before: `body()` and the status."""
        about = dict(told["error"])
        return cls(about.pop("type"), about.pop("code", None), about.pop("message"), told["status"], **about)

    def body(self) -> dict[str, Any]:
        """What Stripe answers."""
        told = {
            "type": self.type,
            "code": self.code,
            "message": self.message,
            "decline_code": self.decline_code,
            "param": self.param,
            "payment_intent": self.payment_intent,
            "setup_intent": self.setup_intent,
        }
        return {"error": {name: value for name, value in told.items() if value is not None}}


class NoAnswer(Exception):
    """The line went dead, before or after the call happened: nobody here knows."""


def missing(param: str) -> BankError:
    """A parameter that must be given."""
    return BankError("invalid_request_error", "parameter_missing", f"Missing required param: {param}.", param=param, began=False)


def invalid(param: str, why: str, code: str = "parameter_invalid") -> BankError:
    """A parameter that cannot be."""
    return BankError("invalid_request_error", code, f"Invalid {param}: {why}.", param=param, began=False)


def unknown(kind: str, object_id: str, param: str = "id") -> BankError:
    """Nothing has this id. What is named in the address is not found; what is named in a parameter makes the parameter wrong."""
    status = 404 if param == "id" else 400
    return BankError("invalid_request_error", "resource_missing", f"No such {kind}: '{object_id}'", status, param=param, began=False)


def unexpected(code: str, message: str, **about: Any) -> BankError:
    """The object's state does not allow it."""
    return BankError("invalid_request_error", code, message, **about)
