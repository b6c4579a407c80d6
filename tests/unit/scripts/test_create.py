"""The directories made by C{create-master} and C{create-slave}."""

from __future__ import annotations

import ast
import os
import re
import stat

from twisted.trial import unittest

from buildbot.cluster import looking
from buildbot.cluster.places import ACTIVE, STANDBY, Place
from buildbot.daemon import directory, tacfile
from buildbot.daemon.readiness import StartFailed
from buildbot.scripts import create
from buildbot.scripts.elsewhere import nameOf
from buildbot.scripts.output import CommandFailed
from buildbot.store import direct
from buildbot.store.interface import StoreFailed
from tests.commandline import Spoken, command


def assignments(text: str) -> dict[str, object]:
    """The constants in a Python text, by name."""
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.targets[0], ast.Name)
    }


def place(name: str, state: str) -> Place:
    """The row of a master."""
    return Place(name, name, f"{name} 1", 1, state, 1, 40.0, "1.0", "")


class CreateTests(unittest.TestCase):
    """Both commands."""

    def setUp(self) -> None:
        self.here = os.path.join(os.path.abspath(self.mktemp()), "dir")

    def create(self, verb: str, *words: str) -> Spoken:
        """Make a directory."""
        arguments = () if verb == "create-master" else ("localhost:9989", "bot1", "secret")
        return command(verb, *words, self.here, *arguments)

    def read(self, name: str) -> str:
        """The text of a file in the directory."""
        with open(os.path.join(self.here, name)) as stream:
            return stream.read()

    def write(self, name: str, text: str) -> None:
        """Change a file in the directory, like a user."""
        with open(os.path.join(self.here, name), "w") as stream:
            stream.write(text)

    def test_private(self) -> None:
        """The directory and its files are private to their owner, whatever the umask."""
        self.addCleanup(os.umask, os.umask(0))
        for verb in ("create-master", "create-slave"):
            self.here += verb
            self.assertEqual(self.create(verb).status, 0)
            for path, _, names in os.walk(self.here):
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o700)
                for name in names:
                    mode = os.stat(os.path.join(path, name)).st_mode
                    self.assertEqual((name, stat.S_IMODE(mode)), (name, 0o600))

    def test_again(self) -> None:
        """A second call changes nothing, and prints what it kept."""
        for verb in ("create-master", "create-slave"):
            self.here += verb
            self.create(verb)
            before = self.written()
            said = self.create(verb)
            self.assertEqual(said.status, 0)
            self.assertIn(f"kept {self.here}/buildbot.tac", said.out)
            self.assertEqual(before, self.written())

    def written(self) -> dict[str, tuple[int, int, int]]:
        """Each file of the directory, with its identity, size and time."""
        found = {name: os.stat(os.path.join(self.here, name)) for name in os.listdir(self.here)}
        return {name: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in found.items()}

    def test_edited(self) -> None:
        """Edited files stay; --force replaces the .tac and the sample, never master.cfg."""
        self.create("create-master")
        for name in ("buildbot.tac", "master.cfg", "master.cfg.sample"):
            self.write(name, "mine")
        said = self.create("create-master")
        self.assertIn("buildbot.tac: --force replaces it", said.out)
        self.assertEqual({self.read(n) for n in os.listdir(self.here)}, {"mine"})
        said = self.create("create-master", "--force")
        self.assertIn(f"wrote {self.here}/buildbot.tac", said.out)
        self.assertEqual(self.read("master.cfg"), "mine")
        self.assertIn("BuildMaster", self.read("buildbot.tac"))
        self.assertIn("BuildmasterConfig", self.read("master.cfg.sample"))

    def test_quiet(self) -> None:
        """With --quiet nothing is printed."""
        self.assertEqual(self.create("create-master", "--quiet"), Spoken(0, "", ""))

    def test_anotherKind(self) -> None:
        """A master is not made in a slave's directory, nor a slave in a master's, not even with --force."""
        self.create("create-slave")
        said = self.create("create-master", "--force")
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertIn(f"{self.here} is a buildslave's directory", said.err)
        self.assertNotIn("master.cfg", os.listdir(self.here))

    def test_parents(self) -> None:
        """Each new directory is printed, also the parents of the given one."""
        top = os.path.dirname(self.here)
        self.here = os.path.join(self.here, "a", "b")
        for verb in ("create-master", "create-slave"):
            self.here += verb
            said = [line for line in self.create(verb).out.splitlines() if line.startswith("made ")]
            if verb == "create-master":
                above = [top, os.path.join(top, "dir"), os.path.join(top, "dir", "a")]
                self.assertEqual(said, [f"made {path}" for path in (*above, self.here)])
            else:
                self.assertEqual(said, [f"made {self.here}"])

    def test_aFile(self) -> None:
        """A file in the place of the directory is reported."""
        os.makedirs(os.path.dirname(self.here))
        with open(self.here, "w"):
            pass
        self.assertIn("is not a directory", self.create("create-master").err)

    def test_openDirectory(self) -> None:
        """A directory that others can access is used, with a warning."""
        os.makedirs(self.here, 0o755)
        os.chmod(self.here, 0o755)
        self.assertIn(f"`chmod 700 {self.here}`", self.create("create-master").out)

    def test_rotation(self) -> None:
        """The limits of the log are in the .tac, with defaults (G6)."""
        for words, expected in (
            ((), (10_000_000, 10)),
            (("--log-size=5", "--log-count=2"), (5, 2)),
            (("--no-logrotate",), (None, 10)),
        ):
            self.here += "x"
            self.create("create-slave", *words)
            found = assignments(self.read("buildbot.tac"))
            self.assertEqual((found["rotateLength"], found["maxRotatedFiles"]), expected)


