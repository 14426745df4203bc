"""The tree of errors. Every ``Refused`` carries its sentence and what to do next.

AssayError
├── Refused            asked for something we will not do; shown to the person as written
│   ├── NotFound       no such thing; names the nearest
│   ├── Invalid        the input is wrong; names row, field, value's kind
│   │   └── OtherColumns   a file calls its columns otherwise (columns, as it names them)
│   ├── NotReady       not in a state that allows it; names what is missing
│   ├── NotAllowed     this person may not; names the role and who has it
│   ├── Conflict       somebody was first; names who and when
│   │   └── Repeated   the same delivery again; it took effect the first time
│   └── OverBudget     would cost more than allowed; names both sums
├── Upstream           a service let us down; the step is tried again
│   ├── RateLimited    (retry_after, seconds)
│   ├── Unavailable
│   ├── BadReply
│   └── KeyRejected    trying again is useless until a person mends the key
└── WorkFailed         the work itself broke; the step stops and says why
    ├── OutOfMemory
    ├── Diverged
    ├── SealBroken
    ├── FlowDrift
    └── Cancelled      a person ended the run; nothing is wrong
"""

from __future__ import annotations


class AssayError(Exception):
    """Root of every error we raise on purpose."""


class Refused(AssayError):
    """Asked for something we will not do. ``message`` says what and why, ``hint`` what to do next.

    Both may name persons as ``<@ID>``; only ids in ``people`` become live mentions, so that quoted text never pings.
    """

    def __init__(self, message: str, hint: str = "", *, people: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.people = people

    def __str__(self) -> str:
        """Both sentences, as a person reads them on a command line."""
        return f"{self.message} {self.hint}".strip()


class NotFound(Refused):
    """No such thing; the message names the nearest."""


class Invalid(Refused):
    """The input is wrong; the message names row, field and the value's kind."""


class OtherColumns(Invalid):
    """A file of labels calls its columns otherwise; ``columns`` are its own names, none where they may be no names."""

    def __init__(self, message: str, hint: str, columns: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.columns = columns


class NotReady(Refused):
    """Not in a state that allows it; the message names what is missing."""


class NotAllowed(Refused):
    """This person may not; the message names the role and who has it."""


class Conflict(Refused):
    """Somebody was first; the message names who and when."""


class Repeated(Conflict):
    """The same delivery again: it took effect the first time, so there is nothing to do and nothing to say."""


class OverBudget(Refused):
    """Would cost more than allowed; the message names both sums."""


class Upstream(AssayError):
    """A service let us down; the step is tried again."""


class RateLimited(Upstream):
    """The service asked us to wait ``retry_after`` seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(Upstream):
    """No answer, a 5xx, or a broken connection."""


class BadReply(Upstream):
    """An answer that does not have the shape the protocol promises."""


class KeyRejected(Upstream):
    """401, 403, 404 or 400: trying again is useless until a person mends the key, model or address."""


class WorkFailed(AssayError):
    """The work itself broke; the step stops and says why."""


class OutOfMemory(WorkFailed):
    """The device ran out of memory after the allowed number of smaller batches."""


class Diverged(WorkFailed):
    """The loss became NaN or infinite."""


class SealBroken(WorkFailed):
    """A sealed row, or a near copy of one, reached a place it must never reach."""


class FlowDrift(WorkFailed):
    """A run was begun by another version of a flow; it cannot be continued by this one."""


class Cancelled(WorkFailed):
    """A person ended the run; what was paid or trained stays in the caches."""
