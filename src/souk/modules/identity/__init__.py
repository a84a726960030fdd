"""Identity: who people are, how they sign in and stay signed in, and what ends that everywhere at once.

A market has it by `modules=(mail.MODULE, audit.MODULE, identity.MODULE)` and `rules=(identity.Rules(…),)`; with `WITH_CODES` instead,
its people also sign in by codes that are sent to their phones.
"""

from souk.kernel.assembly import module
from souk.modules.identity import changing, codes, jobs, keys, leaving, made, seed
from souk.modules.identity.errors import PersonNotFound
from souk.modules.identity.events import DeviceSeen, SessionReused, UserErased, UserRegistered, UserReinstated, UserSuspended
from souk.modules.identity.inviting import Invited, invite
from souk.modules.identity.model import Person, PersonStatus, User
from souk.modules.identity.passwords import Hasher
from souk.modules.identity.people import any_person, person_of_address
from souk.modules.identity.proofs import links_of
from souk.modules.identity.routes import account as account_routes
from souk.modules.identity.routes import codes as code_routes
from souk.modules.identity.routes import keys as key_routes
from souk.modules.identity.routes import leaving as leaving_routes
from souk.modules.identity.routes import links as link_routes
from souk.modules.identity.routes import second_factor as factor_routes
from souk.modules.identity.routes import signing as signing_routes
from souk.modules.identity.routes import staff as staff_routes
from souk.modules.identity.rules import MIXED, PasswordRule, Rules, rules_of
from souk.modules.identity.seed import DEMO_PASSWORD, demo_logins
from souk.modules.identity.staff import STAFF

_FILES = (
    *(made, changing, jobs, keys, leaving, seed),
    *(signing_routes, account_routes, link_routes, factor_routes, key_routes, staff_routes, leaving_routes),
)

MODULE = module("identity", *_FILES)
"""All but codes by SMS."""
WITH_CODES = module("identity", *_FILES, codes, code_routes)
"""With them: for markets whose people have phones."""

__all__ = [
    "DEMO_PASSWORD",
    "MIXED",
    "MODULE",
    "STAFF",
    "WITH_CODES",
    "DeviceSeen",
    "Hasher",
    "Invited",
    "PasswordRule",
    "Person",
    "PersonNotFound",
    "PersonStatus",
    "Rules",
    "SessionReused",
    "User",
    "UserErased",
    "UserRegistered",
    "UserReinstated",
    "UserSuspended",
    "any_person",
    "demo_logins",
    "invite",
    "links_of",
    "person_of_address",
    "rules_of",
]
