"""What the documentation lists is what the code has: no setting, command, figure, alert or permission more or less."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import typer
import yaml
from prometheus_client.parser import text_string_to_metric_families

from accessbot.adapters.catalog_file import catalog_of
from accessbot.adapters.google_auth import CLOUD_GROUPS, MEMBER, USER_READ
from accessbot.adapters.redis_client import Caller
from accessbot.adapters.redis_gate import RedisGate
from accessbot.cli.program import app
from accessbot.domain.notices import AlertKind
from accessbot.domain.work import Lane
from accessbot.health import Health
from accessbot.ports import Beat
from accessbot.settings import Setting, describe
from tests.docs import pages
from tests.support.world import World

COMPLETION = {"--help"}
VARIABLE = re.compile(r"\b(?:ACCESSBOT|SLACK|GOOGLE)_[A-Z_]+\b")
FOR_THE_SANDBOX = "ACCESSBOT_SANDBOX_REDIS_URL"


def row(setting: Setting) -> list[str]:
    """Write the line of the settings table that belongs to a setting."""
    default = f"`{setting.default}`" if setting.default else "secret" if setting.secret else ""
    return [f"`{setting.name}`", setting.meaning, default, ", ".join(setting.roles)]


def test_the_settings_table_is_the_code_s_own() -> None:
    """Each variable stands in the README with the meaning, default and users that the code gives it, in its order."""
    assert pages.table(pages.text(pages.README), "variable") == [row(setting) for setting in describe()]


def test_no_page_names_a_variable_that_is_none() -> None:
    """A variable that some page speaks of is one that accessbot reads."""
    known = {setting.name for setting in describe()} | {FOR_THE_SANDBOX}
    named = {name for page in pages.PAGES for name in VARIABLE.findall(pages.text(page))}
    assert named - known == set()


def commands() -> dict[str, set[str]]:
    """List every command line that does something, with its long options."""
    found: dict[str, set[str]] = {}

    def walk(name: str, command: Any) -> None:  # noqa: ANN401 - typer hands over its own kind of command
        inner = getattr(command, "commands", {})
        options = {opt for param in command.params for opt in param.opts if opt.startswith("--")} - COMPLETION
        if not inner or options:
            found[name] = options
        for word, sub in inner.items():
            walk(f"{name} {word}", sub)

    walk("accessbot", typer.main.get_command(app))
    return found


def test_the_commands_table_has_every_command_and_option() -> None:
    """Each command stands in the README with all of its options, and with no other."""
    listed = {
        re.sub(r"(?: [A-Z]+)+$", "", pages.ticked(name)[0]): set(pages.ticked(options))
        for name, _, options in pages.table(pages.text(pages.README), "command")
    }
    assert listed == commands()


def spoken_commands() -> set[str]:
    """List the command lines of accessbot that pages give, in a sentence or in a block."""
    found = set()
    for page in pages.PAGES:
        spans = pages.ticked(pages.prose(page).replace("\n", " "))
        lines = [line for block in pages.code(page) for line in block.text.splitlines()]
        for text in (*spans, *lines):
            match = re.match(r"(?:ExecStart=)?(?:\S*/|python -m )?accessbot((?: [\w.:-]+)+)", text)
            if match:
                found.add(f"accessbot{match[1]}")
    return found


def test_commands_that_pages_speak_of_exist() -> None:
    """Wherever a page gives a command of accessbot, the command is there, and so is every option that is used."""
    known = commands()
    spoken = spoken_commands()
    strange = []
    for line in spoken:
        name = max((each for each in known if f"{line} ".startswith(f"{each} ")), key=len)
        used = set(re.findall(r" (--[a-z-]+)", line))
        is_a_group = name == "accessbot" and any(each.startswith(f"{line} ") for each in known)
        if used - known[name] or (name == "accessbot" and not used and not is_a_group):
            strange.append(line)
    assert {"accessbot doctor", "accessbot catalog check catalog.yml", "accessbot sandbox --play"} <= spoken
    assert strange == []


def targets() -> dict[str, str]:
    """List the Makefile's targets and what it says of them."""
    makefile = (pages.ROOT / "Makefile").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z-]+):.*?## (.+)$", makefile, re.MULTILINE))


def test_the_targets_table_is_the_makefile_s_own() -> None:
    """Each target stands in the README with the Makefile's own words."""
    listed = pages.table(pages.text(pages.README), "target")
    assert listed == [[f"`make {name}`", what] for name, what in targets().items()]


def test_the_two_commands_exist() -> None:
    """What the README tells to type first, and every other target that a page names, is in the Makefile."""
    first = pages.section(pages.README, "Two commands")
    assert "make demo\nmake test\n" in first
    named = {
        name for page in pages.PAGES for name in re.findall(r"(?:`|^)make ([a-z-]+)", pages.text(page), re.MULTILINE)
    }
    assert named - set(targets()) == set()


