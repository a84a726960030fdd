"""Refusals: every "no" the system can say, as a small class with a stable code.

A refusal is raised where the rule stands and answered by the edge (HTTP, worker, command line) without
anyone in between needing to know it:

    class RefundTooLarge(Refusal, status=409, message="Only {refundable} of this payment can still be refunded."):
        refundable: int

    raise RefundTooLarge(refundable=1200)

The code (`REFUND_TOO_LARGE`) comes from the class name, the details from its fields. Codes are unique: two
classes of one name are refused when the second is defined.
"""

from __future__ import annotations

import re
from functools import cache
from typing import ClassVar, Final, dataclass_transform

REFUSALS: dict[str, type[Refusal]] = {}
"""Every refusal by its code: the documentation and OpenAPI list them from here."""

RESERVED: Final = frozenset({"args", "code", "details", "headers", "message", "retry_after", "status", "text"})


@dataclass_transform(kw_only_default=True)
class Refusal(Exception):
    """A request that is answered with a reason. Subclasses declare status, message and fields."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "REFUSED"
    message: ClassVar[str] = "The request was refused."
    fields: ClassVar[tuple[str, ...]] = ()
    retry_after: ClassVar[int] = 0
    """Seconds after which trying again may help; 0 where it never does."""

    def __init_subclass__(cls, *, status: int, message: str, code: str = "", retry_after: int = 0) -> None:
        cls.status = status
        cls.retry_after = retry_after
        cls.message = message
        cls.code = code or code_of(cls.__name__)
        own = tuple(name for name, hint in cls.__annotations__.items() if "ClassVar" not in str(hint))
        if taken := RESERVED & set(own):
            raise TypeError(f"{cls.__name__}: a field may not be called {' or '.join(sorted(taken))}; that is a method of every refusal")
        cls.fields = tuple(dict.fromkeys((*cls.fields, *own)))
        if cls.code in REFUSALS:
            raise TypeError(f"two refusals share the code {cls.code}: {REFUSALS[cls.code]!r} and {cls!r}")
        REFUSALS[cls.code] = cls

    def __init__(self, **details: object) -> None:
        missing = [name for name in self.fields if name not in details and not hasattr(type(self), name)]
        unknown = [name for name in details if name not in self.fields]
        if missing or unknown:
            raise TypeError(f"{type(self).__name__}: missing {missing}, unknown {unknown}")
        for name, value in details.items():
            setattr(self, name, value)
        super().__init__(self.text())

    def details(self) -> dict[str, object]:
        """What the caller needs to mend the request; these become `error.details`, named as JSON names things."""
        return {camel(name): getattr(self, name) for name in self.fields}

    def text(self) -> str:
        """The sentence for a person."""
        return self.message.format(**{**self.details(), **{name: getattr(self, name) for name in type(self).fields}})

    def headers(self) -> tuple[tuple[str, str], ...]:
        """HTTP headers this refusal brings."""
        return (("Retry-After", str(self.retry_after)),) if self.retry_after else ()


def refusal(code: str, message: str, *, status: int) -> type[Refusal]:
    """A refusal that is declared as a value: a rule with its sentence."""

    class Declared(Refusal, status=status, message=message, code=code):
        __doc__ = message

    return Declared


@cache
def camel(name: str) -> str:
    """A field's name outside: `retry_after` → `retryAfter`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def code_of(name: str) -> str:
    """The stable code of a refusal class: `SlotTaken` → `SLOT_TAKEN`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()
