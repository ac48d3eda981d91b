"""The guided minute in a real browser: asked, approved as another person, held, ended."""

from selenium.webdriver.common.keys import Keys

from tests.browser.page import Page

ENTITLEMENT = "production-admin"
MAYA, PRIYA = "Maya Lindqvist", "Priya Raman"
APPROVALS, BOT = "approvals", "accessbot"
A_MINUTE = 60.0


def ask_by_form(page: Page, reason: str) -> None:
    """Ask for access as Maya through the form."""
    page.act_as("Maya")
    page.converse(BOT)
    page.say("/request-aws")
    page.form()
    page.choose("Access", ENTITLEMENT)
    page.fill("Duration", "2m")
    page.fill("Reason", reason)
    page.submit()
    page.form_closed()


def approve(page: Page, reason: str) -> str:
    """Approve as Priya; return the selector of the card."""
    page.act_as("Priya")
    page.converse(APPROVALS)
    card = page.card(reason)
    page.press("Approve", card)
    return card


def confirm_if_asked(page: Page) -> None:
    """Say yes to the question a button may put first."""
    if page.all("dialog[role=alertdialog]"):
        page.one("dialog[role=alertdialog] .dialog-foot button:last-child").click()


def end(page: Page, reason: str) -> None:
    """Revoke as Priya on the card of a request, unless its time was up in the meantime; wait until it is gone."""
    page.act_as("Priya")
    page.converse(APPROVALS)

    def gone() -> bool:
        if page.holds_nothing(MAYA, ENTITLEMENT):
            return True
        for button in page.all(f"{page.card(reason)} button"):
            if button.accessible_name == "Revoke" and button.get_attribute("aria-busy") != "true":
                button.click()
                confirm_if_asked(page)
        return False

    page.until(gone, "Maya is in neither group", A_MINUTE)


def test_a_request_by_form_is_held_on_both_sides_until_its_holder_ends_it(page: Page) -> None:
    """Asked in the form and approved by Priya, Maya is in both groups and told so; she ends it and is in neither."""
    reason = "INC-101: the queue is stuck"
    page.look("1-start")
    ask_by_form(page, reason)
    page.look("2-asked")
    approve(page, reason)
    page.until(lambda: page.holds(MAYA, ENTITLEMENT), "Maya is in both groups")
    page.look("3-approved")
    page.act_as("Maya")
    page.converse(BOT)
    page.press("End access", "#messages")
    confirm_if_asked(page)
    page.until(lambda: page.holds_nothing(MAYA, ENTITLEMENT), "Maya is in neither group")
    page.look("4-ended")


def test_access_ends_by_itself_when_its_time_is_up(page: Page) -> None:
    """A request typed in one line for 12 seconds is counted down in the panel and is gone without anybody's doing."""
    reason = "INC-102: a short look"
    page.act_as("Maya")
    page.converse(BOT)
    page.say(f"/request-aws {ENTITLEMENT} 12s {reason}")
    approve(page, reason)
    page.until(lambda: page.holds(MAYA, ENTITLEMENT), "Maya is in both groups")
    left = page.until(lambda: [one.text for one in page.all(".member .left")], "the time left is shown")
    page.look("5-counting-down")
    page.until(lambda: page.holds_nothing(MAYA, ENTITLEMENT), "Maya is in neither group", A_MINUTE)
    assert any(text.startswith("0:") for text in left)


def test_the_coach_leads_through_the_minute_and_changes_person_itself(page: Page) -> None:
    """After the request the coach offers to become an approver, does it, and moves on once access was given."""
    reason = "INC-103: led by the coach"
    ask_by_form(page, reason)
    page.until(
        lambda: page.all(".coach-do") and page.one(".coach-do").is_displayed(), "the coach offers to change person"
    )
    step = page.one(".coach-dots").get_attribute("aria-label")
    page.one(".coach-do").click()
    page.until(lambda: page.acting_as != MAYA, "somebody else is at the keyboard")
    page.look("6-coach-approver")
    page.press("Approve", page.card(reason))
    page.until(lambda: page.holds(MAYA, ENTITLEMENT), "Maya is in both groups")
    page.until(lambda: page.one(".coach-dots").get_attribute("aria-label") != step, "the coach has moved on")
    end(page, reason)


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the control of this name has the keyboard."""
    for _ in range(12):
        page.keys(Keys.TAB)
        if page.focused.accessible_name == name:
            return
    raise AssertionError(f"Tab does not reach {name}")


def test_the_whole_request_works_by_keyboard_alone(page: Page) -> None:
    """Ctrl with a digit changes person, Tab, arrows and Enter fill the form and press Approve."""
    reason = "INC-104: no mouse"
    page.chord(Keys.CONTROL, "1")
    page.until(lambda: page.acting_as == MAYA and page.focused.get_attribute("id") == "composer", "Maya writes")
    page.keys("/req")
    page.until(lambda: page.one("#composer").get_attribute("aria-activedescendant"), "commands are offered")
    page.keys(Keys.TAB)
    page.keys(Keys.ENTER)
    page.form()
    assert page.focused.accessible_name == "Access"
    page.keys(ENTITLEMENT)
    page.until(lambda: page.one("#modal .listbox .option.is-active"), "an option is active")
    page.keys(Keys.ENTER)
    page.settle()
    tab_to(page, "Duration")
    page.chord(Keys.CONTROL, "a")
    page.keys("2m")
    tab_to(page, "Reason")
    page.keys(reason)
    page.chord(Keys.CONTROL, Keys.ENTER)
    page.form_closed()
    page.chord(Keys.CONTROL, "3")
    page.until(lambda: page.acting_as == PRIYA, "Priya is at the keyboard")
    page.converse(APPROVALS)
    page.script(f"document.querySelector('{page.card(reason)}').focus()")
    tab_to(page, "Approve")
    page.keys(Keys.SPACE)
    page.until(lambda: page.holds(MAYA, ENTITLEMENT), "Maya is in both groups")
    end(page, reason)


def test_a_replayed_click_changes_nothing(page: Page) -> None:
    """Delivering the approval again, byte for byte, leaves one membership on each side."""
    reason = "INC-105: once is enough"
    ask_by_form(page, reason)
    approve(page, reason)
    page.until(lambda: page.holds(MAYA, ENTITLEMENT), "Maya is in both groups")
    page.one(".break summary").click()
    page.press("Deliver the last click again (replay)")
    page.until(lambda: page.all(".toast"), "the page says that it was delivered")
    page.look("7-replayed")
    assert page.holders(ENTITLEMENT, "google").count(MAYA) == 1
    assert page.holders(ENTITLEMENT, "identity_center").count(MAYA) == 1
    end(page, reason)
