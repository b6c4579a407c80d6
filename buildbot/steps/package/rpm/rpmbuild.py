# -*- test-case-name: tests.unit.steps.test_package -*-
"""The step that builds packages with rpmbuild."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from typing import Any

from buildbot.config.arguments import REQUIRED, Kind, arguments
from buildbot.config.kinds import FLAG, textDetail
from buildbot.logs.live import LogFile
from buildbot.model.revision import revisionsFound
from buildbot.process.kinds import PATH, isFilledIn
from buildbot.process.loglines import linesOrNone
from buildbot.process.logobserver import KeptLines
from buildbot.steps.composed import ComposedCommand
from buildbot.steps.counting import WARNINGS_LIMIT

#: The beginnings of the lines for the log of the steps of rpmbuild, and for that of its errors.
_PROGRESS = (
    *("Provides:", "Requires(", "Requires:", "Checking for unpackaged"),
    *("Wrote:", "Executing(%", "+ ", "Processing files:"),
)
_ERRORS = ("   ", "RPM build errors:", "error: ")

_TEXT = Kind("text, which a shell reads", isFilledIn, textDetail, standIn="x")


class RpmBuild(ComposedCommand):
    """I build the binary packages and the source package of a specification."""

    name = "rpmbuilder"
    description = ["RPMBUILD"]
    descriptionDone = ["RPMBUILD"]
    haltOnFailure = True

    @arguments(
        specfile=PATH,
        topdir=_TEXT,
        builddir=_TEXT,
        rpmdir=_TEXT,
        sourcedir=_TEXT,
        specdir=_TEXT,
        srcrpmdir=_TEXT,
        dist=_TEXT,
        autoRelease=FLAG,
        vcsRevision=FLAG,
    )
    def __init__(
        self,
        specfile: object = REQUIRED,
        topdir: object = "`pwd`",
        builddir: object = "`pwd`",
        rpmdir: object = "`pwd`",
        sourcedir: object = "`pwd`",
        specdir: object = "`pwd`",
        srcrpmdir: object = "`pwd`",
        dist: object = ".el5",
        autoRelease: bool = False,
        vcsRevision: bool = False,
        **kwargs: Any,
    ) -> None:
        """@param specfile: the specification, in the working directory.
        @param topdir: the directory C{_topdir} of rpmbuild; the next five arguments are its other ones.
        @param dist: the suffix of the release.
        @param autoRelease: count the builds in a file of the master's directory, and define C{_release}.
        @param vcsRevision: define C{_revision}, from the property C{got_revision}, of the first codebase.
        """
        super().__init__(**kwargs)
        self.specfile = specfile
        self.directories = {
            **{"_topdir": topdir, "_builddir": builddir, "_rpmdir": rpmdir, "_sourcedir": sourcedir},
            **{"_specdir": specdir, "_srcrpmdir": srcrpmdir, "dist": dist},
        }
        self.autoRelease = autoRelease
        self.vcsRevision = vcsRevision

    def commandLine(self) -> str:
        """See L{ComposedCommand}."""
        specfile = self.build.render(self.specfile)
        values = self.build.render(self.directories)
        defined = [f'--define "{name} {value}"' for name, value in values.items()]
        if self.autoRelease:
            defined.append(f'--define "_release {self._nextRelease(specfile)}"')
        revision = self._revision() if self.vcsRevision else None
        if revision is not None:
            defined.append(f"--define {_quoted(f'_revision {revision}')}")
        return f"rpmbuild {' '.join(defined)} -ba {shlex.quote(specfile)}"

    def _revision(self) -> Any:
        codebases = [each.codebase for each in self.build.source.each()]
        return revisionsFound(self.getProperty("got_revision", None), codebases)[0]

    def _nextRelease(self, specfile: str) -> int:
        """The number of this build, from a file of the master."""
        stem = os.path.basename(specfile).partition(".")[0]
        basedir = self.build.builder.botmaster.resources.basedir
        path = os.path.join(basedir, f"{stem}.release")
        try:
            with open(path, encoding="ascii") as file:
                release = int(file.readline(20))
        except (FileNotFoundError, ValueError):
            release = 0
        with open(f"{path}.new", "w", encoding="ascii") as file:
            file.write(str(release + 1))
        os.replace(f"{path}.new", path)
        return release

    def createSummary(self, log: LogFile) -> Any:
        """Sort the lines of rpmbuild."""
        return self.inSlices(self._sort(log))

    def _sort(self, log: LogFile) -> Iterator[None]:
        progress, errors = KeptLines(WARNINGS_LIMIT), KeptLines(WARNINGS_LIMIT)
        for line in linesOrNone(log):
            if line is not None and line.startswith(_PROGRESS):
                progress.add(line)
            elif line is not None and line.startswith(_ERRORS):
                errors.add(line)
            yield
        for name, lines in (("RPM Command Log", progress), ("RPM Errors", errors)):
            if lines.count:
                self.addCompleteLog(name, lines.text())


def _quoted(text: str) -> str:
    """A text in quotes for the shell, in the double quotes of the others if it is harmless."""
    return f'"{text}"' if not set(text) & set('"$`\\!\n') else shlex.quote(text)
