"""What the page draws beyond texts and selects: other elements of forms, threads, mentions, who is on call, scenes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from slack_bolt import Ack, App

from accessbot.sandbox.slack import Actor, Workspace
from tests.browser.page import Page
from tests.browser.test_page import nameless
from tests.sandbox.slack_app import client_of, served
from tests.sandbox.slack_forms import Json, ask_form, everything, option

APPROVALS = "C01APPROVALS"


class Sent:
    """What an app was sent when its form was submitted."""

    def __init__(self) -> None:
        self.values: list[Json] = []

    def wire(self, app: App) -> None:
        """Open a form of everything on /ask, and keep what is sent."""
        ask_form(app, everything())

        @app.options("several_external")
        def offered(ack: Ack) -> None:
            ack(options=[option(f"pro-{n}", f"Production {n}") for n in range(3)])

        @app.view("ask")
        def submitted(ack: Ack, view: Json) -> None:
            ack()
            self.values.append(view["state"]["values"])


@pytest.fixture
def sent() -> Sent:
    """Give what the app is sent."""
    return Sent()


@pytest.fixture
def workspace(sent: Sent) -> Iterator[Workspace]:
    """Give a workspace of its own, with an app that has a form of everything."""
    with Workspace() as running, served(running, sent.wire):
        yield running


@pytest.fixture
def desk(workspace: Workspace, driver: webdriver.Chrome, screens: Path) -> Page:
    """Give that workspace's page."""
    page = Page(driver, workspace.url, screens)
    page.open()
    return page


def labelled(page: Page, label: str) -> WebElement:
    """Return the block of the form that has this label, of one control or of several."""

    def find() -> WebElement | None:
        blocks = page.all("#modal [data-block]")
        return next((one for one in blocks if _label(one) == label), None)

    return page.until(find, f"the form has {label}")


def _label(block: WebElement) -> str:
    return block.find_element(By.CSS_SELECTOR, ".label").text.removesuffix("(optional)").strip()


def tick(page: Page, label: str, words: str) -> None:
    """Press the box or the radio button that reads `words`."""
    rows = labelled(page, label).find_elements(By.CSS_SELECTOR, ".choice label")
    next(row for row in rows if row.text.startswith(words)).click()


def enter(page: Page, label: str, kind: str, value: str) -> None:
    """Enter a date or a time, as a picker of the browser would."""
    control = labelled(page, label).find_element(By.CSS_SELECTOR, f"input[type={kind}]")
    page.driver.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change', {bubbles: true}));",
        control,
        value,
    )


def chips(page: Page, label: str) -> list[str]:
    """Return what is chosen in a select of several."""
    return [chip.text for chip in labelled(page, label).find_elements(By.CSS_SELECTOR, ".chip-text")]


def test_every_element_can_be_filled_in(desk: Page, sent: Sent) -> None:
    """A form with an element of each kind is drawn with names, filled in by hand, and sent as Slack sends it."""
    desk.act_as("Maya")
    desk.converse("general")
    desk.say("/ask ")
    desk.form()
    assert desk.all("#modal .unknown-block") == []
    assert nameless(desk, "#modal") == []
    tick(desk, "Emergency", "Yes")
    tick(desk, "Notify", "SRE leads")
    tick(desk, "How", "Apart")
    desk.choose("Entitlements", "One")
    desk.choose("Entitlements", "Three")
    desk.keys(Keys.ESCAPE)
    desk.choose("More", "Production 1")
    desk.keys(Keys.ESCAPE)
    desk.choose("For", "Noah")
    desk.choose("Watchers", "Priya")
    desk.keys(Keys.ESCAPE)
    enter(desk, "Start", "date", "2026-12-24")
    enter(desk, "Start", "time", "09:30")
    enter(desk, "Day", "date", "2026-12-31")
    assert chips(desk, "Entitlements") == ["One", "Three"]
    assert chips(desk, "More") == ["Production 1"]
    desk.look("elements-lower")
    desk.script("document.querySelector('#modal .dialog-body').scrollTop = 0")
    desk.look("elements-upper")
    seconds = desk.script("return new Date('2026-12-24T09:30').getTime() / 1000")
    desk.submit()
    desk.form_closed()
    values = {block: next(iter(actions.values())) for block, actions in sent.values[0].items()}
    assert [each["value"] for each in values["emergency"]["selected_options"]] == ["yes"]
    assert [each["value"] for each in values["notify"]["selected_options"]] == ["leads"]
    assert values["how"]["selected_option"]["value"] == "apart"
    assert [each["value"] for each in values["several"]["selected_options"]] == ["one", "three"]
    assert values["for"]["selected_user"] == "U02NOAH"
    assert values["watchers"]["selected_users"] == ["U03PRIYA"]
    assert values["start"]["selected_date_time"] == seconds
    assert values["day"]["selected_date"] == "2026-12-31"
    assert values["at"]["selected_time"] is None


