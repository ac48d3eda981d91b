"""What the environment may say, and how every mistake in it is told."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.domain.oncall import Feed, PagerDuty, Schedule, UserGroup
from accessbot.domain.work import Lane
from accessbot.settings import Role, SettingsInvalid, check_feeds, describe, is_loopback, load

BOT_TOKEN = "xoxb-0000-bot"
SIGNING_SECRET = "5f0c9a8b7d6e"


def environment(**changes: str) -> dict[str, str]:
    """A complete environment against stand-ins on this machine, with changes; "" unsets."""
    return {
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": "http://127.0.0.1:4001/api/",
        "SLACK_APPROVALS_CHANNEL": "C0APPROVALS",
        "SLACK_ALERTS_CHANNEL": "C0ALERTS",
        "REDIS_URL": "redis://:hunter2@127.0.0.1:6379/0",
        "GOOGLE_API_URL": "http://127.0.0.1:4002",
        "GOOGLE_AUTH": "anonymous",
        "AWS_REGION": "eu-central-1",
    } | changes


def problems(role: Role, environ: dict[str, str]) -> tuple[str, ...]:
    """What `load` complains about."""
    with pytest.raises(SettingsInvalid) as caught:
        load(role, environ)
    return caught.value.problems


@pytest.mark.parametrize("role", ["web", "worker", "clock", "cli", "catalog"])
def test_a_complete_environment_does_for_every_role(role: Role) -> None:
    """With everything set, every process starts."""
    settings = load(role, environment())
    assert settings.slack_bot_token.get_secret_value() == BOT_TOKEN
    assert settings.google_api_url == "http://127.0.0.1:4002/"
    assert settings.region == "eu-central-1"
    assert settings.anonymous_google
    assert not settings.socket_mode
    assert not settings.in_sandbox


def test_defaults_are_the_documented_ones() -> None:
    """What is not set has the default of the settings table."""
    settings = load("catalog", {})
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.google_api_url == "https://admin.googleapis.com/"
    assert settings.catalog == Path("catalog.yml")
    assert settings.min_duration == timedelta(minutes=5)
    assert settings.sync_period == timedelta(minutes=30)
    assert settings.worker_slots == {Lane.FAST: 4, Lane.ENDS: 10, Lane.TALK: 2, Lane.SWEEP: 2}
    assert (settings.clock_slots, settings.host, settings.port) == (2, "127.0.0.1", 3000)
    assert settings.log_level == "INFO"


def test_an_empty_environment_gets_one_line_for_each_thing_missing() -> None:
    """Nothing that grants has a default, and all that is missing is named at once, with the fix."""
    lines = problems("web", {})
    assert [line.split()[0] for line in lines] == [
        "SLACK_BOT_TOKEN",
        "SLACK_APPROVALS_CHANNEL",
        "SLACK_ALERTS_CHANNEL",
        "REDIS_URL",
        "SLACK_SIGNING_SECRET",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "AWS_REGION",
    ]
    assert all("is not set: set it to" in line and "\n" not in line for line in lines)


@pytest.mark.parametrize("name", [row.name for row in describe() if row.name in environment()])
def test_a_blank_value_counts_as_unset(name: str) -> None:
    """A variable that is set to nothing, as `.env` files leave it, is as good as absent."""
    needs_more = {"GOOGLE_API_URL": "GOOGLE_AUTH", "GOOGLE_AUTH": "GOOGLE_APPLICATION_CREDENTIALS"}
    if name == "SLACK_API_URL":
        assert load("web", environment(**{name: "  "})).slack_api_url == "https://slack.com/api/"
    else:
        lines = problems("web", environment(**{name: "  "}))
        assert [line.split()[0] for line in lines] == [needs_more.get(name, name)]


def test_each_role_is_asked_for_what_it_uses_alone() -> None:
    """The lists need the Redis only, the catalog's check needs nothing, and neither minds what others need wrong."""
    wrong = {"PORT": "http", "SLACK_BOT_TOKEN": "xapp-1", "ACCESSBOT_WORKER_SLOTS": "many", "GOOGLE_API_URL": "ftp://x"}
    assert [line.split()[0] for line in problems("cli", wrong)] == ["REDIS_URL"]
    assert [line.split()[0] for line in problems("clock", wrong)] == ["REDIS_URL"]
    assert load("catalog", wrong).port == 3000
    assert [line.split()[0] for line in problems("worker", environment(**wrong))] == [
        "SLACK_BOT_TOKEN",
        "GOOGLE_API_URL",
        "ACCESSBOT_WORKER_SLOTS",
    ]


