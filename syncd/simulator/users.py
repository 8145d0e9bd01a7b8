"""The users of the simulated org: owners, creators, and the one whose token is used. Users are no bulk module."""

from dataclasses import dataclass

from syncd.simulator import words
from syncd.simulator.schema import USER_COUNT, settings_id


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: str
    first_name: str
    last_name: str
    email: str

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    def text(self, sub_field: str) -> str | None:
        """The text of a dotted field such as `Owner.last_name`; None if users have no such field."""
        return {
            "id": self.id,
            "name": self.full_name,
            "full_name": self.full_name,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": self.email,
        }.get(sub_field)

    def reference(self) -> dict[str, str]:
        """As JSON answers name a user."""
        return {"id": self.id, "name": self.full_name}


USERS = tuple(
    User(
        id=settings_id("user", str(number)),
        first_name=words.FIRST_NAMES[number * 3],
        last_name=words.LAST_NAMES[number * 2],
        email=f"user{number}@example.com",
    )
    for number in range(USER_COUNT)
)
API_USER = USERS[0]
BY_ID = {user.id: user for user in USERS}
