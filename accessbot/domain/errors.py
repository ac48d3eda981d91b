"""Every refusal and failure that accessbot knows by name; each carries one sentence a person can act on."""

from __future__ import annotations

from datetime import timedelta


class AccessbotError(Exception):
    """Base of all named errors; `sentence` is shown to people as it stands (plain text, no markup)."""

    def __init__(self, sentence: str) -> None:
        """Keep the sentence that tells the person what to do."""
        super().__init__(sentence)
        self.sentence = sentence

    @property
    def lines(self) -> tuple[str, ...]:
        """Give what an operator reads, a line for each thing to mend."""
        return (self.sentence,)


class Refused(AccessbotError):
    """The rules say no: to this person, now, for the reason in the sentence."""


class FieldRefused(Refused):
    """A form value or a typed argument is not acceptable; `field` is `access`, `duration` or `reason`."""

    def __init__(self, field: str, sentence: str) -> None:
        """Name the field that the sentence belongs to."""
        super().__init__(sentence)
        self.field = field


class CatalogInvalid(AccessbotError):
    """The catalog has mistakes; `mistakes` holds one line per mistake, each with file and line number."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        """Keep every mistake, in file order."""
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes

    @property
    def lines(self) -> tuple[str, ...]:
        """Give a line for each mistake."""
        return self.mistakes


class IllegalTransition(AccessbotError):
    """A state change that the transition table does not hold; a defect, never shown as a success."""


class StoreUnavailable(AccessbotError):
    """The store did not answer in time for a read, or refused before anything was written."""


class Unclear(AccessbotError):
    """A write was sent and no answer came: it may have happened. Play it again under the same operation id."""


class Conflict(AccessbotError):
    """The record changed since it was read: read it afresh and decide again."""


class LeaseBusy(AccessbotError):
    """Another process works on this pair of person and group; take it up again in a moment."""


class LeaseLost(AccessbotError):
    """The lease ran out or passed to another process; no further call may be made under it."""


class Interrupted(BaseException):
    """The work at hand stops here: its process leaves, or its time is over. It is given back and done by another.

    No error of the work itself, so no library that turns errors into its own gets hold of it.
    """


class VendorError(AccessbotError):
    """A call to Google, AWS or Slack did not do what was asked.

    `vendor` is the name people know ("Google", "AWS", "Slack"); `operation` the vendor's name of the call; `code` the
    vendor's own error code where it gave one.
    """

    def __init__(self, vendor: str, operation: str, sentence: str, *, code: str = "") -> None:
        """Keep who answered, to which call, and with which code."""
        super().__init__(sentence)
        self.vendor = vendor
        self.operation = operation
        self.code = code


class Unavailable(VendorError):
    """The vendor is down, slow or out of quota, or a write is not visible yet: retry later, nothing is known."""

    def __init__(
        self, vendor: str, operation: str, sentence: str, *, code: str = "", retry_after: timedelta | None = None
    ) -> None:
        """Keep the pause that the vendor asked for, if it named one."""
        super().__init__(vendor, operation, sentence, code=code)
        self.retry_after = retry_after


class NotAuthorised(VendorError):
    """Our own credentials or privileges do not allow the call: an operator must act; never read as "absent"."""


class Missing(VendorError):
    """A named thing does not exist at the vendor; `what` is `user`, `group`, `permission set` or `account`."""

    def __init__(self, vendor: str, operation: str, sentence: str, *, what: str, code: str = "") -> None:
        """Keep which kind of thing is missing."""
        super().__init__(vendor, operation, sentence, code=code)
        self.what = what


class Ambiguous(VendorError):
    """A look-up that must give exactly one answer gave several: refused, never guessed."""


class Rejected(VendorError):
    """The vendor refused this very call for good (bad request, unsupported member, other domain): do not retry."""
