"""What a catalog file means, and how a process keeps to the last right one."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from accessbot.adapters.catalog_file import CatalogFile, catalog_of, read_catalog
from accessbot.domain.errors import CatalogInvalid
from accessbot.domain.model import Account, Catalog, Entitlement, Selector, SelectorKind
from accessbot.domain.rules import Policy, Step
from accessbot.ports import CatalogSource
from tests.catalog.examples import RIGHT, large

SHORTEST = timedelta(minutes=5)
EXAMPLE = Path(__file__).parents[2] / "examples" / "catalog.yml"


def read(text: str) -> Catalog:
    """The catalog of a text."""
    return catalog_of(text.encode(), "catalog.yml", SHORTEST)


def test_a_catalog_means_what_it_says() -> None:
    """Every value of the file arrives, typed, with addresses in lower case."""
    catalog = read(RIGHT.replace("user:cto@", "user:CTO@").replace("aws-production-admin@", "AWS-Production-Admin@"))
    account = Account(key="production", id="111122223333", name="Production")
    policy = Policy(
        name="sensitive",
        requesters=(Selector(SelectorKind.EVERYONE),),
        steps=(
            Step(
                approvers=(
                    Selector(SelectorKind.GROUP, "sre-leads@example.com"),
                    Selector(SelectorKind.USER, "cto@example.com"),
                )
            ),
        ),
        default_duration=timedelta(hours=1),
        max_duration=timedelta(hours=8),
    )
    entitlement = Entitlement(
        id="production-admin",
        account=account,
        permission_set="AdministratorAccess",
        group="aws-production-admin@example.com",
        identity_center_group="aws-production-admin",
        policy=policy,
        description="Full control of production",
    )
    assert catalog.admins == (Selector(SelectorKind.GROUP, "platform-security@example.com"),)
    assert catalog.reconcile == "report"
    assert dict(catalog.accounts) == {"production": account}
    assert dict(catalog.policies) == {"sensitive": policy}
    assert dict(catalog.entitlements) == {"production-admin": entitlement}


def test_what_may_be_left_out_has_a_harmless_default() -> None:
    """No admins, reporting only, the account's key as its name, one approval, no description."""
    lines = ("admins:", "reconcile:", "description:", "approvals:", "identity_center_group:")
    text = "".join(line + "\n" for line in RIGHT.splitlines() if not line.strip().startswith(lines))
    catalog = read(text.replace(", name: Production", ""))
    entitlement = catalog.entitlements["production-admin"]
    assert (catalog.admins, catalog.reconcile) == ((), "report")
    assert (entitlement.account.name, entitlement.policy.approvals) == ("production", 1)
    assert (entitlement.identity_center_group, entitlement.description) == (None, "")


def test_the_example_is_right() -> None:
    """The catalog that the project ships as an example has no mistake."""
    assert set(read_catalog(EXAMPLE, SHORTEST).policies) == {"sensitive", "everyday", "data"}


def test_aliases_may_share_lists() -> None:
    """Anchors and aliases of YAML work for what is repeated."""
    text = RIGHT.replace("approvers: [", "approvers: &leads [").replace(
        "    max_duration: 8h\n",
        "    max_duration: 8h\n"
        "  other: {requesters: *leads, approvers: *leads, default_duration: 5m, max_duration: 5m}\n",
    )
    policies = read(text).policies
    assert policies["other"].approvers == policies["sensitive"].approvers


def test_the_hash_is_of_the_meaning() -> None:
    """Comments, layout, quoting, the order of keys and of people do not change it."""
    same = "# a comment\n" + RIGHT.replace("reconcile: report\n", "") + "reconcile: 'report'\n"
    same = same.replace(
        "[group:sre-leads@example.com, user:cto@example.com]",
        "\n      - user:CTO@example.com\n      - group:sre-leads@example.com",
    ).replace("1h", "60m")
    assert read(same).hash == read(RIGHT).hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("platform-security@", "security@"),
        ("reconcile: report", "reconcile: adopt"),
        ('"111122223333"', '"111122223334"'),
        ("name: Production", "name: Prod"),
        ("id: production-admin", "id: production-root"),
        ("AdministratorAccess", "PowerUserAccess"),
        ("group: aws-production-admin@", "group: aws-production-root@"),
        ("    identity_center_group: aws-production-admin\n", ""),
        ("Full control", "Control"),
        ("requesters: [everyone]", "requesters: [group:all@example.com]"),
        ("user:cto@", "user:ceo@"),
        ("approvals: 1", "approvals: 2"),
        ("default_duration: 1h", "default_duration: 2h"),
        ("max_duration: 8h", "max_duration: 9h"),
    ],
)
def test_the_hash_changes_with_every_meaning(old: str, new: str) -> None:
    """Whatever a rule or a person can tell apart, the hash does too."""
    assert old in RIGHT
    assert read(RIGHT.replace(old, new, 1)).hash != read(RIGHT).hash


