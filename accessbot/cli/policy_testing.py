"""`accessbot policy test`: whether a catalog comes to what a file expects of it; no vendor is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from accessbot.adapters.cel_expressions import CelExpressions
from accessbot.adapters.expectations import Case, Expectations, Person, read_expectations
from accessbot.cli.output import plain, print_json
from accessbot.domain import policy
from accessbot.domain.model import Catalog, Identity, Selector, SelectorKind
from accessbot.domain.rules import Policy
from accessbot.domain.verdicts import Question
from accessbot.service import explaining
from accessbot.service.explaining import Explained
from accessbot.settings import Settings


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case: each thing that is not as expected, and what came."""

    case: Case
    wrong: tuple[str, ...]
    came: str


def run(path: Path, catalog: Catalog, read: Settings, *, as_json: bool) -> int:
    """Try every case of a file; give 1 when any does not hold. Raises `ExpectationsInvalid`."""
    expected = read_expectations(path, catalog)
    results = [tried(case, catalog, expected, read) for case in expected.cases]
    if as_json:
        print_json(
            {
                "line": one.case.line,
                "name": one.case.name,
                "holds": int(not one.wrong),
                "expected": "; ".join(one.wrong) or None,
                "came": one.came,
            }
            for one in results
        )
    else:
        for one in results:
            if one.wrong:
                typer.echo(plain(f"{path}:{one.case.line}: case “{one.case.name}”: expected {_joined(one)}."))
    failed = sum(bool(one.wrong) for one in results)
    if not as_json:
        whole = f"{len(results):,} {'case' if len(results) == 1 else 'cases'}"
        typer.echo(f"{failed:,} of {whole} {'fails' if failed == 1 else 'fail'}." if failed else f"{whole} hold.")
    return 1 if failed else 0


def _joined(one: Result) -> str:
    return f"{'; '.join(one.wrong)}; came {one.came.rstrip('.')}"


def tried(case: Case, catalog: Catalog, expected: Expectations, read: Settings) -> Result:
    """Judge one case and compare what comes with what is expected."""
    entitlement = catalog.entitlements[case.entitlement]
    person = case.who
    question = Question(
        entitlement=entitlement,
        duration=case.duration or explaining.usual_duration(entitlement, emergency=case.emergency),
        requester=Identity(slack=person.slack, name=person.email, email=person.email, google_id=person.email),
        at=case.at,
        reason=case.reason or "(none given)",
        emergency=case.emergency,
    )
    found = explaining.explain(catalog.rules, question, covering(person), CelExpressions(), read.min_duration)
    decides = found.policy_of(entitlement)
    return Result(case, tuple(_wrong(case, found, decides, expected)), _came(found, decides))


def covering(person: Person, requester: Person | None = None) -> Callable[[Selector], bool]:
    """Tell from what a file says which selectors cover somebody; `requester` is the one whose manager may be meant."""

    def covered(selector: Selector) -> bool:
        match selector.kind:
            case SelectorKind.EVERYONE:
                return True
            case SelectorKind.USER:
                return selector.value.casefold() == person.email
            case SelectorKind.GROUP:
                return selector.value.casefold() in person.groups
            case SelectorKind.SLACK_USERGROUP:
                return selector.value in person.usergroups
            case SelectorKind.ON_CALL:
                return selector.value in person.on_call
            case SelectorKind.MANAGER:
                return requester is not None and bool(requester.manager) and requester.manager == person.email

    return covered


def _wrong(case: Case, found: Explained, decides: Policy, expected: Expectations) -> Iterator[str]:
    """Say what was expected and is not so."""
    if case.expect != found.comes:
        yield case.expect
    if case.rule is not None and case.rule != found.rule:
        yield f"the rule “{case.rule}”" if case.rule else "no rule to match"
    if case.policy is not None and case.policy != decides.name:
        yield f"the policy “{case.policy}”"
    if case.approvals is not None and case.approvals != decides.approvals:
        yield f"{case.approvals} {'approval' if case.approvals == 1 else 'approvals'}"
    if case.says is not None and case.says.casefold() not in " ".join(found.refusals).casefold():
        yield f"a refusal that says “{case.says}”"
    for emails, may in ((case.may_decide, True), (case.may_not_decide, False)):
        for email in emails:
            if _may_decide(expected.people[email], case.who, decides) is not may:
                yield f"that {email} {'may' if may else 'may not'} decide"


def _may_decide(person: Person, requester: Person, decides: Policy) -> bool:
    """Tell whether somebody may ever decide a request of another: in any step, or once it is escalated."""
    return person.email != requester.email and policy.covers(decides.approvers, covering(person, requester))


def _came(found: Explained, decides: Policy) -> str:
    """Say in words what came."""
    rule = f" by the rule “{found.rule}”" if found.rule else ""
    if found.refusals:
        return f"{found.comes}{rule}: {' '.join(found.refusals)}"
    many = decides.approvals
    takes = f", {many} {'approval' if many == 1 else 'approvals'}" if found.comes is explaining.Comes.STEPS else ""
    return f"{found.comes}{rule}, policy “{decides.name}”{takes}"
