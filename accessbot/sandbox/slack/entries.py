"""What an actor enters into a control, as the Slack client would send it."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any

from accessbot.sandbox.slack.errors import UnknownThing

Json = dict[str, Any]
Given = str | bool | int | date | time | Sequence[str] | None


def several(answer: Given) -> list[str]:
    """Return an answer as the list of texts it stands for; an empty one stands for none."""
    if isinstance(answer, str):
        return [answer] if answer else []
    if answer is None:
        return []
    if isinstance(answer, bool | int | date | time):
        raise UnknownThing(f"{answer} is no choice; say its text")
    return [text for text in answer if text]


def picks(answer: Given, offers: Callable[[str], list[Json]], label: str) -> list[Json]:
    """Return the options an answer chooses; True is the one there is, False none.

    Raises:
        UnknownThing: an option is not offered, or True is said to several.
    """
    if isinstance(answer, bool):
        offered = offers("") if answer else []
        if len(offered) > 1:
            raise UnknownThing(f"{label} has several choices; say which")
        return offered
    return [pick(offers(text), text, label) for text in several(answer)]


def pick(offered: list[Json], wanted: str, label: str) -> Json:
    """Return the option with this value or text, or the only one whose text has it in it.

    Raises:
        UnknownThing: there is none, or several.
    """
    exact = [option for option in offered if wanted in (option["value"], option["text"]["text"])]
    close = exact or [option for option in offered if wanted.lower() in option["text"]["text"].lower()]
    if len(exact) >= 1 or len(close) == 1:
        return close[0]
    texts = ", ".join(option["text"]["text"] for option in offered[:20]) or "nothing"
    raise UnknownThing(f"{label} offers no {wanted}, but {texts}")


def person_id(people: list[Json], wanted: str) -> str:
    """Return the id of the person of this id, name or address.

    Raises:
        UnknownThing: there is none.
    """
    for person in people:
        known = (person["id"], person["name"], person["real_name"], person["email"])
        if wanted.casefold() in {str(each).casefold() for each in known}:
            return str(person["id"])
    raise UnknownThing(f"there is nobody called {wanted} here")


def moment(field: str, answer: Given) -> object:
    """Return a date, a time of day or a moment as Slack's client sends it in this field; others as they are."""
    if field == "selected_date_time" and isinstance(answer, datetime):
        if answer.tzinfo is None:
            raise UnknownThing(f"{answer} could be anywhere; give it a time zone")
        return int(answer.timestamp())
    if field == "selected_date" and isinstance(answer, date):
        return answer.strftime("%Y-%m-%d")
    if field == "selected_time" and isinstance(answer, time):
        return answer.strftime("%H:%M")
    return answer