class MasterTests(unittest.TestCase):
    """C{create-master}."""

    def setUp(self) -> None:
        self.here = os.path.abspath(self.mktemp())

    def read(self, name: str) -> str:
        """The text of a file in the directory."""
        with open(os.path.join(self.here, name)) as stream:
            return stream.read()

    def test_next(self) -> None:
        """It prints the next three commands, with real paths, name and password."""
        said = command("create-master", self.here)
        (password,) = re.findall(r'\("bot1", "(\w+)"\)', self.read("master.cfg"))
        self.assertGreaterEqual(len(password), 16)
        self.assertNotIn("change-me", self.read("master.cfg"))
        self.assertEqual(
            said.out.splitlines()[-4:],
            [
                "Next:",
                f"  buildbot start {self.here}",
                f"  buildbot create-slave {self.here}-slave localhost:9989 bot1 {password}",
                f"  buildbot start {self.here}-slave",
            ],
        )

    def test_secondMaster(self) -> None:
        """A master whose store another one uses gets no file with new passwords. It is told how to wait, with
        the file of that one.
        """
        self.patch(direct, "held", lambda place: "has a store already, with 7 builds and 0 changes")
        rows = [place("three:/srv", STANDBY), place("two:/srv", ACTIVE)]
        self.patch(looking, "mastersOf", lambda where: rows)
        address = "postgresql://me@host/x"
        said = command("create-master", "--db", address, self.here).out
        self.assertIn(f"{address} has a store already, with 7 builds", said)
        self.assertEqual(
            said.splitlines()[-6:],
            [
                "two:/srv uses this store: a master here can wait until that one is gone, and take over",
                "Next:",
                f"  copy master.cfg of that master to {self.here}/master.cfg",
                f"  buildbot start --standby {self.here}",
                "or, for the pages alone:",
                f"  buildbot start --pages-only {self.here}",
            ],
        )
        self.assertEqual(sorted(os.listdir(self.here)), ["buildbot.tac", "master.cfg.sample"])
        with open(os.path.join(self.here, "master.cfg"), "w") as stream:
            stream.write("c = {}")
        self.assertNotIn("copy", command("create-master", "--db", address, self.here).out)
        rows[:] = [place(nameOf(self.here), ACTIVE)]
        self.assertIn("localhost:PORT", command("create-master", "--db", address, self.here).out)

    def test_firstOfTwo(self) -> None:
        """The first master of a database tells that its file is that of a second one, too. If the database
        wants a password, the option for it is named.
        """
        self.patch(direct, "held", lambda place: "is empty")
        self.patch(looking, "mastersOf", lambda where: [])
        address = "postgresql://me@host/x"
        words = "A second master on this store needs a copy of this master.cfg, not one of its own.\n"
        self.assertIn(words, command("create-master", "--db", address, self.here).out)
        self.assertNotIn(words, command("create-master", f"{self.here}-alone").out)

        def refuse(place: object) -> str:
            raise StoreFailed("fe_sendauth: no password supplied")

        self.patch(direct, "held", refuse)
        said = command("create-master", "--db", address, f"{self.here}-bare")
        self.assertEqual(
            said.err.splitlines()[1:],
            ["--db-password-file names a file with the password", "nothing was made"],
        )

    def test_nextAgain(self) -> None:
        """The password of an existing configuration is not printed."""
        command("create-master", self.here)
        self.assertIn("localhost:PORT NAME PASSWORD\n", command("create-master", self.here).out)

    def test_otherPassword(self) -> None:
        """Each directory has a different password."""
        command("create-master", self.here)
        command("create-master", f"{self.here}2")
        first = self.read("master.cfg")
        self.here += "2"
        self.assertNotEqual(first, self.read("master.cfg"))

    def test_config(self) -> None:
        """The configuration may have another name, also one that needs quoting."""
        name = 'it\'s "mine".cfg'
        self.assertEqual(command("create-master", "--config", name, self.here).status, 0)
        self.assertEqual(directory.configFile(self.read("buildbot.tac")), name)
        self.assertIn("BuildmasterConfig", self.read(name))
        self.assertNotIn("master.cfg", os.listdir(self.here))

    def test_foreignConfig(self) -> None:
        """A file elsewhere that is not a configuration is refused, and nothing is made."""
        said = command("create-master", "--config", "/etc/passwd", self.here)
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertEqual(
            said.err, "/etc/passwd exists, and is not a configuration of a master: choose another name\n"
        )
        self.assertFalse(os.path.exists(self.here))
        other = f"{self.here}.cfg"
        with open(other, "w") as stream:
            stream.write("c = BuildmasterConfig = {}")
        self.assertIn(f"kept {other}", command("create-master", "--config", other, self.here).out)

    def test_kind(self) -> None:
        """The directory is recognized as a master's."""
        command("create-master", self.here)
        self.assertIs(directory.kindOf(self.read("buildbot.tac")), directory.Kind.MASTER)

    def test_movable(self) -> None:
        """The directory may be moved: its files do not contain its path."""
        command("create-master", self.here)
        self.assertNotIn(self.here, self.read("buildbot.tac") + self.read("master.cfg"))

    def test_passwordsEach(self) -> None:
        """Each slave of a sample gets a different password, and the printed one is the first."""
        text, passwords = create.withPasswords("c['bots'] = [('a', 'change-me'), ('b', 'change-me')]")
        self.assertEqual(len(set(passwords)), 2)
        self.assertEqual(text, f"c['bots'] = [('a', '{passwords[0]}'), ('b', '{passwords[1]}')]")
        self.assertIn(f"NAME {passwords[0]}", create.nextCommands("/m", "no such text", passwords)[1])

    def test_sampleLost(self) -> None:
        """A missing sample is reported without a traceback."""
        self.patch(create, "SAMPLE", "no.such.sample")
        self.assertRaises(CommandFailed, create.sampleText)


