"""What the page itself promises: refusals on the field, no markup from people, the keyboard, room, switches."""

import json

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import resize
from tests.browser.page import Page


def open_form(page: Page) -> None:
    """Open Maya's request form."""
    page.act_as("Maya")
    page.converse("accessbot")
    page.say("/request-aws")
    page.form()


def test_a_missing_reason_is_refused_on_its_field(page: Page) -> None:
    """The form stays open, the sentence is at Reason, and the keyboard is in the first field that is wrong."""
    open_form(page)
    page.choose("Access", "production-admin")
    page.fill("Duration", "2m")
    page.submit()
    page.until(lambda: page.error("Reason"), "Reason says what is missing")
    page.look("8-field-error")
    assert page.focused.accessible_name == "Reason"
    page.keys(Keys.ESCAPE)
    page.form_closed()


def test_a_reason_that_is_too_long_is_refused_on_its_field(page: Page) -> None:
    """Nothing is cut: 1,001 characters stay in the field, and it says by how many it is too long."""
    open_form(page)
    page.choose("Access", "production-admin")
    page.script("document.querySelector('#modal textarea').value = 'x'.repeat(1000)")
    page.fill("Duration", "2m")
    page.field("Reason").send_keys("y")
    page.submit()
    sentence = page.until(lambda: page.error("Reason"), "Reason says that it is too long")
    assert "1 character too long" in sentence
    assert len(str(page.field("Reason").get_property("value"))) == 1001
    page.press("Cancel", "#modal")
    page.form_closed()


@pytest.mark.parametrize("typed", ["/request-aws", "/request-aws ", "/req"])
def test_enter_sends_a_whole_command_and_completes_a_part_of_one(page: Page, typed: str) -> None:
    """A command typed to its end opens the form at once; a beginning is completed first, without more."""
    page.act_as("Maya")
    page.converse("accessbot")
    page.say(typed)
    if typed == "/req":
        assert page.one("#composer").get_property("value") == "/request-aws "
        page.one("#composer").send_keys(Keys.ENTER)
    page.form()
    page.keys(Keys.ESCAPE)
    page.form_closed()


def test_escape_closes_the_form_and_gives_the_keyboard_back(page: Page) -> None:
    """Esc closes an open list first, then the form; then one can go on writing."""
    open_form(page)
    page.keys(Keys.ARROW_DOWN)
    page.until(lambda: page.all("#modal .option"), "the list is open")
    page.keys(Keys.ESCAPE)
    page.until(
        lambda: page.one("#modal [role=combobox]").get_attribute("aria-expanded") == "false", "the list is closed"
    )
    assert page.all("#modal[open]")
    page.keys(Keys.ESCAPE)
    page.form_closed()
    page.until(lambda: page.focused.get_attribute("id") == "composer", "the composer has the keyboard")


def test_tab_stays_inside_an_open_form(page: Page) -> None:
    """However often Tab is pressed, the keyboard does not leave the form."""
    open_form(page)
    for _ in range(15):
        page.keys(Keys.TAB)
        assert page.script("return document.activeElement.closest('#modal') !== null")
    page.keys(Keys.ESCAPE)
    page.form_closed()


def test_what_people_write_is_never_markup(page: Page) -> None:
    """A message full of HTML and script addresses is shown as it was typed, and nothing of it becomes an element."""
    text = "<img src=x onerror=alert(1)> <script>alert(2)</script> <javascript:alert(3)|press> &lt;b&gt;"
    page.act_as("Maya")
    page.converse("general")
    page.say(text)
    card = page.card("onerror=alert(1)")
    assert text in page.one(f"{card} .message-body").text
    assert page.all(f"{card} .message-body :is(img, script, a, b)") == []


def test_a_guest_is_refused_in_private(page: Page) -> None:
    """The answer to a guest's request is marked as visible to the guest only, and nobody else sees it."""
    page.act_as("Gabe")
    page.say("/request-aws production-admin 1h just curious")
    page.until(lambda: "Only visible to you" in page.one("#messages").text, "the guest is answered in private")
    page.look("9-guest")
    page.act_as("Priya")
    page.converse("approvals")
    assert "just curious" not in page.one("#messages").text


