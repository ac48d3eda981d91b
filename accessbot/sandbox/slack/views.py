"""Open forms: one stack per person, and the home tabs."""

from dataclasses import dataclass, field
from typing import Any

from accessbot.sandbox.slack.controls import Values, initial_values
from accessbot.sandbox.slack.errors import SlackError
from accessbot.sandbox.slack.pulse import Pulse, new_id

Json = dict[str, Any]

MAX_STACK = 3


@dataclass
class View:
    """One form as one person sees it."""

    id: str
    user: str
    content: Json
    root_id: str
    previous_id: str | None
    hash: str
    values: Values
    errors: dict[str, str] = field(default_factory=dict)
    busy: bool = False
    offered: dict[tuple[str, str], list[Json]] = field(default_factory=dict)

    def to_slack(self, team_id: str, app_id: str, bot_id: str) -> Json:
        """Return the view object of payloads and of `views.*` answers."""
        content = self.content
        return {
            "id": self.id,
            "team_id": team_id,
            "type": content["type"],
            "blocks": content["blocks"],
            "private_metadata": content.get("private_metadata") or "",
            "callback_id": content.get("callback_id") or "",
            "state": {"values": self.values},
            "hash": self.hash,
            "title": content.get("title"),
            "clear_on_close": bool(content.get("clear_on_close")),
            "notify_on_close": bool(content.get("notify_on_close")),
            "close": content.get("close"),
            "submit": content.get("submit"),
            "previous_view_id": self.previous_id,
            "root_view_id": self.root_id,
            "app_id": app_id,
            "external_id": content.get("external_id") or "",
            "app_installed_team_id": team_id,
            "bot_id": bot_id,
        }


class Views:
    """All open views of a workspace."""

    def __init__(self, pulse: Pulse) -> None:
        """Start with no form open."""
        self._pulse = pulse
        self._stacks: dict[str, list[View]] = {}
        self._homes: dict[str, View] = {}

    def stack(self, user: str) -> list[View]:
        """Return a person's open views, the last on top."""
        with self._pulse.lock:
            return list(self._stacks.get(user, ()))

    def home(self, user: str) -> View | None:
        """Return a person's home tab of the app, if the app has published one."""
        with self._pulse.lock:
            return self._homes.get(user)

    def get(self, view_id: str) -> View | None:
        """Return an open view or home tab by its id."""
        with self._pulse.lock:
            return next((view for view in self._all() if view.id == view_id), None)

    def by_external_id(self, external_id: str) -> View | None:
        """Return an open view by the id the app gave it."""
        with self._pulse.lock:
            return next((view for view in self._all() if view.content.get("external_id") == external_id), None)

    def open(self, user: str, content: Json) -> View:
        """Open a form for a person, in the place of whatever was open.

        Raises:
            SlackError: `duplicate_external_id`.
        """
        with self._pulse.lock:
            self._refuse_duplicate(content)
            view = self._new(user, content, None)
            self._stacks[user] = [view]
            self._pulse.touch()
            return view

    def push(self, user: str, content: Json) -> View:
        """Put a form on top of a person's stack.

        Raises:
            SlackError: `not_found` without a form below, `push_limit_reached` above three, `duplicate_external_id`.
        """
        with self._pulse.lock:
            stack = self._stacks.get(user)
            if not stack:
                raise SlackError("not_found")
            if len(stack) >= MAX_STACK:
                raise SlackError("push_limit_reached")
            self._refuse_duplicate(content)
            view = self._new(user, content, stack[-1])
            stack.append(view)
            self._pulse.touch()
            return view

    def update(self, view: View, content: Json, expected_hash: str | None = None) -> View:
        """Replace what a view shows; what was entered stays where the same control is still there.

        Raises:
            SlackError: `hash_conflict`, `not_found` (closed meanwhile), `duplicate_external_id`.
        """
        with self._pulse.lock:
            if self.get(view.id) is not view:
                raise SlackError("not_found")
            if expected_hash and expected_hash != view.hash:
                raise SlackError("hash_conflict")
            self._refuse_duplicate(content, except_for=view)
            view.content = content
            view.values = initial_values(content["blocks"], view.values)
            view.errors = {}
            view.hash = self._hash()
            self._pulse.touch()
            return view

    def publish(self, user: str, content: Json, expected_hash: str | None = None) -> View:
        """Set a person's home tab.

        Raises:
            SlackError: `hash_conflict`, `duplicate_external_id`.
        """
        with self._pulse.lock:
            home = self._homes.get(user)
            if home is not None:
                return self.update(home, content, expected_hash)
            self._refuse_duplicate(content)
            self._homes[user] = self._new(user, content, None)
            self._pulse.touch()
            return self._homes[user]

    def close(self, view: View, *, everything: bool = False) -> list[View]:
        """Close a view and those above it, or the whole stack; return what was closed, top first."""
        with self._pulse.lock:
            stack = self._stacks.get(view.user, [])
            if view not in stack:
                return []
            keep = 0 if everything else stack.index(view)
            closed = stack[keep:][::-1]
            del stack[keep:]
            self._pulse.touch()
            return closed

    def _all(self) -> list[View]:
        return [*(view for stack in self._stacks.values() for view in stack), *self._homes.values()]

    def _refuse_duplicate(self, content: Json, except_for: View | None = None) -> None:
        external_id = content.get("external_id")
        holder = self.by_external_id(external_id) if external_id else None
        if holder is not None and holder is not except_for:
            raise SlackError("duplicate_external_id")

    def _new(self, user: str, content: Json, below: View | None) -> View:
        view_id = new_id("V")
        return View(
            id=view_id,
            user=user,
            content=content,
            root_id=below.root_id if below else view_id,
            previous_id=below.id if below else None,
            hash=self._hash(),
            values=initial_values(content["blocks"]),
        )

    def _hash(self) -> str:
        return f"{int(self._pulse.now())}.{new_id('h')}"
