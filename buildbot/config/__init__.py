"""The configuration: the text of master.cfg in, a value for the master out; and the public names of 0.8."""

from __future__ import annotations

from buildbot.config import secrets
from buildbot.config.builderconfig import BuilderConfig as BuilderConfig
from buildbot.config.model import ConfigError
from buildbot.config.model import ConfigErrors as ConfigErrors


def error(message: str) -> None:
    """Report an error in the line of the configuration that runs now; the file runs on.

    @raise ConfigErrors: no configuration is being loaded.
    """
    loading = secrets.current.get()
    if loading is None:
        raise ConfigErrors([ConfigError(message)])
    loading.report(message)
