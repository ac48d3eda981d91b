"""Whom and what a panic is about: the Slack user ids of an address, an entitlement that there is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from accessbot.domain.errors import AccessbotError, Refused
from accessbot.service.panicking import Scope, find

if TYPE_CHECKING:
    from accessbot.ports import Store

_SLACK_ID = re.compile(r"[UW]\w{1,40}", re.ASCII)


def scope_of(store: Store, user: str | None, entitlement: str | None) -> Scope:
    """Give the scope of a person (email or Slack user id), of an entitlement, or of everything.

    Raises `Refused` for a name that nobody knows: a mistyped one must not look like success.
    """
    if user is not None:
        people = _people(store, user.strip())
        return Scope(people=people, words=f"everything of {user.strip()} ({', '.join(people)})")
    if entitlement is not None:
        name = _entitlement(store, entitlement.strip())
        return Scope(entitlement=name, words=f"every grant of {name}")
    return Scope(words="every grant of everybody")


def _people(store: Store, who: str) -> tuple[str, ...]:
    """Find the Slack user ids of a person: in what is stored, else in Slack."""
    if "@" not in who:
        if not _SLACK_ID.fullmatch(who):
            raise Refused(f"{who!r} is neither an email address nor a Slack user id.")
        if store.grants_of(who) or store.pending_of(who) or store.freeze(f"user:{who}") is not None:
            return (who,)
    there = find(store, Scope())
    found = {grant.requester for grant in there.grants if _is(grant.requester, grant.email, who)}
    found |= {request.requester for request in there.pending if _is(request.requester, request.email, who)}
    if not found:
        found = {grant.requester for grant in store.grants() if _is(grant.requester, grant.email, who)}
    if not found:
        found = {each.requester for each in store.requests() if _is(each.requester, each.email, who)}
    return tuple(sorted(found)) or (_in_slack(who),)


def _is(requester: str, email: str, who: str) -> bool:
    return who == requester or ("@" in who and email.casefold() == who.casefold())


def _in_slack(who: str) -> str:
    from accessbot.cli.planned import vendors_context  # noqa: PLC0415 - only for somebody who never asked for anything

    try:
        workspace = vendors_context().workspace
        return (workspace.by_email(who) if "@" in who else workspace.person(who)).id
    except AccessbotError as error:
        raise Refused(
            f"{who} never asked accessbot for anything, and was not found in Slack either: {error.sentence}"
        ) from error


def _entitlement(store: Store, name: str) -> str:
    """Give an entitlement that the catalog has, or that a grant or a pending request is for."""
    there = find(store, Scope())
    named = {grant.entitlement for grant in there.grants} | {request.entitlement for request in there.pending}
    if name in named or store.freeze(f"entitlement:{name}") is not None:
        return name
    from accessbot.cli.options import open_store  # noqa: PLC0415 - only where no grant tells
    from accessbot.wiring import catalog_from  # noqa: PLC0415 - as above

    try:
        known = catalog_from(open_store()[0]).current().entitlements
    except AccessbotError as error:
        raise Refused(f"No grant is of {name!r}, and the catalog could not be read: {error.sentence}") from error
    if name not in known:
        raise Refused(f"There is no entitlement {name!r} in the catalog, and no grant of it.")
    return name