def test_socket_mode_takes_the_place_of_the_signing_secret() -> None:
    """With an app-level token no signing secret is needed."""
    settings = load("web", environment(SLACK_SIGNING_SECRET="", SLACK_APP_TOKEN="xapp-1-2-3"))
    assert settings.socket_mode


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SLACK_BOT_TOKEN", "xapp-1-2", "xoxb-"),
        ("SLACK_BOT_TOKEN", "xoxb-1 2", "blank"),
        ("SLACK_APP_TOKEN", "xoxb-1", "xapp-"),
        ("SLACK_SIGNING_SECRET", "xoxb-1", "signing secret"),
        ("SLACK_API_URL", "https://slack.com/", "/api/"),
        ("SLACK_API_URL", "http://slack.com/api/", "https"),
        ("SLACK_APPROVALS_CHANNEL", "#approvals", "id like C0123456789"),
        ("SLACK_ALERTS_CHANNEL", "alerts", "id like C0123456789"),
        ("REDIS_URL", "localhost:6379", "redis://host:6379/0"),
        ("REDIS_URL", "redis://host:port/0", "redis://host:6379/0"),
        ("REDIS_URL", "redis://host/main", "by number"),
        ("GOOGLE_API_URL", "https://admin.googleapis.com/admin/directory/v1", "leave out"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json", "cannot be read"),
        ("GOOGLE_DELEGATED_SUBJECT", "admin", "email"),
        ("GOOGLE_AUTH", "none", "anonymous"),
        ("AWS_REGION", "Frankfurt", "eu-central-1"),
        ("AWS_DEFAULT_REGION", "us-east-1", "differs"),
        ("AWS_SSO_INSTANCE_ARN", "ssoins-1", "arn:aws:sso"),
        ("AWS_IDENTITY_STORE_ID", "1234567890", "d-1234567890"),
        ("AWS_START_URL", "d-1.awsapps.com/start", "https://"),
        ("AWS_ENDPOINT_URL", "http://aws.example.com", "https"),
        ("AWS_ENDPOINT_URL_IDENTITYSTORE", "http://aws.example.com", "https"),
        ("ACCESSBOT_MIN_DURATION", "0s", "30s, 5m"),
        ("ACCESSBOT_SYNC_PERIOD", "half an hour", "30s, 5m"),
        ("HOST", "0.0.0.0; rm", "no host"),
        ("PORT", "65536", "from 1 to 65535"),
        ("PORT", "٣٠٠٠", "from 1 to 65535"),
        ("LOG_LEVEL", "loud", "DEBUG"),
        ("ACCESSBOT_SANDBOX", "yes", "unset it"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable_and_the_fix(name: str, value: str, says: str) -> None:
    """Each mistake is one line that begins with the variable, says what to write, and does not repeat the value."""
    variable = "AWS_REGION" if name == "AWS_DEFAULT_REGION" else name
    lines = problems("web", environment(**{name: value}))
    assert len(lines) == 1
    assert lines[0].startswith(f"{variable} ")
    assert says in lines[0]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("fast:2,ends:2,talk:1", "leaves a lane out"),
        ("fast:2,ends:2,talk:1,talk:1", "once"),
        ("fast:0,ends:0,talk:0,sweep:0", "1 to 64"),
        ("fast:60,ends:60,talk:60,sweep:1", "1 to 64"),
        ("slow:2,ends:2,talk:1", "fast, ends, talk, sweep"),
        ("fast:two,ends:2,talk:1", "like fast:2"),
        ("5", "like fast:2"),
    ],
)
def test_worker_slots_name_every_lane(value: str, says: str) -> None:
    """A forgotten or misspelt lane would leave its work undone, so it is refused."""
    assert [says in line for line in problems("worker", environment(ACCESSBOT_WORKER_SLOTS=value))] == [True]


