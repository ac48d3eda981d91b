"""Every mistake that a catalog file can have is told with its line, all at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.adapters.catalog_file import catalog_of
from accessbot.domain.errors import CatalogInvalid
from accessbot.domain.model import Catalog
from tests.catalog.examples import RIGHT, changed

SHORTEST = timedelta(minutes=5)


def mistakes(data: bytes) -> tuple[str, ...]:
    """What is said about a file, without its name."""
    with pytest.raises(CatalogInvalid) as caught:
        catalog_of(data, "catalog.yml", SHORTEST)
    assert all(line.startswith("catalog.yml:") and "\n" not in line for line in caught.value.mistakes)
    return tuple(line.removeprefix("catalog.yml:") for line in caught.value.mistakes)


ONE_MISTAKE = [
    # keys
    ("reconcile: report", "reconcil: report", 2, "did you mean “reconcile”?"),
    ("reconcile: report", "zzz: report", 2, "its keys are accounts"),
    ("    account: production\n", "    acount: production\n    account: production\n", 7, "did you mean “account”?"),
    ("    policy: sensitive\n", "", 6, "lacks the key “policy”"),
    ("    max_duration: 8h\n", "", 15, "lacks the key “max_duration”"),
    ("    approvals: 1\n", "    approvals: 1\n    approvals: 2\n", 18, "twice; the first is on line 17"),
    ('{id: "111122223333", name: Production}', "{name: Production}", 4, "lacks the key “id”"),
    ("  sensitive:\n", "  sensitive:\n    <<: {approvals: 1}\n", 15, "merge keys"),
    ("  sensitive:\n", "  sensitive:\n    [a]: b\n", 15, "a key of policy “sensitive” has to be a text"),
    # accounts
    ('"111122223333"', "111122223333", 4, 'write "111122223333"'),
    ('"111122223333"', "011122223333", 4, 'write "011122223333"'),
    ('"111122223333"', "1111_2222_3333", 4, 'write "111122223333"'),
    ('"111122223333"', '"1111-2222-3333"', 4, "has to be 12 digits"),
    ('"111122223333"', '"\N{ARABIC-INDIC DIGIT ONE}11122223333"', 4, "has to be 12 digits"),
    ("name: Production}", "name: yes}", 4, "true or false"),
    ("name: Production}", 'name: ""}', 4, "is empty"),
    (
        "entitlements:",
        '  other: {id: "111122223333"}\nentitlements:',
        5,
        "is also the one of account “production”",
    ),
    ("entitlements:", '  "a b": {id: "444455556666"}\nentitlements:', 5, "cannot be a name in accounts"),
    # entitlements
    ("id: production-admin", "id: production admin", 6, "letters, digits"),
    ("id: production-admin", f"id: {'a' * 151}", 6, "150"),
    ("id: production-admin", "id: -x", 6, "letters, digits"),
    ("id: production-admin", "id: 2026-11-24", 6, 'a date; put it in quotes: "2026-11-24"'),
    ("id: production-admin", "id: null", 6, "nothing"),
    ("account: production", "account: produktion", 7, "did you mean “production”?"),
    ("account: production", "account: [production]", 7, "a text, not a list"),
    ("permission_set: AdministratorAccess", "permission_set: Administrator Access", 8, "name of a permission set"),
    ("permission_set: AdministratorAccess", f"permission_set: {'A' * 33}", 8, "name of a permission set"),
    ("group: aws-production-admin@", "group: aws-production-admin at ", 9, "email address"),
    ("identity_center_group: aws-production-admin", "identity_center_group:", 10, "is empty"),
    ("policy: sensitive", "policy: sensitve", 11, "did you mean “sensitive”?"),
    ("policy: sensitive", "policy: nothing-like-it", 11, "is not defined."),
    ("description: Full control of production", f"description: {'x' * 1001}", 12, "shorten it"),
    # policies
    ("[everyone]", "[]", 15, "requesters of policy “sensitive” is empty"),
    ("[everyone]", "everyone", 15, "has to be a list"),
    ("[everyone]", "[everybody]", 15, "names nobody"),
    ("[everyone]", "['everyone:']", 15, "write everyone"),
    ("[everyone]", "[everyone:all]", 15, "write everyone"),
    ("[everyone]", "[slack-usergroup:sre]", 15, "slack-usergroup:S0123ABCD"),
    ("[everyone]", "[{group: sre@example.com}]", 15, "write group:sre@example.com without a blank"),
    ("[everyone]", "[group:sre]", 15, "write group:name@example.com"),
    ("[everyone]", "[[everyone]]", 15, "a text, not a list"),
    ("[group:sre-leads@example.com, user:cto@example.com]", "[]", 16, "approvers of policy “sensitive” is empty"),
    ("[group:sre-leads@example.com, user:cto@example.com]", "[everyone]", 16, "cannot be everyone"),
    ("[group:platform-security@example.com]", "[everyone]", 1, "admins cannot be everyone"),
    ("approvals: 1", "approvals: 0", 17, "at least 1, not “0”"),
    ("approvals: 1", "approvals: -1", 17, "at least 1"),
    ("approvals: 1", "approvals: two", 17, "at least 1"),
    ("approvals: 1", 'approvals: "1"', 17, "at least 1"),
    ("approvals: 1", "approvals: [1]", 17, "at least 1"),
    ("default_duration: 1h", "default_duration: 9h", 18, "longer than its max_duration of 8h"),
    ("default_duration: 1h", "default_duration: 1s", 18, "below the shortest grant of 5m"),
    ("default_duration: 1h", "default_duration: 1", 18, "not “1”"),
    ("default_duration: 1h", "default_duration: 1:30", 18, "not “1:30”"),
    ("default_duration: 1h", "default_duration:", 18, "not empty"),
    ("max_duration: 8h", "max_duration: 400d", 19, "at most a year"),
    ("reconcile: report", "reconcile: delete", 2, "report, remove or adopt"),
    ("reconcile: report", "reconcile: yes", 2, "true or false"),
]


@pytest.mark.parametrize(("old", "new", "line", "says"), ONE_MISTAKE)
def test_one_mistake_is_one_line(old: str, new: str, line: int, says: str) -> None:
    """Each single mistake is told once, on its own line, with what to write instead."""
    found = mistakes(changed(old, new))
    assert len(found) == 1
    assert found[0].startswith(f"{line}: ")
    assert says in found[0]


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"", 1, "empty"),
        (b"# only a comment\n", 1, "empty"),
        (b"\xef\xbb\xbf", 1, "empty"),
        (b"- a\n", 1, "has to be a mapping"),
        (b"just text\n", 1, "has to be a mapping"),
        (b"accounts:\n  a: [1, 2\n", 2, "not valid YAML"),
        (b"accounts: {}\n\tx: 1\n", 2, "not valid YAML"),
        (b"a: b: c\n", 1, "not valid YAML"),
        (b"a: 'b\n\n", 1, "not valid YAML"),
        (b"accounts: {}\n# \xe4\n", 2, "UTF-8"),
        ("a: ä".encode("utf-16"), 1, "UTF-8"),
        (b"a: b\nc: \x07\n", 2, "U+0007"),
        (b"a: 1\n---\nb: 2\n", 2, "second document"),
        (b"a: !!python/object/apply:os.system [x]\n", 1, "tag"),
        (b"a: !secret x\n", 1, "tag"),
        (b"a: *nowhere\n", 1, "refers to nothing"),
        (b"a: &a [*a]\n", 1, "refers to nothing"),
        (b"a: &x 1\nb: [" + b"*x, " * 1_001 + b"]\n", 2, "more than 1,000 aliases"),
        (b"[" * 50_000, 1, "nested"),
        (b"a:\n" + b"#" * (32 * 1024 * 1024), 1, "larger than 32 MB"),
    ],
)
def test_what_is_no_catalog_text_is_told_with_its_line(data: bytes, line: int, says: str) -> None:
    """Files that are not YAML, not one document, or made to exhaust a reader are refused in one line."""
    found = mistakes(data)
    assert len(found) == 1
    assert found[0].startswith(f"{line}: ")
    assert says in found[0]


def test_all_mistakes_are_told_at_once_in_file_order() -> None:
    """A file with mistakes in every part is told them all in one go."""
    text = RIGHT
    for old, new in [
        ("reconcile: report", "reconcile: never"),
        ('"111122223333"', "111122223333"),
        ("account: production", "account: staging"),
        ("group: aws-production-admin@example.com", "group: nobody"),
        ("approvals: 1", "approvals: 3.5"),
        ("max_duration: 8h", "max_duration: long"),
    ]:
        text = text.replace(old, new, 1)
    assert [int(line.partition(":")[0]) for line in mistakes(text.encode())] == [2, 4, 7, 9, 17, 19]


def test_a_broken_account_or_policy_is_not_called_unknown_too() -> None:
    """One mistake in an account or a policy does not make every entitlement that names it wrong as well."""
    data = changed('"111122223333"', '"1"').replace(b"approvals: 1", b"approvals: 0")
    assert [int(line.partition(":")[0]) for line in mistakes(data)] == [4, 17]


SECOND = """\
  - id: production-other
    account: production
    permission_set: AdministratorAccess
    group: AWS-production-admin@example.com
    identity_center_group: aws-production-admin
    policy: sensitive
