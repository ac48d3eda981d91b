"""The web door: settings, log, wiring, Bolt, listeners, server. Run it as `python app.py`."""

import sys

from accessbot import server, wiring
from accessbot.domain.errors import AccessbotError
from accessbot.slack.app import build_app, register


def main() -> int:
    """Serve until told to stop; what keeps it from starting is said in one line each."""
    try:
        process = wiring.web_process()
        app = build_app(**wiring.bolt_arguments(process.settings))
        register(app, process.context, in_time=wiring.in_time)
        server.serve(process, app)
    except AccessbotError as error:
        sys.stderr.write("".join(f"{line}\n" for line in error.lines))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