def test_the_metrics_table_has_every_metric(world: World) -> None:
    """Each figure that `/metrics` gives stands in its table, and no other; labels too."""
    world.granted()
    world.ctx.store.beat(Beat("here:1", "web", "hash"), timedelta(minutes=1))
    gate = RedisGate(Caller(world.client, timedelta(seconds=1)), "Google", 35.0)
    told = Health(replace(world.ctx, gates=(gate,)), cast("Any", SimpleNamespace())).metrics().decode()
    served = {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(told)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
    listed = {
        pages.ticked(name)[0]: set(pages.ticked(label))
        for name, label, *_ in pages.table(pages.text(pages.OPERATION), "metric")
    }
    assert listed == served


def test_the_roles_of_processes_are_named() -> None:
    """The roles under which processes say that they live are those that the metrics table tells of."""
    line = next(row for row in pages.table(pages.text(pages.OPERATION), "metric") if "processes`" in row[0])
    assert set(pages.ticked(line[2])) == {"web", "clock", *(f"worker:{lane}" for lane in Lane)}


def test_the_alerts_table_has_every_alert() -> None:
    """Each kind of alert stands in its table, with what to do, and no other."""
    rows = pages.table(pages.text(pages.OPERATION), "alert")
    assert sorted(pages.ticked(name)[0] for name, *_ in rows) == sorted(AlertKind)
    assert all(means and do for _, means, do in rows)


def test_the_slack_scopes_are_those_of_the_manifest() -> None:
    """The README explains exactly the scopes that the manifest asks for."""
    manifest = yaml.safe_load((pages.ROOT / "manifest.yml").read_text(encoding="utf-8"))
    listed = [pages.ticked(scope)[0] for scope, _ in pages.table(pages.text(pages.README), "scope")]
    assert sorted(listed) == sorted(manifest["oauth_config"]["scopes"]["bot"])


def test_the_google_scopes_are_those_in_use() -> None:
    """Both set-ups name the two with which the Directory API is called; the one in depth, what an expiry takes too."""
    for page, more in ((pages.README, set()), (pages.SETUP, {CLOUD_GROUPS})):
        named = set(re.findall(r"https://www\.googleapis\.com/auth/[a-z.-]+", pages.text(page)))
        assert named == {MEMBER, USER_READ, *more}


def test_catalog_snippets_pass_the_check() -> None:
    """A catalog that a page shows is right, and so is the example that it leads to."""
    snippets = [
        block.text for page in pages.PAGES for block in pages.code(page, "yaml") if "entitlements:" in block.text
    ]
    assert snippets
    for snippet in (*snippets, (pages.ROOT / "examples" / "catalog.yml").read_text(encoding="utf-8")):
        assert catalog_of(snippet.encode(), "snippet", timedelta(minutes=5)).entitlements


# --- the IAM policy ---------------------------------------------------------------------------------------------------


def policy() -> list[dict[str, Any]]:
    """Read the statements of the IAM policy."""
    read: dict[str, Any] = json.loads((pages.ROOT / "docs" / "iam-policy.json").read_text(encoding="utf-8"))
    statements: list[dict[str, Any]] = read["Statement"]
    return statements


def listed(value: str | list[str]) -> list[str]:
    """Give one or many as a list."""
    return [value] if isinstance(value, str) else value


def called() -> set[str]:
    """List the IAM actions of the calls that the adapter's code makes."""
    found = set()
    for name in ("aws_identity.py", "aws_clients.py"):
        source = (pages.ROOT / "accessbot" / "adapters" / name).read_text(encoding="utf-8")
        for client, function in re.findall(r"\b(store|sso)\.((?:get|list|describe|create|delete|is)_\w+)", source):
            service = "identitystore" if client == "store" else "sso"
            found.add(f"{service}:{''.join(word.title() for word in function.split('_'))}")
    return found


def test_the_iam_policy_allows_the_calls_that_are_made() -> None:
    """The policy has an action for each call of the adapter, once, and none besides."""
    allowed = [action for statement in policy() for action in listed(statement["Action"])]
    assert sorted(allowed) == sorted(called())


def test_the_iam_policy_writes_to_listed_groups_alone() -> None:
    """A statement that lets memberships be changed names groups by their ids, and no action is a pattern."""
    for statement in policy():
        assert statement["Effect"] == "Allow"
        resources = listed(statement["Resource"])
        writes = any(re.search("Create|Delete|Put|Update", action) for action in listed(statement["Action"]))
        assert not writes or all("group/*" not in resource and resource != "*" for resource in resources)
        assert not any("*" in action for action in listed(statement["Action"]))


def test_every_statement_is_explained() -> None:
    """The set-up page says of each statement of the policy what it is needed for."""
    explained = [pages.ticked(name)[0] for name, _ in pages.table(pages.text(pages.SETUP), "statement")]
    assert explained == [statement["Sid"] for statement in policy()]


def test_a_setting_has_what_the_table_shows() -> None:
    """A new column of a setting has to be shown, or left out on purpose."""
    assert Setting._fields == ("name", "meaning", "default", "secret", "roles")