def test_worker_slots_may_leave_a_lane_to_another_machine() -> None:
    """A lane with 0 slots is named and therefore meant."""
    slots = load("worker", environment(ACCESSBOT_WORKER_SLOTS=" talk:0, fast:4 ,ends:1, sweep:0")).worker_slots
    assert slots == {Lane.FAST: 4, Lane.ENDS: 1, Lane.TALK: 0, Lane.SWEEP: 0}


def test_all_wrong_values_are_told_at_once() -> None:
    """One start shows every mistake, missing ones and wrong ones together."""
    lines = problems("web", {"PORT": "0", "REDIS_URL": "x", "GOOGLE_AUTH": "anonymous"})
    names = [line.split()[0] for line in lines]
    assert {"PORT", "REDIS_URL", "GOOGLE_AUTH", "SLACK_BOT_TOKEN", "AWS_REGION"} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("url", ["", "https://admin.googleapis.com", "https://127.0.0.1.example.com"])
def test_anonymous_google_is_for_this_machine_only(url: str) -> None:
    """No credentials are allowed only towards a loopback address."""
    lines = problems("worker", environment(GOOGLE_API_URL=url))
    assert [line.split()[0] for line in lines] == ["GOOGLE_AUTH"]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"type": ""}'])
def test_a_credentials_file_has_to_look_like_one(tmp_path: Path, content: str) -> None:
    """A file that cannot be Google's is refused at the start, not at the first grant."""
    key = tmp_path / "key.json"
    key.write_text(content)
    lines = problems("worker", environment(GOOGLE_AUTH="", GOOGLE_APPLICATION_CREDENTIALS=str(key)))
    assert [line.split()[0] for line in lines] == ["GOOGLE_APPLICATION_CREDENTIALS"]


def test_real_google_credentials_do(tmp_path: Path) -> None:
    """With a credentials file the real root needs no address."""
    key = tmp_path / "key.json"
    key.write_text('{"type": "external_account"}')
    environ = environment(GOOGLE_AUTH="", GOOGLE_API_URL="", GOOGLE_APPLICATION_CREDENTIALS=str(key))
    settings = load("worker", environ)
    assert settings.google_application_credentials == key
    assert not settings.anonymous_google


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("http://localhost:4001/api", "http://localhost:4001/api/"),
        ("https://slack.com/api/", "https://slack.com/api/"),
        ("http://[::1]:4001/api//", "http://[::1]:4001/api/"),
    ],
)
def test_the_slack_address_ends_in_api(given_url: str, kept: str) -> None:
    """A missing last slash is added, as the client appends the method's name."""
    assert load("worker", environment(SLACK_API_URL=given_url)).slack_api_url == kept


def test_the_portal_address_is_ready_for_links() -> None:
    """A slash or fragment copied from a browser is cut."""
    url = "https://d-1234567890.awsapps.com/start/#/?tab=accounts"
    assert load("worker", environment(AWS_START_URL=url)).aws_start_url == "https://d-1234567890.awsapps.com/start"


