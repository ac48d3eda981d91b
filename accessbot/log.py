"""Logging: structlog and the standard library's loggers in one stream, with secrets redacted.

On a terminal lines are made for reading, elsewhere each is one JSON object; times are UTC. Redaction is the last step
before a line is written, tracebacks included, so it does not matter who logs what.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, TextIO

import structlog

REDACTED = "[redacted]"

_KEY = re.compile(
    r"token|secret|passw|authorization|private_?key|credential|cookie|signature|response_?url|answer_to|api_?key"
    r"|access_?key",
    re.IGNORECASE,
)

_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # Private keys, also as JSON strings and when cut off before their end.
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), REDACTED),
    # Slack: bot, user, app-level and rotated tokens, and the addresses that need no token.
    (re.compile(r"\bx(?:ox[a-z]|app)[.-][A-Za-z0-9.-]+"), REDACTED),
    (re.compile(r"https://hooks\.slack(?:-gov)?\.com/[^\s\"'<>\\]+"), REDACTED),
    # A password, or a name and password, in an address.
    (re.compile(r"(?<=://)[^\s/@\"'<>]*@(?=[^\s/@]+)"), f"{REDACTED}@"),
    # AWS access key ids; Google access and refresh tokens; signed web tokens.
    (re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}"), REDACTED),
    (re.compile(r"\bya29\.[\w.-]+"), REDACTED),
    (re.compile(r"\b1//0[\w-]{10,}"), REDACTED),
    (re.compile(r"\beyJ[\w-]{1,4000}+\.[\w-]++\.[\w-]*"), REDACTED),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    # name=value, "name": "value", and the same inside a JSON string. Nothing stands before the telling word and what
    # follows it is bounded, so that no text makes this slow.
    (
        re.compile(
            r"((?:token|secret|passw(?:or)?d|authorization|private_?key|credential|signature|response_?url|answer_to"
            r"|api_?key|access_?key)[\w-]{0,80}+(?:\\{0,8}[\"'])?\s{0,8}[=:]\s{0,8})"
            r"((?:\\*\")(?:[^\"\\]|\\.)*(?:\\*\")?|(?:\\*')(?:[^'\\]|\\.)*(?:\\*')?|[^\s\"',;&})\]]+)",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
)
_QUIET = (
    "boto3",
    "botocore",
    "google",
    "googleapiclient",
    "gunicorn",
    "httplib2",
    "rq",
    "rq.worker",  # has a level of its own from its import on
    "s3transfer",
    "slack_bolt",
    "slack_sdk",
    "urllib3",
    "werkzeug",
)
_DEEPEST = 8
_SHORTEST_KNOWN = 6  # hiding a shorter text everywhere would garble every line
_REFERENCE_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
_REFERENCE_LENGTH = 10


class _Known:
    """The process's own secrets, hidden wherever they appear, whatever their shape."""

    def __init__(self) -> None:
        self.values: tuple[str, ...] = ()

    def add(self, values: Iterable[str]) -> None:
        """Hide these too; the longest is looked for first."""
        self.values = tuple(
            sorted({*self.values, *(v for v in values if len(v) >= _SHORTEST_KNOWN)}, key=len, reverse=True)
        )


_known = _Known()


def redact(text: str) -> str:
    """Give a text with everything that looks like a secret, or is one of ours, replaced by `[redacted]`."""
    for value in _known.values:
        text = text.replace(value, REDACTED)
    for pattern, put in _SHAPES:
        text = pattern.sub(put, text)
    return text


def _clean(value: object, depth: int = 0) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bytes | bytearray):
        return redact(bytes(value).decode("utf-8", "backslashreplace"))
    if depth < _DEEPEST:
        if isinstance(value, Mapping):
            return {redact(str(k)): _field(str(k), v, depth + 1) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [_clean(item, depth + 1) for item in value]
    try:
        text = str(value) if isinstance(value, BaseException) else repr(value)
    except Exception as error:  # noqa: BLE001 - a value that cannot show itself must not lose the line it is logged in
        text = f"<{type(value).__name__} whose text failed: {type(error).__name__}>"
    return redact(text)


def _field(key: str, value: object, depth: int = 0) -> object:
    return REDACTED if _KEY.search(key) and value not in (None, "") else _clean(value, depth)


def redaction(_logger: object, _method: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Redact a whole log event: values under telling names, and telling values under any name."""
    return {redact(str(key)): _field(str(key), value) for key, value in event.items()}


def configure(level: str = "INFO", *, hide: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Set up all logging of this process, once, on standard error.

    `level` is `DEBUG`, `INFO`, `WARNING` or `ERROR`; libraries speak from WARNING on, whatever the level. `hide` are
    the process's own secret values. Uncaught exceptions, of threads too, become log lines.
    """
    _known.add(hide)
    out = stream or sys.stderr
    pretty = out.isatty()
    stamped: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=True) if pretty else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*stamped, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Made a text first: a renderer's own traceback would pass by the redaction.
                structlog.processors.format_exc_info,
                redaction,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if getattr(old, "_accessbot", False):
            root.removeHandler(old)
    handler._accessbot = True  # type: ignore[attr-defined]  # noqa: SLF001 - marks our own handler, to replace it later
    root.addHandler(handler)
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *stamped,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Give the logger of a module; call it with `__name__`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def bound(**fields: object) -> AbstractContextManager[None]:
    """Add fields to every line of the block, whoever logs it.

    Fields belong to the thread that binds them: bind inside a listener or a job, not in what calls it elsewhere.
    """
    return structlog.contextvars.bound_contextvars(**fields)


def reference() -> str:
    """Make a short, unguessable reference to quote and to search for: 49 bits, without look-alikes."""
    return "".join(secrets.choice(_REFERENCE_ALPHABET) for _ in range(_REFERENCE_LENGTH))


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, Exception):  # Ctrl-C and exits are no accidents
        sys.__excepthook__(kind, error, trace)
        return
    get("accessbot").critical("process.uncaught", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and isinstance(args.exc_value, Exception):
        name = args.thread.name if args.thread else ""
        info = (args.exc_type, args.exc_value, args.exc_traceback)
        get("accessbot").critical("thread.uncaught", thread_name=name, exc_info=info)