def test_a_select_of_several_is_used_by_keyboard(desk: Page) -> None:
    """Enter chooses and goes on, Backspace takes the last one back, and no more are taken than may be chosen."""
    desk.act_as("Maya")
    desk.converse("general")
    desk.say("/ask ")
    desk.form()
    control = desk.field("Entitlements")
    control.send_keys(Keys.ARROW_DOWN)
    desk.until(lambda: desk.all("#modal .option.is-active"), "the list is open")
    for _ in range(3):
        control.send_keys(Keys.ENTER)
        control.send_keys(Keys.ARROW_DOWN)
    assert chips(desk, "Entitlements") == ["One", "Two"]
    assert "No more than 2" in desk.one("#modal .listbox:popover-open").text
    desk.look("elements-open-list")
    control.send_keys(Keys.BACK_SPACE)
    assert chips(desk, "Entitlements") == ["One"]
    desk.press("Remove One", "#modal")
    assert chips(desk, "Entitlements") == []
    assert desk.focused == control


def test_half_a_moment_is_refused_on_its_field(desk: Page) -> None:
    """A date without a time is said to be half of what is needed."""
    desk.act_as("Maya")
    desk.converse("general")
    desk.say("/ask ")
    desk.form()
    tick(desk, "How", "Apart")
    enter(desk, "Start", "date", "2026-12-24")
    desk.submit()
    desk.until(lambda: "a date and a time" in labelled(desk, "Start").text, "Start says what is missing")


def test_a_thread_opens_under_its_message(desk: Page, workspace: Workspace) -> None:
    """Answers are a line under their message until they are shown; there one can answer too."""
    client = client_of(workspace)
    card = client.chat_postMessage(channel=APPROVALS, text="*Maya Lindqvist* asks for `production-admin`")["ts"]
    client.chat_postMessage(
        channel=APPROVALS, thread_ts=card, text="<@U03PRIYA> asks: which ticket? <!subteam^S01SRELEADS>"
    )
    Actor(workspace, "U04TOMAS", "approvals").reply({"channel": APPROVALS, "ts": card}, "I know of INC-42.")
    client.chat_postMessage(channel=APPROVALS, text="Noah Okafor asks for something else")
    desk.until(lambda: "for them" in desk.one('.rail-person[aria-label*="Priya"]').accessible_name, "Priya is pinged")
    desk.act_as("Priya")
    desk.converse("approvals")
    assert "which ticket?" not in desk.one("#messages").text
    desk.look("thread-closed")
    toggle = desk.one("#messages .thread-toggle")
    assert "2 replies" in toggle.text
    toggle.click()
    desk.until(lambda: "which ticket?" in desk.one("#messages").text, "the thread is open")
    assert [mention.text for mention in desk.all(".is-reply .mention-me")] == ["@Priya Raman", "@sre-leads"]
    desk.one("#messages .thread-reply input").send_keys("INC-43 it is.", Keys.ENTER)
    desk.until(lambda: len(desk.all("#messages .is-reply")) == 3, "the answer is there")
    desk.look("thread-open")
    assert "3 replies" in desk.one("#messages .thread-toggle").text
    desk.one("#messages .thread-toggle").click()
    desk.until(lambda: not desk.all("#messages .is-reply"), "the thread is closed")


def test_who_is_on_call_is_picked_in_the_panel(page: Page) -> None:
    """A schedule is handed over by picking a person, and goes on saying who it is."""
    picker = "#panel .oncall select"
    page.until(lambda: page.all(picker), "there are schedules")
    for name in ("Noah Okafor", "Tomas Novak"):
        Select(page.one(picker)).select_by_visible_text(name)
        page.until(
            lambda: page.script(f"return document.querySelector('{picker}').selectedOptions[0].text") == name,  # noqa: B023 - called at once
            f"{name} is on call",
        )
    page.look("on-call")


def test_a_scene_is_set_by_a_button(page: Page) -> None:
    """What there is to try is listed; a button becomes the person and types the line, which one sends oneself."""
    page.one(".fold:not(.break) summary").click()
    page.look("scenes")
    assert nameless(page, "#panel") == []
    page.press("Type it as Noah", "#panel .scene[aria-label='An emergency']")
    page.until(lambda: page.acting_as.startswith("Noah"), "one acts as Noah")
    typed = page.until(lambda: page.one("#composer").get_property("value"), "the line is typed")
    assert str(typed).startswith("/request-aws emergency production-network")