def test_either_name_of_the_region_does() -> None:
    """boto3's own variable is enough, and both may be set to the same."""
    assert load("worker", environment(AWS_REGION="", AWS_DEFAULT_REGION="us-gov-west-1")).region == "us-gov-west-1"
    assert load("worker", environment(AWS_DEFAULT_REGION="eu-central-1")).region == "eu-central-1"


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:80/", True),
        ("http://127.9.8.7", True),
        ("http://[::1]:80", True),
        ("http://localhost", True),
        ("http://LOCALHOST", True),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://127.1", False),
        ("http://2130706433", False),
        ("http://0.0.0.0", False),
        ("http://[::ffff:127.0.0.1]", False),
        ("http://10.0.0.1", False),
        ("not an address", False),
    ],
)
def test_loopback_is_this_machine_and_nothing_that_looks_like_it(url: str, *, loopback: bool) -> None:
    """Only 127.0.0.0/8, ::1 and localhost are this machine."""
    assert is_loopback(url) is loopback


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1@evil.example/api/",
        "http://127.0.0.1\\@evil.example/api/",
        "https://user:pass@slack.com/api/",
        "https://slack.com/api/?x=1",
        "https://slack.com/api/#x",
        "https://sla ck.com/api/",
        "ftp://slack.com/api/",
        "https:///api/",
        "https://slack.com:x/api/",
        "http://[::1/api/",
        "slack.com/api/",
    ],
)
def test_an_address_is_host_port_and_path(url: str) -> None:
    """Whatever could send a token elsewhere than it seems is refused."""
    assert [line.split()[0] for line in problems("worker", environment(SLACK_API_URL=url))] == ["SLACK_API_URL"]


@given(st.dictionaries(st.sampled_from([row.name for row in describe()]), st.text(max_size=40)))
def test_no_environment_escapes_the_report(changes: dict[str, str]) -> None:
    """Whatever stands in a variable, the answer is settings or one line per problem, each of a known variable."""
    names = {row.name for row in describe()}
    lines: tuple[str, ...] = ()
    try:
        load("web", environment() | changes)
    except SettingsInvalid as error:
        lines = error.problems
    assert all(line.split(" ")[0] in names and "\n" not in line for line in lines)


def test_secrets_do_not_show() -> None:
    """Printing the settings, or a problem with them, shows no secret."""
    settings = load("web", environment(AWS_SECRET_ACCESS_KEY="wJalrXUtnFEMI/EXAMPLE"))
    assert settings.secrets() == (BOT_TOKEN, SIGNING_SECRET, "wJalrXUtnFEMI/EXAMPLE", "hunter2")
    lines = problems("web", environment(SLACK_BOT_TOKEN="xapp-leak", REDIS_URL="http://:leak@host"))
    assert [secret for secret in (*settings.secrets(), "leak") if secret in repr(settings) + str(lines)] == []


