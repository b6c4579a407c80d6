"""The steps that come with the master, as the configuration knows them."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.steps import dummy, shell, transfer


class ShellTests(unittest.TestCase):
    """Steps that run commands."""

    def test_arguments(self) -> None:
        """A command has a directory, words for the display, and what the slave is told."""
        step = shell.ShellCommand("sub", "testing", ["test"], ["make", "test"], env={"A": "b"}, timeout=None)
        self.assertEqual((step.description, step.descriptionDone), (["testing"], ["test"]))
        self.assertEqual(step.command, ["make", "test"])
        told = {
            "workdir": "sub",
            "env": {"A": "b"},
            "want_stdout": True,
            "want_stderr": True,
            "timeout": None,
            "logEnviron": False,
        }
        self.assertEqual(step.remote_kwargs, told)

    def test_ready(self) -> None:
        """The ready commands need no arguments, and take others."""
        for steptype, name in (
            (shell.Configure, "configure"),
            (shell.Compile, "compile"),
            (shell.Test, "test"),
            (shell.TreeSize, "treesize"),
        ):
            step = steptype()
            self.assertEqual(step.name, name)
            self.assertTrue(step.command)
            self.assertTrue(step.flunkOnFailure)
            self.assertEqual(steptype(command="other", haltOnFailure=False).command, "other")

    def test_unknown(self) -> None:
        """A keyword that no step knows is refused by its name."""
        with self.assertRaises(TypeError) as caught:
            shell.Compile(comand="make")
        self.assertEqual(str(caught.exception), "Compile takes no argument comand")

    def test_withProperties(self) -> None:
        """A command may hold properties; two that say the same are equal."""
        one, other = (shell.WithProperties("v%s", "revision") for _ in range(2))
        self.assertEqual(
            (one, shell.ShellCommand(command=["x", one])), (other, shell.ShellCommand(command=["x", other]))
        )
        self.assertNotEqual(one, shell.WithProperties("v%s", "branch"))
        self.assertEqual(repr(one), "WithProperties('v%s', 'revision')")


class TransferTests(unittest.TestCase):
    """Steps that move files."""

    def test_arguments(self) -> None:
        """A transfer has a file on each side, and limits."""
        up = transfer.FileUpload(slavesrc="a", masterdest="b", maxsize=10, mode=0o644, haltOnFailure=True)
        self.assertEqual((up.slavesrc, up.masterdest, up.workdir, up.maxsize), ("a", "b", "build", 10))
        self.assertEqual((up.blocksize, up.mode, up.haltOnFailure), (16384, 0o644, True))
        down = transfer.FileDownload(mastersrc="a", slavedest="b", workdir="w")
        self.assertEqual(
            (down.mastersrc, down.slavedest, down.workdir, down.name), ("a", "b", "w", "download")
        )

    def test_incomplete(self) -> None:
        """A transfer without a file is refused."""
        self.assertRaises(TypeError, transfer.FileUpload, slavesrc="a")
        self.assertRaises(TypeError, transfer.FileDownload, mastersrc="a", slavedest="b", maxsise=1)


class DummyTests(unittest.TestCase):
    """Steps that pass the time."""

    def test_arguments(self) -> None:
        """They have a time, or something to wait for."""
        for steptype in (dummy.Dummy, dummy.FailingDummy, dummy.RemoteDummy):
            self.assertEqual([steptype().timeout, steptype(timeout=1).timeout], [5, 1])
        self.assertEqual(dummy.Wait(handle="h").handle, "h")
        self.assertRaises(TypeError, dummy.Dummy, tiemout=1)