def test_a_large_catalog_is_read_whole() -> None:
    """Thousands of entitlements arrive, each by its id."""
    catalog = read(large(3_000))
    assert len(catalog.entitlements) == 3_000
    assert catalog.entitlements["entitlement-2999"].group == "aws-2999@example.com"


@given(st.text(alphabet="abcXYZ0189._/-", min_size=1, max_size=150))
def test_every_allowed_id_survives(name: str) -> None:
    """An id made of the allowed characters is kept as it is written, whatever YAML could take it for when quoted."""
    entitlement = f"a{name[1:]}"
    assert list(read(RIGHT.replace("id: production-admin", f'id: "{entitlement}"')).entitlements) == [entitlement]


# --- a file that changes ----------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A right catalog file."""
    file = tmp_path / "catalog.yml"
    file.write_text(RIGHT)
    return file


def test_it_is_a_catalog_source(path: Path) -> None:
    """The file serves what the rest of the program asks of a source."""
    source: CatalogSource = CatalogFile(path, SHORTEST)
    assert list(source.current().entitlements) == ["production-admin"]


def test_nothing_starts_on_a_wrong_or_missing_file(tmp_path: Path) -> None:
    """Without a right catalog there is no source, and the sentence names the file and the variable."""
    for missing in (tmp_path / "none.yml", tmp_path):
        with pytest.raises(CatalogInvalid, match="ACCESSBOT_CATALOG"):
            CatalogFile(missing, SHORTEST)
    (tmp_path / "empty.yml").write_text("")
    with pytest.raises(CatalogInvalid, match=r"empty\.yml:1: "):
        CatalogFile(tmp_path / "empty.yml", SHORTEST)


def test_a_changed_file_comes_into_force(path: Path) -> None:
    """After a change, and only then, refresh says that another catalog is in force."""
    source = CatalogFile(path, SHORTEST)
    before = source.current()
    assert not source.refresh()
    path.write_text(RIGHT.replace("max_duration: 8h", "max_duration: 4h"))
    assert source.refresh()
    assert source.current().policies["sensitive"].max_duration == timedelta(hours=4)
    assert source.current().hash != before.hash
    assert not source.refresh()


def test_a_change_of_layout_alone_is_none(path: Path) -> None:
    """A comment does not make another catalog."""
    source = CatalogFile(path, SHORTEST)
    path.write_text("# reviewed\n" + RIGHT)
    assert not source.refresh()


def test_a_change_of_the_same_size_and_time_is_seen(path: Path) -> None:
    """What counts is the content, not the file's date."""
    source = CatalogFile(path, SHORTEST)
    stat = path.stat()
    path.write_text(RIGHT.replace("max_duration: 8h", "max_duration: 7h"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert source.refresh()


def test_a_broken_file_keeps_the_old_catalog_and_says_so(path: Path) -> None:
    """Every mistake is a warning with its line, told once; the catalog that was right stays in force."""
    source = CatalogFile(path, SHORTEST)
    before = source.current()
    path.write_text(RIGHT.replace("approvals: 1", "approvals: 0").replace("max_duration: 8h", "max_duration: x"))
    with capture_logs() as logs:
        assert not source.refresh()
        assert not source.refresh()
    told = [entry["mistake"] for entry in logs if entry["event"] == "catalog.mistake"]
    assert [line.removeprefix(f"{path}:").partition(":")[0] for line in told] == ["17", "19"]
    assert {entry["log_level"] for entry in logs} == {"warning"}
    assert [entry["in_force"] for entry in logs if entry["event"] == "catalog.kept"] == [before.hash]
    assert source.current() is before


def test_a_vanished_file_keeps_the_old_catalog_and_says_so(path: Path) -> None:
    """A file that is being replaced, or lost, takes nothing out of force."""
    source = CatalogFile(path, SHORTEST)
    path.unlink()
    with capture_logs() as logs:
        assert not source.refresh()
        assert not source.refresh()
    assert [entry["event"] for entry in logs] == ["catalog.mistake", "catalog.kept"]
    path.write_text(RIGHT.replace("max_duration: 8h", "max_duration: 4h"))
    assert source.refresh()


def test_a_mended_file_comes_into_force_and_a_new_break_is_told(path: Path) -> None:
    """Breaking, mending and breaking the file in the same way again tells of both breaks."""
    source = CatalogFile(path, SHORTEST)
    with capture_logs() as logs:
        path.write_text("")
        source.refresh()
        path.write_text(RIGHT.replace("max_duration: 8h", "max_duration: 4h"))
        assert source.refresh()
        path.write_text("")
        source.refresh()
    assert [entry["event"] for entry in logs].count("catalog.kept") == 2


def test_refreshing_in_many_threads_is_one_change(path: Path) -> None:
    """When several threads refresh at once, exactly one of them brings the new catalog into force."""
    source = CatalogFile(path, SHORTEST)
    path.write_text(RIGHT.replace("max_duration: 8h", "max_duration: 4h"))
    answers: list[bool] = []
    start = threading.Barrier(8)

    def refresh() -> None:
        start.wait()
        answers.append(source.refresh())

    threads = [threading.Thread(target=refresh) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 7 + [True]
