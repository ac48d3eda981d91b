"""The sandbox's page as a person uses it: by labels, names and keys."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

Found = TypeVar("Found")

GOOGLE, IDENTITY_CENTER = "google", "identity_center"
PATIENCE = 20.0  # seconds; what a busy machine may need for what takes an instant
_TICK = 0.05


class Page:
    """One browser window on the sandbox."""

    def __init__(self, driver: Chrome, url: str, screens: Path) -> None:
        """Look at `url` through `driver`; `look` saves pictures in `screens`."""
        self.driver = driver
        self._url = url
        self._screens = screens

    def open(self) -> None:
        """Load the page and wait for the workspace."""
        self.driver.get(self._url)
        self.until(lambda: self.one("#shell").is_displayed(), "the workspace is shown")

    def until(self, ready: Callable[[], Found | None], what: str, patience: float = PATIENCE) -> Found:
        """Return what `ready` gives as soon as it is true; an element that is not there yet counts as not ready."""
        end = time.monotonic() + patience
        while True:
            try:
                found = ready()
            except (NoSuchElementException, StaleElementReferenceException):
                found = None
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"within {patience:g} s it did not happen that {what}")
            time.sleep(_TICK)

    def one(self, selector: str) -> WebElement:
        """Return the element of a CSS selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """Return the elements of a CSS selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def script(self, code: str) -> Any:  # noqa: ANN401 - whatever the script returns
        """Run a script in the page and return its value."""
        return self.driver.execute_script(code)

    @property
    def focused(self) -> WebElement:
        """The element that has the keyboard."""
        return self.driver.switch_to.active_element

    def keys(self, *keys: str) -> None:
        """Press keys wherever the keyboard is."""
        self.focused.send_keys(*keys)

    def chord(self, *keys: str) -> None:
        """Press keys together."""
        self.focused.send_keys("".join(keys))

    def look(self, name: str) -> None:
        """Save a picture of the window."""
        self.driver.save_screenshot(str(self._screens / f"{name}.png"))

    @property
    def acting_as(self) -> str:
        """The name of the person one acts as."""
        return self.one(".whoami b").text

    def act_as(self, name: str) -> None:
        """Become a person through the rail."""
        self.one(f'.rail-person[aria-label^="Act as {name}"]').click()
        self.until(lambda: self.acting_as.startswith(name), f"one acts as {name}")

    def converse(self, name: str) -> None:
        """Open a conversation of the sidebar."""

        def click() -> bool:
            self.one(f'.side-item[aria-label*="{name}"]').click()
            return True

        self.until(click, f"{name} is in the sidebar")
        self.until(lambda: self.one(".head h1").text == name, f"{name} is open")

    def say(self, text: str) -> None:
        """Type into the composer and send."""
        self.one("#composer").send_keys(text, Keys.ENTER)

    def form(self) -> WebElement:
        """Wait for the app's form."""
        return self.until(lambda: next(iter(self.all("#modal[open]")), None), "a form is open")

    def form_closed(self) -> None:
        """Wait until no form is open."""
        self.until(lambda: not self.all("#modal[open]"), "the form is closed")

    def field(self, label: str) -> WebElement:
        """Return the control of the open form that a label names, once it is there."""

        def find() -> WebElement | None:
            named = [one.get_attribute("for") for one in self.all("#modal label.label") if one.text == label]
            return self.one(f"#{named[0]}") if named else None

        return self.until(find, f"the form has an input labelled {label}")

    def choose(self, label: str, words: str) -> None:
        """Choose the option of a select of the form that contains `words`."""
        control = self.field(label)
        control.click()
        control.send_keys(Keys.CONTROL, "a")
        control.send_keys(words)

        def pick() -> bool:
            options = [option for option in self.all("#modal .listbox .option") if words in option.text]
            if options:
                options[0].click()
            return bool(options)

        self.until(pick, f"{label} offers {words}")
        self.settle()

    def fill(self, label: str, words: str) -> None:
        """Put `words` into a text input of the form, in place of what is there."""
        self.field(label).send_keys(Keys.CONTROL, "a")
        self.field(label).send_keys(words)

    def settle(self) -> None:
        """Wait until the app has answered a choice: it may have changed the form."""
        self.until(lambda: not self.all("#modal .dialog-body [aria-busy=true]"), "the form is settled")

    def button(self, name: str, within: str = "body") -> WebElement:
        """Return the last visible button of an accessible name.

        Raises:
            NoSuchElementException: there is none.
        """
        for button in reversed(self.all(f"{within} button")):
            if button.is_displayed() and button.accessible_name == name:
                return button
        raise NoSuchElementException(f"no button {name}")

    def press(self, name: str, within: str = "body") -> None:
        """Press a button by its accessible name, once it is there."""

        def click() -> bool:
            self.button(name, within).click()
            return True

        self.until(click, f"there is a button {name}")

    def card(self, words: str) -> str:
        """Return the selector of the last message that contains `words`, once it is there."""

        def find() -> str | None:
            found = [message for message in self.all("#messages .message") if words in message.text]
            return found[-1].get_attribute("data-ts") if found else None

        return f'#messages .message[data-ts="{self.until(find, f"a message says {words}")}"]'

    def submit(self) -> None:
        """Send the open form."""
        self.one("#modal [type=submit]").click()

    def error(self, label: str) -> str:
        """Return the sentence at a field of the form."""
        control = self.field(label)
        ids = (control.get_attribute("aria-describedby") or "").split()
        return " ".join(self.one(f"#{one}").text for one in ids if "field-error" in self._classes(one))

    def _classes(self, element_id: str) -> str:
        return self.one(f"#{element_id}").get_attribute("class") or ""

    def holders(self, entitlement: str, side: str) -> list[str]:
        """Return who the panel shows in a group; people fading out are gone already."""
        selector = f'.group[aria-label="{entitlement}"] [data-side="{side}"] .member:not(.is-gone) .member-name'
        return [name.text for name in self.all(selector)]

    def holds(self, name: str, entitlement: str) -> bool:
        """Tell whether a person is in the Google group and in the Identity Center group."""
        return all(name in self.holders(entitlement, side) for side in (GOOGLE, IDENTITY_CENTER))

    def holds_nothing(self, name: str, entitlement: str) -> bool:
        """Tell whether a person is in neither group."""
        return not any(name in self.holders(entitlement, side) for side in (GOOGLE, IDENTITY_CENTER))