def test_nothing_is_read_but_what_is_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the process's environment nor a `.env` file in the folder has a say."""
    (tmp_path / ".env").write_text("REDIS_URL=redis://elsewhere:6379/0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "REDIS_URL", "redis://elsewhere:6379/0")
    assert [line.split()[0] for line in problems("cli", {})] == ["REDIS_URL"]


def test_settings_cannot_be_changed() -> None:
    """What a process started with holds for its life."""
    settings = load("catalog", {})
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # what is tested is that it fails


def test_the_table_describes_every_variable() -> None:
    """Each variable has a meaning, a role, and a default that reads back as itself."""
    rows = describe()
    assert all(row.meaning and row.roles for row in rows)
    assert {row.name for row in rows if row.secret} == {
        "SLACK_BOT_TOKEN",
        "SLACK_SIGNING_SECRET",
        "SLACK_APP_TOKEN",
        "REDIS_URL",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "PAGERDUTY_API_TOKEN",
    }
    written = {row.name: row.default for row in rows if row.default and row.name != "GOOGLE_API_URL"}
    assert load("worker", environment() | written | {"SLACK_API_URL": "https://slack.com/api/"}).model_dump(
        include={"worker_slots", "min_duration", "sync_period", "clock_slots", "log_level", "catalog"}
    ) == load("catalog", {}).model_dump(
        include={"worker_slots", "min_duration", "sync_period", "clock_slots", "log_level", "catalog"}
    )


@pytest.mark.parametrize(("text", "grace"), [("", None), ("off", None), ("1h", timedelta(hours=1))])
def test_google_s_own_end_of_memberships_is_off_or_a_grace(text: str, grace: timedelta | None) -> None:
    """Unless a grace is set, Google is not asked to end memberships by itself."""
    url = {"GOOGLE_CLOUD_IDENTITY_URL": "http://127.0.0.1:4002"}
    assert load("worker", environment(ACCESSBOT_MEMBERSHIP_EXPIRY=text, **url)).membership_expiry == grace


@pytest.mark.parametrize("text", ["59s", "0", "yes", "-1h"])
def test_a_grace_that_could_come_before_our_own_end_is_refused(text: str) -> None:
    """A net that is not a minute behind the end, or is no time at all, is a mistake that is told."""
    [problem] = problems("worker", environment(ACCESSBOT_MEMBERSHIP_EXPIRY=text))
    assert problem.startswith("ACCESSBOT_MEMBERSHIP_EXPIRY ")


def test_cloud_identity_is_not_called_without_credentials_beyond_this_machine() -> None:
    """A stand-in for the Directory API alone would have memberships ended at Google's real address: refused."""
    [problem] = problems("worker", environment(ACCESSBOT_MEMBERSHIP_EXPIRY="1h"))
    assert "GOOGLE_CLOUD_IDENTITY_URL" in problem
    load("worker", environment())


@pytest.mark.parametrize("url", ["http://cloudidentity.googleapis.com/", "https://cloudidentity.googleapis.com/v1"])
def test_the_address_of_cloud_identity_is_its_root_and_safe(url: str) -> None:
    """An address without encryption, or with the version in it, is refused."""
    [problem] = problems("worker", environment(GOOGLE_CLOUD_IDENTITY_URL=url))
    assert problem.startswith("GOOGLE_CLOUD_IDENTITY_URL ")


@pytest.mark.parametrize("url", ["http://api.pagerduty.com/", "https://user:word@api.pagerduty.com/", "pagerduty"])
def test_the_address_of_pagerduty_is_safe(url: str) -> None:
    """The token is sent to an https address, or to this machine, and to no other."""
    [problem] = problems("worker", environment(PAGERDUTY_URL=url))
    assert problem.startswith("PAGERDUTY_URL ")


UTC_ZONE = ZoneInfo("UTC")
SCHEDULES = (
    Schedule(name="web", source=PagerDuty(id="PABC123")),
    Schedule(name="sre", source=Feed(address="SRE_ROTA_URL", zone=UTC_ZONE)),
    Schedule(name="data", source=Feed(address="https://calendars.example.com/data.ics", zone=UTC_ZONE)),
    Schedule(name="dba", source=UserGroup(id="S0123ABCD")),
)


def test_schedules_that_are_kept_outside_need_their_variables() -> None:
    """Each that is missing is named, with what it is for, and nothing is asked for that no schedule needs."""
    with pytest.raises(SettingsInvalid) as caught:
        check_feeds(load("worker", environment()), SCHEDULES, {})
    assert [line.split()[0] for line in caught.value.problems] == ["PAGERDUTY_API_TOKEN", "SRE_ROTA_URL"]
    assert ["schedule web" in line or "schedule sre" in line for line in caught.value.problems] == [True, True]
    check_feeds(load("worker", environment()), SCHEDULES[2:], {})
    complete = environment(PAGERDUTY_API_TOKEN="u+made-up", SRE_ROTA_URL="webcal://calendars.example.com/x.ics")
    check_feeds(load("worker", complete), SCHEDULES, complete)


@pytest.mark.parametrize(
    "url",
    [
        "http://calendars.example.com/hidden.ics",
        "https://user:hidden@calendars.example.com/",
        "https://calendars.example.com/hidden ics",
        "https://calendars.example.com/hidden\nics",
        "ftp://127.0.0.1/hidden",
        "hidden",
    ],
)
def test_the_address_of_a_feed_is_safe_and_never_told(url: str) -> None:
    """An address without encryption, or that is none, is refused by the name of its variable alone."""
    with pytest.raises(SettingsInvalid) as caught:
        check_feeds(load("worker", environment()), SCHEDULES[1:2], {"SRE_ROTA_URL": url})
    [problem] = caught.value.problems
    assert problem.startswith("SRE_ROTA_URL ")
    assert "hidden" not in problem
