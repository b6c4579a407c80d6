"""Files of 0.7.6 to 0.8 are read as those of this release."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.config.later import directoryOf
from buildbot.config.load import load
from buildbot.config.model import ConfigErrors, MasterConfig

BEGIN = """\
from buildbot.buildslave import BuildSlave
from buildbot.changes.pb import PBChangeSource
from buildbot.config import BuilderConfig
from buildbot.locks import SlaveLock
from buildbot.process.factory import BuildFactory
f = BuildFactory()
c = BuildmasterConfig = {}
c['slaves'] = [BuildSlave('bot1', 'sekrit')]
c['slavePortnum'] = 9989
c['builders'] = [BuilderConfig(name='full', slavenames=['bot1'], factory=f)]
"""
#: The number of the line after BEGIN.
NEXT = BEGIN.count("\n") + 1


def config(text: str = "", begin: str = BEGIN) -> MasterConfig:
    """The configuration of a file."""
    return load(begin + text, "master.cfg", "/nonexistent")


def troubles(text: str, begin: str = BEGIN) -> list[str]:
    """The errors of a file."""
    try:
        config(text, begin)
    except ConfigErrors as errors:
        return [str(each) for each in errors.errors]
    return []


class KeyTests(unittest.SynchronousTestCase):
    """The keys of c."""

    def test_slaves(self) -> None:
        """c['slaves'] has BuildSlaves, whose options do what they say, or pairs."""
        slave = "BuildSlave('b', 'p', max_builds=2, properties={'os': 'x'}, keepalive_interval=60, locks=[k])"
        made = config(f"k = SlaveLock('cpu')\nc['slaves'] += [{slave}, ('pair', 'p')]\n")
        self.assertEqual(list(made.slaves), ["bot1", "b", "pair"])
        found = made.slaves["b"]
        self.assertEqual((found.password, found.max_builds, found.keepalive), ("p", 2, 60.0))
        self.assertEqual((found.properties, [lock.name for lock in found.locks]), ({"os": "x"}, ["cpu"]))  # type: ignore[attr-defined]

    def test_style(self) -> None:
        """The key of the slaves tells whether the file is in the style of 0.7.6 and later."""
        said = "c['bots'] = [('bot1', 'sekrit')]\n"
        self.assertTrue(config().isLater)
        self.assertTrue(config(begin=BEGIN.replace("c['slaves']", "c['workers']")).isLater)
        self.assertFalse(config(f"del c['slaves']\n{said}").isLater)

    def test_readsItsSlaves(self) -> None:
        """A file chooses the slaves of a builder by their properties; an unset one is None."""
        made = config(
            "c['slaves'] = [BuildSlave('a', 'p', properties={'os': 'x'}), BuildSlave('b', 'p')]\n"
            "ours = [s.slavename for s in c['slaves'] if s.properties.getProperty('os') == 'x']\n"
            "assert not c['slaves'][1].properties.hasProperty('os')\n"
            "c['builders'] = [BuilderConfig(name='full', slavenames=ours, factory=f)]\n"
        )
        self.assertEqual(list(made.builders["full"].slavenames), ["a"])

    def test_workers(self) -> None:
        """c['workers'] and Worker are the names of 0.9 for them."""
        text = "from buildbot.worker import Worker\nc['workers'] = [Worker('bot1', 'p')]\ndel c['slaves']\n"
        self.assertEqual(list(config(text).slaves), ["bot1"])

    def test_slavesAndBots(self) -> None:
        """A file with both names of a key is refused: one of the lists would be lost."""
        told = f"master.cfg:{NEXT}: c['bots'] and c['slaves'] are two names of one key: keep one"
        self.assertIn(told.replace(f":{NEXT}:", ":8:"), troubles("c['bots'] = []\n"))

    def test_wordsOfTheFile(self) -> None:
        """An error names the key that the file has, and the line of the slave."""
        self.assertEqual(
            troubles("c['slaves'].append(BuildSlave('change', 'p'))\n")[0].partition(" has")[0],
            f"master.cfg:{NEXT}: bot 'change'",
        )
        [told] = troubles("c['slaves'] = 7\nc['builders'] = []\n")
        self.assertEqual(told, f"master.cfg:{NEXT}: c['slaves'] must be a list, not an int")

    def test_changeSource(self) -> None:
        """c['change_source'] is one source or a list, and its changes arrive; None is no source."""
        self.assertEqual(len(config("c['change_source'] = PBChangeSource(passwd='x')\n").sources), 1)
        self.assertEqual(len(config("c['change_source'] = [PBChangeSource(passwd='x')]\n").sources), 1)
        self.assertEqual(config("c['change_source'] = None\n").sources, ())
        [told] = troubles("c['change_source'] = 'cvs'\n")
        self.assertEqual(told, f"master.cfg:{NEXT}: c['change_source'] must be a list, not a str")

    def test_titles(self) -> None:
        """c['title'] and c['titleURL'] win over the names of 0.7.5."""
        made = config("c['title'] = 'T'\nc['titleURL'] = 'http://t/'\nc['projectName'] = 'P'\n")
        self.assertEqual((made.projectName, made.projectURL), ("T", "http://t/"))

    def test_protocols(self) -> None:
        """c['protocols'] has the port; what this master does not speak is refused."""
        self.assertEqual(config("c['protocols'] = {'pb': {'port': 9989}}\n").ports, ("tcp:9989",))
        text = "del c['slavePortnum']\nc['protocols'] = {'pb': {'port': 'tcp:9990'}}\n"
        self.assertEqual(config(text).ports, ("tcp:9990",))
        for value, words in (
            ("{'pb': {'port': 1}, 'wamp': {}}", "c['protocols'] has 'wamp'"),
            ("{'pb': {'port': 9990}}", "name two ports"),
            ("{}", "names no port for slaves"),
            ("9989", "must be a dict, not an int"),
        ):
            said = troubles(f"c['protocols'] = {value}\n")
            self.assertTrue([each for each in said if words in each], (value, said))


class BuilderTests(unittest.SynchronousTestCase):
    """BuilderConfig, and dictionaries in the style of 0.8."""

    def test_defaults(self) -> None:
        """The directory is made of the name; one slave is enough."""
        made = config("c['builders'] += [BuilderConfig('a b/c', slavenames='bot1', factory=f)]\n")
        builder = made.builders["a b/c"]
        self.assertEqual((builder.builddir, builder.slavenames), ("a_b_c", ("bot1",)))
        self.assertEqual(made.builders["full"].builddir, "full")
        self.assertEqual(directoryOf("full-1_x"), "full-1_x")

    def test_dictionary(self) -> None:
        """A dictionary has the same defaults in a file of 0.8."""
        made = config("c['builders'] += [{'name': 'x', 'slavename': 'bot1', 'factory': f}]\n")
        self.assertEqual(made.builders["x"].builddir, "x")

    def test_directoryOnSlaves(self) -> None:
        """slavebuilddir is the directory on the slaves, which is the only one here."""
        made = config(
            "c['builders'] += [BuilderConfig('x', 'bot1', builddir='m', slavebuilddir='s', factory=f)]\n"
        )
        self.assertEqual(made.builders["x"].builddir, "s")

    def test_place(self) -> None:
        """An error about a builder has the line where it is made."""
        text = "c['builders'] = [\n  BuilderConfig('x', 'bot2', factory=f),\n]\n"
        self.assertIn(f"master.cfg:{NEXT + 1}: builder 'x' uses undefined slave 'bot2'", troubles(text)[0])

    def test_wrongArguments(self) -> None:
        """Wrong arguments are errors with their line."""
        self.assertEqual(
            troubles("BuilderConfig(name='x', slavename='bot1')\nBuildSlave('b', 7)\n"),
            [
                f"master.cfg:{NEXT}: BuilderConfig 'x' lacks its argument factory",
                f"master.cfg:{NEXT + 1}: BuildSlave: password must be text, and not empty, not an int",
            ],
        )

    def test_access(self) -> None:
        """A lock gives counting or exclusive access; another mode is refused with its line."""
        self.assertEqual(
            troubles("SlaveLock('x', 2).access('exclusive')\nSlaveLock('x', 2).access('counting')\n"), []
        )
        [told] = troubles("SlaveLock('x').access('shared')\n")
        self.assertTrue(told.startswith(f"master.cfg:{NEXT}: lock 'x'"), told)
        self.assertIn("must be 'counting' or 'exclusive'", told)

    def test_values(self) -> None:
        """Wrong properties and a wrong environment of a builder are errors."""
        given = "properties=7, env=['A'], description=3"
        told = troubles(f"c['builders'] = [BuilderConfig('x', 'bot1', factory=f, {given})]\n")
        self.assertEqual(len(told), 3, told)


class BytesTests(unittest.SynchronousTestCase):
    """Texts that were encoded in Python 2."""

    def test_builder(self) -> None:
        """The error tells what to take out."""
        [told] = troubles(
            "c['builders'][0] = BuilderConfig('b', 'bot1', factory=f, category='x'.encode('utf-8'))\n"
        )
        self.assertIn("'category' must be text, not a bytes: take out .encode(…)", told)


class FaultTests(unittest.SynchronousTestCase):
    """What real files have, and was refused once."""

    def test_accepted(self) -> None:
        """Each of these lines is good."""
        imports = (
            "from buildbot.process.factory import s\nfrom buildbot.steps.shell import ShellCommand\n"
            "from buildbot.steps.transfer import FileUpload\n"
            "from buildbot.process.properties import WithProperties\n"
        )
        for line in (
            "f.addStep(FileUpload('a', 'b'))",
            "f.addStep(s(ShellCommand(command='x')))",
            "f.addStep(ShellCommand, command='x', description=WithProperties('%s', 'z'))",
            "f.addSteps([ShellCommand(command='x'), s(ShellCommand, command='y')])",
            "f.workdir = 'source'",
            "c['debugPassword'] = ''",
            "c['slavePortnum'] = 0",
            "c['builders'] += [BuilderConfig('x', 'bot1', builddir='/ramdisk/x', factory=f)]",
        ):
            self.assertEqual(troubles(f"{imports}{line}\n"), [], line)


class NamesTests(unittest.SynchronousTestCase):
    """Names and arguments of 0.8 and 0.9."""

    def test_results(self) -> None:
        """The results of steps are imported from where 0.8's steps had them."""
        names = "SUCCESS, WARNINGS, FAILURE, SKIPPED, EXCEPTION, RETRY, worst_status"
        for module in ("process.buildstep", "status.builder", "status.results"):
            found = config(
                f"from buildbot.{module} import {names}\nassert worst_status(SUCCESS, FAILURE) == 2\n"
            )
            self.assertEqual(found.warnings, ())

    def test_plugins(self) -> None:
        """SetProperty of the plug-ins sets a value; that of steps.shell runs a command."""
        config(
            "from buildbot.plugins import steps\n"
            "import buildbot.steps.master, buildbot.steps.shell\n"
            "f.addStep(steps.SetProperty(property='p', value='v'))\n"
            "assert steps.SetProperty is buildbot.steps.master.SetProperty\n"
            "assert steps.ShellCommand is buildbot.steps.shell.ShellCommand\n"
        )

    def test_reporters(self) -> None:
        """Reports of 0.9 are told of by name, also after an import of all names."""
        [told] = troubles("from buildbot.plugins import *\nx = reporters.GitHubStatusPush(token='t')\n")
        name = "buildbot.plugins.reporters.GitHubStatusPush"
        cure = "write GitHubStatus of buildbot.status.github into c['status']"
        self.assertIn(f"{name} is not in this release: {cure}", told)

    def test_workers(self) -> None:
        """The steps that move files take the names of 0.9 for the slave's side."""
        made = config(
            "from buildbot.plugins import steps\n"
            "f.addStep(steps.FileUpload(workersrc='a', masterdest='b'))\n"
            "f.addStep(steps.FileDownload(mastersrc='a', workerdest='b'))\n"
            "f.addStep(steps.MultipleFileUpload(workersrcs=['a'], masterdest='b'))\n"
            "f.addStep(steps.StringDownload('text', workerdest='b'))\n"
            "f.addStep(steps.DirectoryUpload(workersrc='a', masterdest='b'))\n"
        )
        self.assertEqual(made.warnings, ())
        [told] = troubles(
            "from buildbot.plugins import steps\n"
            "steps.FileUpload(workersrc='a', slavesrc='b', masterdest='c')\n"
        )
        self.assertIn("takes no argument workersrc", told)