class SlaveTests(unittest.TestCase):
    """C{create-slave}."""

    def setUp(self) -> None:
        self.here = os.path.realpath(self.mktemp())

    def tac(self, *words: str) -> str:
        """The .tac of a slave that is made with these options."""
        said = command("create-slave", *words)
        self.assertEqual((said.status, said.err), (0, ""))
        with open(os.path.join(self.here, "buildbot.tac")) as stream:
            return stream.read()

    def test_values(self) -> None:
        """The slave gets exactly the given values."""
        name, password = "it's\n", "'''\\\"; import os #\x00é%(name)s"
        text = self.tac(self.here, "[::1]:9989", name, password, "--keepalive=60", "--umask=022")
        found = assignments(text)
        self.assertEqual(
            [found[key] for key in ("buildmaster_host", "port", "slavename", "passwd", "keepalive", "umask")],
            ["::1", 9989, name, password, 60, 0o022],
        )
        self.assertIs(directory.kindOf(text), directory.Kind.SLAVE)

    def test_withoutWorker(self) -> None:
        """Without buildbot-worker, a start prints in one line what to install."""
        text = self.tac(self.here, "localhost:9989", "bot1", "secret")
        with open(os.path.join(self.here, "buildbot.tac"), "w") as stream:
            stream.write(f"import sys\nsys.modules['buildbot_worker'] = None\n{text}")
        import sys

        before = sys.modules.get("buildbot_worker")
        try:
            why = self.assertRaises(StartFailed, tacfile.load, self.here)
        finally:
            del sys.modules["buildbot_worker"]
            if before is not None:
                sys.modules["buildbot_worker"] = before
        (line,) = why.lines
        self.assertIn("pip install 'buildbot-classic[slave]'", line)

    def test_passwordNotShown(self) -> None:
        """The password is in the .tac, and nowhere else (S2)."""
        said = command("create-slave", self.here, "localhost:9989", "bot1", "canary")
        self.assertNotIn("canary", said.out + said.err)
        for name in ("admin", "host"):
            with open(os.path.join(self.here, "info", name)) as stream:
                self.assertNotIn("canary", stream.read())

    def test_next(self) -> None:
        """It prints the next command."""
        said = command("create-slave", self.here, "localhost:9989", "bot1", "x")
        self.assertEqual(said.out.splitlines()[-2:], ["Next:", f"  buildbot start {self.here}"])

    def test_infoStays(self) -> None:
        """The files about the slave are not replaced, not even with --force."""
        words = (self.here, "localhost:9989", "bot1", "x")
        self.tac(*words)
        with open(os.path.join(self.here, "info", "admin"), "w") as stream:
            stream.write("me")
        self.tac(*words, "--force")
        with open(os.path.join(self.here, "info", "admin")) as stream:
            self.assertEqual(stream.read(), "me")
