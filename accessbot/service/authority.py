"""Who somebody is and what they may do, read live from Slack and Google; nothing here is cached, nothing is guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.errors import Missing, Refused
from accessbot.domain.model import Identity, SelectorKind
from accessbot.service import oncall

if TYPE_CHECKING:
    from collections.abc import Callable

    from accessbot.domain.model import Selector
    from accessbot.service.context import Context


def identify(ctx: Context, slack_id: str) -> Identity:
    """Resolve a Slack user id to one person: a full member of our Slack with an existing, unsuspended Google user.

    Raises `Refused` for anybody else, `Unavailable` or `NotAuthorised` when it cannot be told.
    """
    person = ctx.workspace.person(slack_id)
    try:
        user = ctx.directory.user(person.email)
    except Missing as error:
        msg = f"Google does not know {person.email}, so no access can be given; ask your Workspace administrator."
        raise Refused(msg) from error
    if user.suspended or user.archived:
        msg = (
            f"The Google account {user.email} is {'suspended' if user.suspended else 'archived'}; access is not given."
        )
        raise Refused(msg)
    return Identity(slack=person.id, name=person.name, email=user.email, google_id=user.id)


def holds(ctx: Context, person: Identity, *, requester: str = "") -> Callable[[Selector], bool]:
    """Make the question "does this selector cover the person?", asked live each time; it raises when it cannot tell.

    `requester` is the address of the one whose `manager` is meant, "" where nobody's is.
    """

    def covered(selector: Selector) -> bool:
        match selector.kind:
            case SelectorKind.EVERYONE:
                return True
            case SelectorKind.USER:
                return selector.value.casefold() == person.email.casefold()
            case SelectorKind.GROUP:
                return ctx.directory.holds(selector.value, person.email)
            case SelectorKind.SLACK_USERGROUP:
                return ctx.workspace.in_usergroup(selector.value, person.slack)
            case SelectorKind.ON_CALL:
                return bool({person.slack, person.email.casefold()} & oncall.now(ctx, selector.value))
            case SelectorKind.MANAGER:
                return bool(requester) and ctx.directory.manager(requester) == person.email.casefold()

    return covered


def aws_user(ctx: Context, person: Identity) -> str:
    """Give the one Identity Center user id of a person. Raises `Refused` while AWS does not know them."""
    try:
        return ctx.identity_center.find_user(person.email)
    except Missing as error:
        msg = f"AWS does not know {person.email} yet: the sync of a new user can take some hours; ask again then."
        raise Refused(msg) from error
