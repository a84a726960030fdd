"""What identity refuses."""

from __future__ import annotations

from souk.kernel.errors import Refusal


class EmailTaken(Refusal, status=409, message="There is an account with this e-mail address. Sign in, or ask for a new password."):
    """One address, one account, however it is spelt."""


class PhoneTaken(Refusal, status=409, message="There is an account with this phone number."):
    """One number, one account."""


class LoginFailed(Refusal, status=401, message="No account has this address and this password. Check both, or ask for a new password."):
    """One answer for both, so that nobody learns who has an account."""


class SecondFactorNeeded(Refusal, status=401, message="This account has a second factor: send its code along, or a recovery code."):
    """The password, or the code by SMS, was right."""


class SecondFactorWrong(Refusal, status=401, message="That code is not right, or was used before. Wait for the next one."):
    """The password was right, the code was not."""


class AccountSuspended(Refusal, status=403, message="This account is suspended. Write to the market's staff."):
    """Said only to who knows the password."""


class RefreshInvalid(Refusal, status=401, message="No refresh token that is good here came, in the body or as the cookie. Sign in again."):
    """Unknown, of an ended session, or too old."""


class RefreshReused(Refusal, status=401, message="This refresh token was used before, so its session was ended. Sign in again."):
    """Somebody has a copy of it: nobody can say who is who, so both are signed out."""


class ForeignOrigin(Refusal, status=403, message="A page of {origin} may not use these cookies: it is none of the market's `origins`."):
    """A cookie comes along with whatever page asks; only the market's own pages are believed."""

    origin: str


class SessionNotFound(Refusal, status=404, message="There is no such session, or it is not yours."):
    """One answer for both."""


class PersonNotFound(Refusal, status=404, message="There is no such person."):
    """Nobody has this id, or they were erased."""


class LinkInvalid(Refusal, status=410, message="This link is not good any more: it was used, is too old, or a newer one was sent."):
    """A link works once, for a while, and only the latest does."""


class PasswordWrong(Refusal, status=403, message="The present password is not right."):
    """Who changes what signs in must know the password, not only hold a token."""


class RoleHeld(Refusal, status=409, message="You have the role {role} already."):
    """Nothing to add."""

    role: str


class HashingBusy(Refusal, status=503, retry_after=2, message="Too many people are signing in at this moment. Try again in two seconds."):
    """Hashing takes a processor for a quarter of a second each; more waiting would only make all of them late."""


class SecondFactorOn(Refusal, status=409, message="The second factor is on already. Turn it off first, to set up another."):
    """One at a time."""


class SecondFactorOff(Refusal, status=409, message="There is no second factor. Set one up first."):
    """Nothing to confirm, to turn off or to renew."""


class CodeWrong(Refusal, status=401, message="This code is not right, or it is used up or too old. Ask for another."):
    """One answer for a wrong code and for a number that nobody has."""


class KeyNotFound(Refusal, status=404, message="There is no such API key, or it is not yours."):
    """One answer for both."""


class TooManyKeys(Refusal, status=409, message="At most {limit} API keys work at the same time. Revoke one first."):
    """Keys that nobody can oversee are keys that nobody misses."""

    limit: int


class OwnAccount(Refusal, status=409, message="Nobody suspends themselves."):
    """A slip of the hand that nobody could take back."""


class LastAdmin(Refusal, status=409, message="This is the last active person who may manage people. Give somebody else the role first."):
    """A market that nobody can manage."""
