"""The description of the API, checked by a program that knows OpenAPI."""

from __future__ import annotations

import json
import os
import subprocess

from twisted.trial import unittest

from buildbot.web.api.openapi import described
from buildbot.web.table import TABLE

#: The variable with a Python that has openapi-spec-validator.
VARIABLE = "BUILDBOT_TEST_OPENAPI"


class DescriptionTests(unittest.TestCase):
    """The document that C{/api/v1/openapi.json} gives."""

    def test_valid(self) -> None:
        """The document is valid as OpenAPI 3.1, with all its schemas."""
        python = os.environ.get(VARIABLE)
        if not python:
            raise unittest.SkipTest(f"{VARIABLE} names no Python with openapi-spec-validator")
        path = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            json.dump(described(TABLE, "."), file)
        command = [python, "-m", "openapi_spec_validator", path]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