"""


def with_second(**changes: str) -> bytes:
    """The right catalog with a second entitlement on line 13, some of its values changed."""
    second = SECOND
    for key, value in changes.items():
        lines = [f"{line.partition(':')[0]}: {value}" if f" {key}:" in line else line for line in second.splitlines()]
        second = "\n".join(lines) + "\n"
    return changed("policies:", second + "policies:")


def test_two_entitlements_may_share_a_group_that_opens_the_same() -> None:
    """Sharing is fine if all that membership opens is equal; case in the address is not minded."""
    catalog = catalog_of(with_second(), "catalog.yml", SHORTEST)
    shared = catalog.of_group("aws-Production-admin@example.com")
    assert [entitlement.id for entitlement in shared] == ["production-admin", "production-other"]


@pytest.mark.parametrize(
    ("changes", "line", "says"),
    [
        ({"permission_set": "ReadOnlyAccess"}, 16, "but not its permission_set"),
        ({"identity_center_group": "other"}, 16, "but not its identity_center_group"),
        ({"group": "other@example.com"}, 17, "each needs its own"),
        ({"id": "production-admin"}, 13, "taken by the entitlement on line 6"),
        ({"id": "Production-Admin"}, 13, "in case alone"),
    ],
)
def test_entitlements_must_not_contradict_each_other(changes: dict[str, str], line: int, says: str) -> None:
    """Two entitlements cannot be one id, nor make one group open two things, nor tie one AWS group to two groups."""
    found = mistakes(with_second(**changes))
    assert len(found) == 1
    assert found[0].startswith(f"{line}: ")
    assert says in found[0]


def test_sharing_a_group_in_another_account_is_refused() -> None:
    """Membership in the group would open both accounts."""
    data = with_second(account="staging").replace(
        b"entitlements:", b'  staging: {id: "444455556666", name: Staging}\nentitlements:'
    )
    assert [("but not its account" in line) for line in mistakes(data)] == [True]


def test_approvals_cannot_exceed_the_people_there_are() -> None:
    """With users alone it is known how many can approve; the same user twice is one."""
    users = "[user:a@example.com, user:A@Example.com]"
    data = changed("[group:sre-leads@example.com, user:cto@example.com]", users).replace(
        b"approvals: 1", b"approvals: 2"
    )
    assert mistakes(data) == ("17: policy “sensitive” takes 2 approvals, but there is 1 approver.",)
    groups = changed("approvals: 1", "approvals: 5")
    assert catalog_of(groups, "catalog.yml", SHORTEST).policies["sensitive"].approvals == 5


def test_a_mapped_group_cannot_approve_unless_allowed_by_name() -> None:
    """A grant into an approver group would make an approver, so it takes a line that says it is meant."""
    data = changed("group:sre-leads@example.com", "group:AWS-production-admin@example.com")
    found = mistakes(data)
    assert [line.startswith("16: ") and "allow_mapped_approver_groups" in line for line in found] == [True]
    allowed = b"allow_mapped_approver_groups: [group:aws-production-admin@example.com]\n    approvals: 1"
    catalog = catalog_of(data.replace(b"approvals: 1", allowed), "catalog.yml", SHORTEST)
    assert str(catalog.policies["sensitive"].approvers[0]) == "group:aws-production-admin@example.com"


def test_an_allowance_names_an_approver_group() -> None:
    """A misspelt allowance is a mistake, not a silent nothing."""
    allowed = "allow_mapped_approver_groups: [group:other@example.com, user:cto@example.com]\n    approvals: 1"
    found = mistakes(changed("approvals: 1", allowed))
    assert [line.startswith("17: ") and "no approver group of it" in line for line in found] == [True, True]


@given(st.text(max_size=60), st.integers(min_value=0, max_value=len(RIGHT)), st.integers(min_value=0, max_value=40))
def test_no_text_escapes_the_report(noise: str, at: int, cut: int) -> None:
    """Whatever a file holds, reading it gives a catalog or lines with numbers; nothing else is raised."""
    data = (RIGHT[:at] + noise + RIGHT[at + cut :]).encode("utf-8", "surrogatepass")
    lines = data.count(b"\n") + data.count(b"\r") + data.count("\u2028".encode()) + data.count("\u2029".encode()) + 2
    result: Catalog | tuple[str, ...]
    try:
        result = catalog_of(data, "c", SHORTEST)
    except CatalogInvalid as error:
        result = error.mistakes
    if not isinstance(result, Catalog):
        assert result
        assert all(1 <= int(line.split(":")[1]) <= lines for line in result)


def test_a_part_with_nothing_in_it_is_told() -> None:
    """No accounts, no entitlements or no policies is a catalog in which nothing can be asked for."""
    assert [line.partition(" is empty")[0] for line in mistakes(b"accounts: {}\nentitlements: []\npolicies: {}\n")] == [
        "1: accounts",
        "2: entitlements",
        "3: policies",
    ]


def test_an_entitlement_without_an_id_is_told_by_its_place() -> None:
    """What has no name is named by its number in the list."""
    found = mistakes(changed("  - id: production-admin\n    account", "  - account"))
    assert found == ("6: entitlement 1 lacks the key “id”.",)


def test_a_list_is_no_selector_with_two_names() -> None:
    """A mapping of several kinds is not taken for one selector."""
    (line,) = mistakes(changed("[everyone]", "[{group: a@example.com, user: b@example.com}]"))
    assert line.startswith("15: ")
    assert "a text, not a mapping" in line
