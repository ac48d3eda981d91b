"""The web door: settings, log, wiring, Bolt, listeners, server. Run it as `python app.py`."""

import sys

from accessbot import server, wiring
from accessbot.domain.errors import AccessbotError
from accessbot.settings import SettingsInvalid
from accessbot.slack.app import build_app, register


def main() -> int:
    """Serve until told to stop; what keeps it from starting is said in one line each."""
    try:
        process = wiring.web_process()
    except SettingsInvalid as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 1
    except AccessbotError as error:
        print(error.sentence.replace("; ", "\n"), file=sys.stderr)
        return 1
    app = build_app(**wiring.bolt_arguments(process.settings))
    register(app, process.context)
    server.serve(process, app)
    return 0


if __name__ == "__main__":
    sys.exit(main())
