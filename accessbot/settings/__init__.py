"""Every environment variable, typed, in one place. Nothing that grants access has a default.

`load` reads an environment, never a file, and reports every problem at once, each as one line that names the variable
and the fix. Each role is only asked for what it uses.
"""

from __future__ import annotations

from accessbot.settings.feeds import check_feeds
from accessbot.settings.loading import Setting, SettingsInvalid, describe, load
from accessbot.settings.table import Role, Settings
from accessbot.settings.values import is_loopback

__all__ = ["Role", "Setting", "Settings", "SettingsInvalid", "check_feeds", "describe", "is_loopback", "load"]
