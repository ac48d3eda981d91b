"""An external sync job as many companies run it: it makes AWS groups equal to Google groups, every so often.

It reads Google first and AWS later, so whatever happens between the two reads is undone. accessbot has to live with
that, and this is how it is tried out.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from accessbot.sandbox.aws_store import AwsError
from accessbot.sandbox.google_model import DirectoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from accessbot.sandbox.aws import Aws
    from accessbot.sandbox.google_state import Directory

_BY = "ssosync"


class SyncJob:
    """Copies the members of Google groups to AWS groups.

    `groups` maps a Google group's email to an AWS group's display name. Members without a user in AWS are left out; an
    AWS group that is missing is made.
    """

    def __init__(self, directory: Directory, aws: Aws, groups: Mapping[str, str]) -> None:
        self._directory = directory
        self._aws = aws
        self._groups = dict(groups)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def read_google(self) -> dict[str, set[str]]:
        """AWS group -> addresses of the people in the Google group, nested groups flattened, in lower case."""
        return {
            aws_group: {
                member.email.casefold()
                for member in self._directory.list_members(google_group, derived=True)
                if member.type == "USER"
            }
            for google_group, aws_group in self._groups.items()
        }

    def write_aws(self, wanted: Mapping[str, set[str]]) -> None:
        """Make each AWS group equal to what was read, whatever has happened since."""
        present_groups = self._aws.memberships()
        known = {user.user_name.casefold(): user.user_name for user in self._aws.store.users()}
        for group, people in wanted.items():
            if group not in present_groups:
                self._aws.add_group(group)  # as such jobs do: under a new GroupId
            present = {name.casefold() for name in present_groups.get(group, ())}
            for name in sorted((people & known.keys()) - present):
                with suppress(AwsError):  # somebody else added the member in this moment
                    self._aws.add_member(group, known[name], by=_BY)
            for name in sorted(present - people):
                with suppress(AwsError):  # or removed it
                    self._aws.remove_member(group, known[name], by=_BY)

    def run(self, between: Callable[[], object] = lambda: None) -> None:
        """One run; `between` is called after Google was read and before AWS is."""
        wanted = self.read_google()
        between()
        self.write_aws(wanted)

    def start(self, every: float) -> Self:
        """Run in a thread every so many seconds, first after one period, until `stop`."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._loop, args=(every,), name="sync-job", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """Stop after the run that is under way, if any."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _loop(self, every: float) -> None:
        while not self._stop.wait(every):
            with suppress(DirectoryError):  # a Google group is gone: no change, the next run tries again
                self.run()
