"""What holds for every test: the machine's own settings are out of reach, and CI generates the same examples again."""

from __future__ import annotations

import os

from hypothesis import settings

FOREIGN_PREFIXES = ("ACCESSBOT_", "AWS_", "GOOGLE_", "SLACK_")
FOREIGN_NAMES = {
    "ALL_PROXY",
    "BOTO_CONFIG",
    "FORCE_COLOR",
    "FTP_PROXY",
    "GITHUB_ACTIONS",
    "HOST",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "PORT",
    "PY_COLORS",
    "REDIS_URL",
}


def keep_the_machine_out() -> None:
    """Drop from this process, and so from all that tests start, every variable that could lead to a real service.

    What is read from files is named away too: boto3 finds neither credentials nor a metadata service.
    """
    for name in list(os.environ):
        if name.upper().startswith(FOREIGN_PREFIXES) or name.upper() in FOREIGN_NAMES:
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.devnull
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


keep_the_machine_out()

settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "explore")
