"""The configuration: the text of master.cfg in, a value for the master out; and the public name of 0.8."""

from __future__ import annotations

from buildbot.config.builderconfig import BuilderConfig as BuilderConfig
