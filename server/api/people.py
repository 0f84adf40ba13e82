"""Roles and people, as several parts of the API show them."""

from __future__ import annotations

import strawberry

from server.api.kinds import Role
from server.core.ids import public_id
from server.models import tables
from server.workspaces.permissions import RANKED, RIGHTS, ROLE_WORDS


@strawberry.type(description="A person.")
class User:
    id: strawberry.ID = strawberry.field(description="`usr_…`")
    name: str = strawberry.field(description="How they are called.")
    email: str = strawberry.field(description="Their mail address.")

    @classmethod
    def of(cls, row: tables.User) -> User:
        return cls(id=strawberry.ID(public_id("user", row.id)), name=row.name, email=row.email)


@strawberry.type(description="One thing that a role allows.")
class RoleRight:
    scope: str = strawberry.field(description="Its name, as tokens carry it.")
    description: str = strawberry.field(description="What it lets one do.")


@strawberry.type(description="A role and all that it allows.")
class RoleInfo:
    role: Role = strawberry.field(description="The role.")
    description: str = strawberry.field(description="What it is for.")
    rights: list[RoleRight] = strawberry.field(description="What it allows.")


def all_roles() -> list[RoleInfo]:
    return [
        RoleInfo(
            role=role,
            description=ROLE_WORDS[role],
            rights=[
                RoleRight(scope=right.scope, description=right.words)
                for right in RIGHTS
                if right.belongs_to(role)
            ],
        )
        for role in RANKED
    ]
