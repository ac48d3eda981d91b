"""What `accessbot doctor` asks of Slack, Google and AWS: reading only, and each permission by a call that needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from accessbot import wiring
from accessbot.cli.findings import Finding, Show, guarded, ok, warning, wrong
from accessbot.domain.durations import compact
from accessbot.domain.errors import AccessbotError, Missing, NotAuthorised, Unavailable, VendorError
from accessbot.service import mapping
from accessbot.slack.client import SlackClient
from accessbot.slack.failures import naming

if TYPE_CHECKING:
    from accessbot.domain.model import Catalog, Entitlement
    from accessbot.ports import Store
    from accessbot.service.context import Context
    from accessbot.settings import Settings

SCOPES = ("chat:write", "commands", "usergroups:read", "users:read", "users:read.email")
"""What the Slack app's manifest asks for."""

_SLACK_TIMEOUT_S = 5
_NOBODY = "accessbot-doctor-nobody"
_NOBODYS_ID = "0"
_GIVE_UP_AFTER = 3


def look_at_vendors(settings: Settings, catalog: Catalog, store: Store | None, show: Show) -> Iterator[Finding]:
    """Ask each vendor, then look at every mapped group on both sides."""
    show("Slack", 0, None)
    yield from guarded("slack", _slack(settings))
    context: list[Context] = []
    yield from guarded("vendors", _built(settings, context))
    if not context:
        return
    some = next(iter(catalog.entitlements.values()))
    yield from guarded("quota", _gates(context[0]))
    show("Google", 0, None)
    yield from guarded("google", _google(context[0], settings, some))
    yield from guarded("expiry", _expiry(context[0], settings, some))
    show("AWS", 0, None)
    yield from guarded("aws", _aws(context[0], some))
    yield from guarded("groups", _groups(context[0], catalog, store, show))


def _built(settings: Settings, into: list[Context]) -> Iterator[Finding]:
    into.append(wiring.context_from(settings, wiring.parts_from(settings)))
    yield from ()


def _slack(settings: Settings) -> Iterator[Finding]:
    client = SlackClient(settings.slack_bot_token.get_secret_value(), settings.slack_api_url, _SLACK_TIMEOUT_S)
    with naming("auth.test"):
        answer = client.auth_test()
    yield ok("slack", f"the token is accepted: {answer.get('user', 'a bot')} in {answer.get('team', 'a workspace')}")
    headers = {str(name).casefold(): value for name, value in answer.headers.items()}
    told = headers.get("x-oauth-scopes")
    text = ",".join(told) if isinstance(told, list) else str(told or "")
    if not text:
        yield warning("slack", f"it does not tell the token's scopes; make sure of {', '.join(SCOPES)}.")
        return
    missing = sorted(set(SCOPES) - {scope.strip() for scope in text.split(",")})
    if missing:
        yield wrong("slack", f"the token lacks {', '.join(missing)}: install the app again from manifest.yml.")
    else:
        yield ok("slack", "the token has every scope of the manifest")


def _gates(context: Context) -> Iterator[Finding]:
    """Tell whether all processes hold back their calls to a vendor."""
    for gate in context.gates:
        state = gate.state()
        if state.open:
            since = f" since {state.since:%Y-%m-%d %H:%M:%S} UTC" if state.since is not None else ""
            wait = state.wait.total_seconds()
            yield wrong("quota", f"{state.vendor} fails{since}: calls are held back, the next one for {wait:.0f} s.")
        else:
            yield ok("quota", f"{state.vendor} answers, {max(0.0, state.left):.0f} calls may be made at once")


def _google(context: Context, settings: Settings, some: Entitlement) -> Iterator[Finding]:
    user = settings.google_delegated_subject or f"{_NOBODY}@{some.group.partition('@')[2]}"
    yield from _allowed(
        "google", "users can be read (admin.directory.user.readonly)", lambda: context.directory.user(user)
    )
    yield from _allowed(
        "google",
        "group members can be read (admin.directory.group.member)",
        lambda: context.directory.is_member(some.group, _NOBODYS_ID),
    )


def _expiry(context: Context, settings: Settings, some: Entitlement) -> Iterator[Finding]:
    """Tell whether Google would end a membership by itself: off, on and allowed, or on and refused."""
    if context.expiry is None:
        yield ok("expiry", "off: Google ends no membership by itself (ACCESSBOT_MEMBERSHIP_EXPIRY is not set)")
        return
    try:
        members = (member.email for member in context.directory.members(some.group) if member.type == "USER")
        user = settings.google_delegated_subject or next(members, f"{_NOBODY}@{some.group.partition('@')[2]}")
        context.expiry.check(some.group, user)
    except Missing as error:
        yield warning("expiry", f"not looked at: {error.sentence}")
        return
    except AccessbotError as error:
        yield wrong("expiry", error.sentence)
        return
    grace = compact(context.terms.expiry_grace)
    yield ok("expiry", f"on: Google ends a membership by itself {grace} after its last grant (cloud-identity.groups)")


def _aws(context: Context, some: Entitlement) -> Iterator[Finding]:
    address = f"{_NOBODY}@{some.group.partition('@')[2]}"
    yield from _allowed(
        "aws", "users of the identity store can be read", lambda: context.identity_center.find_user(address)
    )
    yield from _allowed(
        "aws", "permission sets can be read", lambda: context.identity_center.permission_set(some.permission_set)
    )


def _allowed(check: str, what: str, call: Callable[[], object]) -> Iterator[Finding]:
    """Try a call that needs a permission; that the thing asked for does not exist is an answer too."""
    try:
        call()
    except Missing:
        pass  # answered, and so allowed; what the catalog names and the vendor lacks is told with the groups
    except AccessbotError as error:
        yield wrong(check, error.sentence)
        return
    yield ok(check, what)


def _groups(context: Context, catalog: Catalog, store: Store | None, show: Show) -> Iterator[Finding]:
    """Look whether every mapped group is there on both sides and opens exactly what the catalog says."""
    mapped = {entitlement.group: entitlement for entitlement in catalog.entitlements.values()}
    right = unanswered = 0
    for number, entitlement in enumerate(mapped.values()):
        show("Mapped groups", number, len(mapped))
        try:
            fault = _fault(context, entitlement, store)
        except (Unavailable, NotAuthorised) as error:
            unanswered += 1
            yield wrong("groups", f"{entitlement.group}: {error.sentence}")
            if unanswered == _GIVE_UP_AFTER and not right:
                yield warning("groups", f"the other {len(mapped) - number - 1:,} were not looked at: mend these first.")
                return
            continue
        except VendorError as error:
            fault = error.sentence
        if fault:
            yield wrong("groups", f"{entitlement.group}: {fault}")
        else:
            right += 1
    if right:
        yield ok("groups", f"{right:,} of {len(mapped):,} mapped groups open exactly what the catalog says")


def _fault(context: Context, entitlement: Entitlement, store: Store | None) -> str:
    context.directory.is_member(entitlement.group, _NOBODYS_ID)
    try:
        known = store.mapping(entitlement.group) if store is not None else None
    except AccessbotError:
        known = None  # what Redis lacks was told already; without the pinned group all else can still be compared
    return mapping.read(context, entitlement, known, datetime.now(UTC)).fault
