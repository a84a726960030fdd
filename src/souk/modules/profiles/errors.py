"""What profiles refuse."""

from __future__ import annotations

from souk.kernel.errors import Refusal


class ProfileNotFound(Refusal, status=404, message="There is no such person."):
    """Nobody has this id, they were shut out, or they have left."""


class ProfileMoved(
    Refusal, status=412, message="Your profile was changed elsewhere (it is at revision {revision}). Read it again, then repeat the change."
):
    """`If-Match` names what is not there any more."""

    revision: int


class ProfileBusy(Refusal, status=409, retry_after=1, message="Your profile is being changed elsewhere at this moment. Try again."):
    """Several changes at once, again and again."""


class SkillsUnknown(Refusal, status=422, message="{field} names {names}, which the catalogue does not have. {remedy}"):
    """This market takes no free words for skills."""

    field: str
    names: str
    remedy: str


class SkillNotFound(Refusal, status=404, message="There is no skill {slug}. GET /skills finds them by any of their names."):
    """The catalogue has none of that slug."""

    slug: str


class SkillNameTaken(Refusal, status=409, message="{field} has a name that {slug} goes by already. Choose another, or merge the two."):
    """One spelling means one skill."""

    field: str
    slug: str


class SkillMergedIntoItself(Refusal, status=422, message="A skill is merged into another one: name that in `into`."):
    """Nothing to merge."""


class SkillNotHeld(Refusal, status=404, message="That person does not have the skill {slug} of the catalogue."):
    """Only what somebody names, and the catalogue has, can be verified."""

    slug: str


class ItemNotFound(Refusal, status=404, message="There is no such piece of work in your portfolio."):
    """Gone, or never there."""


class PortfolioFull(Refusal, status=409, message="A portfolio has at most {limit} pieces of work. Take one away first."):
    """More than anybody looks at."""

    limit: int


class CannotBlock(Refusal, status=409, message="{remedy}"):
    """Oneself, or staff, who have to reach everybody."""

    remedy: str


class TooManyBlocks(Refusal, status=409, message="You block {limit} people already, which is the most. Unblock one first."):
    """A list that nobody can oversee."""

    limit: int


class BlockNotFound(Refusal, status=404, message="You do not block this person."):
    """Nothing to take back."""