def test_people_are_changed_from_the_menu_by_keyboard(page: Page) -> None:
    """The menu at the head of the sidebar opens with Enter, moves with arrows, and says who one became."""
    page.act_as("Maya")
    page.script("document.querySelector('.whoami').focus()")
    page.keys(Keys.ENTER)
    page.until(lambda: page.focused.get_attribute("role") == "menuitemradio", "the menu has the keyboard")
    page.keys(Keys.ARROW_DOWN)
    page.keys(Keys.ENTER)
    page.until(lambda: page.acting_as.startswith("Noah"), "one acts as Noah")


def noah(page: Page) -> str:
    """Return what Noah's button on the rail is called."""
    return page.one('.rail-person[aria-label*="Noah"]').accessible_name


def test_unread_messages_are_counted_per_person(page: Page) -> None:
    """A message in a channel shows as unread at the others until they look."""
    page.act_as("Maya")
    page.converse("general")
    page.say("anybody here?")
    page.until(lambda: "unread" in noah(page), "Noah has it unread")
    page.act_as("Noah")
    page.converse("general")
    page.until(lambda: "unread" not in noah(page), "Noah has read it")


def test_the_shortcuts_are_listed_on_a_question_mark(page: Page) -> None:
    """Outside of a text field, ? opens the list of keys, and Esc closes it."""
    page.script("document.querySelector('#panel-toggle').focus()")
    page.keys("?")
    page.until(lambda: page.all("dialog[open] .shortcuts"), "the keys are listed")
    page.keys(Keys.ESCAPE)
    page.until(lambda: not page.all("dialog[open]"), "the list is closed")


def test_a_fault_is_switched_on_and_off(page: Page) -> None:
    """A switch under "Break things" shows what the sandbox says it is, both ways."""
    page.one(".break summary").click()
    switch = "#panel [role=switch]"
    for wanted in ("true", "false"):
        page.until(lambda: page.all(switch), "there is a switch")
        page.one(switch).click()
        page.until(lambda: page.all(f"{switch}:first-of-type[aria-checked={wanted}]"), f"it is {wanted}")  # noqa: B023 - called at once


def nameless(page: Page, within: str) -> list[str]:
    """Return the controls a screen reader could not name."""
    controls = page.all(", ".join(f"{within} {kind}" for kind in ("button", "input", "textarea")))
    return [str(one.get_attribute("outerHTML")) for one in controls if one.is_displayed() and not one.accessible_name]


def test_every_control_has_a_name(page: Page) -> None:
    """No button and no input, in the page or in the form, is without an accessible name."""
    page.one(".break summary").click()
    assert nameless(page, "#shell") == []
    open_form(page)
    assert nameless(page, "#modal") == []
    page.keys(Keys.ESCAPE)
    page.form_closed()


def test_the_guide_is_dismissed_and_brought_back(page: Page) -> None:
    """The line at the top goes away when it is dismissed, and a button brings it back."""
    page.press("Dismiss the guide")
    page.until(lambda: not page.one("#coach").is_displayed(), "the guide is gone")
    page.press("Show the guide")
    page.until(lambda: page.one("#coach").is_displayed(), "the guide is back")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1440, 900)])
def test_the_page_fits_its_window(page: Page, width: int, height: int, scheme: str) -> None:
    """Nothing scrolls sideways, and the composer and the panel are in view."""
    resize(page.driver, width, height, scheme)
    page.act_as("Priya")
    page.converse("approvals")
    page.look(f"window-{width}-{scheme}")
    wide = page.script(
        "const parts = 'body, main, #scroller, #panel, #coach, #sidebar, #sidebar-head, #sidebar-lists';"
        "return JSON.stringify([...document.querySelectorAll(parts)]"
        ".filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.id || one.tagName))"
    )
    composer, panel = page.one("#composer").rect, page.one("#panel").rect
    assert json.loads(wide) == []
    assert composer["y"] + composer["height"] <= height
    assert panel["x"] + panel["width"] <= width
