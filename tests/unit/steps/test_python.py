"""Steps for Python projects: their commands, and the parsing of the output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from twisted.trial import unittest
from zope.interface.verify import verifyObject

from buildbot.interfaces import ITestResult
from buildbot.model.properties import WithProperties
from buildbot.model.results import EXCEPTION, FAILURE, SKIPPED, SUCCESS, WARNINGS
from buildbot.process.slices import atOnce
from buildbot.steps import python, python_twisted, trialoutput
from buildbot.steps.python_twisted import Trial
from buildbot.steps.trialoutput import TestResult
from tests.stepping import Running, StepCase

NAME = WithProperties("%(buildername)s")
RULE, LINE = "=" * 79, "-" * 79

#: The output of trial of Twisted 26.
OUTPUT = f"""\
m.T.test_err ... [ERROR]
/src/m.py:4: DeprecationWarning: old thing
  warnings.warn("old thing", DeprecationWarning)
m.T.test_fail ... [FAILURE]
m.T.test_ok ... [OK]
/src/m.py:4: DeprecationWarning: old thing
  warnings.warn("old thing", DeprecationWarning)
SomeWarning: own
m.T.test_skip ... [SKIPPED]
m.T.test_surprise ... [SUCCESS!?!]
m.T.test_todo ... [TODO]

{RULE}
[SKIPPED]
no

m.T.test_skip
{RULE}
[TODO]
Reason: 'later'
twisted.trial.unittest.FailTest: later

m.T.test_todo
{RULE}
[FAIL]
Traceback (most recent call last):
  File "/src/m.py", line 5, in test_fail
twisted.trial.unittest.FailTest: 1 != 2

m.T.test_fail
m.T.test_failToo
{RULE}
[ERROR]
builtins.KeyError: 'x'

m.T.test_err
{RULE}
[SUCCESS!?!]
Reason: 'why'

m.T.test_surprise
{LINE}
Ran 6 tests in 0.004s

FAILED (skips=1, expectedFailures=1, failures=2, errors=1, unexpectedSuccesses=1, successes=1)
"""

#: The output of trial of Twisted 2.1.
OLD_OUTPUT = f"""\
m.T.test_fail ... [FAILURE]

{RULE}
FAILURE: test_fail (m.T)
{LINE}
twisted.trial.unittest.FailTest: 1 != 2
{RULE}
SKIPPED: test_skip (m.T)
{LINE}
no
{LINE}
Ran 3 tests in 0.1s

FAILED (failures=1, skips=1)
"""


def withPauses(lines: Iterable[str]) -> Iterator[str | None]:
    """The lines, with a None before each, as from a long log."""
    for line in lines:
        yield None
        yield line


def problemsIn(lines: Iterable[str]) -> list[TestResult]:
    """The problems found in these lines."""
    return [each for each in trialoutput.problemsIn(lines) if each is not None]


class TrialOutputTests(unittest.TestCase):
    """Parsing the output of trial."""

    def test_counts(self) -> None:
        """The last lines have the number of tests by result; without them the numbers are unknown."""
        nothing = {"failures": 0, "errors": 0, "skips": 0, "expectedFailures": 0, "unexpectedSuccesses": 0}
        for output, counts in (
            ("Ran 12 tests in 0.242s\n\nOK\n", {"total": 12}),
            ("Ran 1 test in 0.2s\n\nPASSED (successes=1)\n", {"total": 1}),
            ("Ran 3 tests in 1s\n\nPASSED (skips=2, successes=1)\n", {"total": 3, "skips": 2}),
            (
                "Ran 3 tests in 1s\nnoise\nFAILED (failures=2, errors=1)",
                {"total": 3, "failures": 2, "errors": 1},
            ),
            ("OKAY failures=3\nm.T.test ... [OK]\n", {"total": None}),
            ("", {"total": None}),
        ):
            self.assertEqual(python_twisted.countFailedTests(output), {**nothing, **counts})

    def test_testResult(self) -> None:
        """0.7.5, row 11: a plug-in makes a test result by position or by name, with several logs."""
        logs = {"stdout": "a", "stderr": "b"}
        for result in (
            TestResult(("m", "test"), SUCCESS, ["passed"], logs),
            TestResult(name=("m", "test"), results=SUCCESS, text=["passed"], logs=logs),
        ):
            verifyObject(ITestResult, result)
            self.assertEqual((result.getName(), result.getResults()), (("m", "test"), SUCCESS))
            self.assertEqual((result.getText(), result.getLogs()), (["passed"], logs))

    def test_problems(self) -> None:
        """Each failed test is found, with its text, in the output of old and new trials."""
        lines = iter(OUTPUT.splitlines())
        _, separator = atOnce(trialoutput.warningsIn(lines))
        found = problemsIn(lines)
        self.assertEqual(separator, RULE)
        expected = {
            ("m", "T", "test_skip"): (SKIPPED, ["skipped"]),
            ("m", "T", "test_todo"): (SUCCESS, ["todo"]),
            ("m", "T", "test_fail"): (FAILURE, ["fail"]),
            ("m", "T", "test_failToo"): (FAILURE, ["fail"]),
            ("m", "T", "test_err"): (FAILURE, ["error"]),
            ("m", "T", "test_surprise"): (WARNINGS, ["success!?!"]),
        }
        self.assertEqual({each.getName(): (each.getResults(), each.getText()) for each in found}, expected)
        self.assertIn("FailTest: 1 != 2", found[2].getLogs()["log"])
        verifyObject(ITestResult, found[0])
        old = problemsIn(OLD_OUTPUT.splitlines()[3:])
        self.assertEqual(
            [(each.name, each.results) for each in old],
            [(("m", "T", "test_fail"), FAILURE), (("m", "T", "test_skip"), SKIPPED)],
        )
        self.assertIn("1 != 2", old[0].logs["log"])

    def test_hugeProblem(self) -> None:
        """G3: an endless problem is kept only in part, with the test's name."""
        (found,) = problemsIn(["[FAIL]", *(["x" * 1000] * 5000), "m.T.test_it", LINE, "Ran 1"])
        self.assertEqual(found.name, ("m", "T", "test_it"))
        self.assertLessEqual(len(found.logs["log"]), trialoutput.LONGEST_PROBLEM)

    def test_cutAtAWarning(self) -> None:
        """A warning without its source line does not hide the lines after it."""
        warning = "/src/m.py:4: DeprecationWarning: old"
        for lines, found in (
            ([warning, RULE, "[FAIL]"], ([warning], RULE)),
            ([warning], ([f"{warning}\n"], None)),
        ):
            self.assertEqual(atOnce(trialoutput.warningsIn(iter(lines))), found)
            self.assertEqual(atOnce(trialoutput.warningsIn(withPauses(lines))), found)

    def test_pauses(self) -> None:
        """H3: problems are found line by line, so that others get their time."""
        output = OUTPUT.splitlines()
        said = list(trialoutput.problemsIn(withPauses(output)))
        self.assertEqual([each for each in said if each is not None], problemsIn(output))
        self.assertGreaterEqual(said.count(None), 2 * len(output))


class TrialArgumentTests(unittest.TestCase):
    """The arguments of Trial."""

    def test_command(self) -> None:
        """The command is made of the arguments."""
        for step, command in (
            (Trial(testpath=None, tests="m"), ["trial", "--reporter=bwverbose"]),
            (
                Trial(
                    "gtk2", ["python", "-Wall"], "bin/trial", ".", ["m"], None, True, True, ["-to"], ["-x"]
                ),
                ["python", "-Wall", "bin/trial", "-to", "--recurse", "--reactor=gtk2", "--random=0", "-x"],
            ),
        ):
            self.assertEqual(step.command, command)

    def test_mistakes(self) -> None:
        """R12: arguments that would run nothing, or the wrong thing, are refused in the configuration."""
        good: dict[str, Any] = {"testpath": ".", "tests": "m"}
        for wrong, words in (
            ({"testpath": ()}, "testpath"),
            ({"tests": None}, "tests"),
            ({"python": "python -Wall"}, "python"),
            ({"trial": "python trial"}, "trial"),
        ):
            error = self.assertRaises(ValueError, Trial, **{**good, **wrong})
            self.assertIn(words, str(error))

    def test_subclass(self) -> None:
        """A subclass like in 0.7.5 sets defaults with its attributes."""

        class Mine(Trial):
            testpath = None
            tests = "m"
            python = "python3"
            trialArgs = ["-u"]

        self.assertEqual(Mine().command, ["python3", "trial", "--reporter=bwverbose", "-u"])
        self.assertEqual(Mine(tests=["n"]).tests, ["n"])


class TrialTests(StepCase):
    """The step Trial: its command, results and logs."""

    def trial(self, output: str = OUTPUT, rc: int = 1, **kw: Any) -> Running:
        running = self.begin(Trial(**{"testpath": None, "tests": "m", **kw}))
        running.command.end(rc, stdout=output.encode())
        return running

    def test_sent(self) -> None:
        """The slave gets the tests, the directory of the code and the name of trial's log, in each build."""
        step = Trial(testpath=".", tests=["m", "n"], env={"PYTHONPATH": "lib", "A": "b"})
        for _ in range(2):
            args = self.begin(step).command.args
            self.assertEqual(args["command"], ["trial", "--reporter=bwverbose", "m", "n"])
            self.assertEqual(args["env"], {"PYTHONPATH": ".:lib", "A": "b"})
            self.assertEqual(args["logfiles"], {"test.log": "_trial_temp/test.log"})
        self.assertEqual(self.begin(Trial(testpath=".", tests="m")).command.args["env"], {"PYTHONPATH": "."})
        listed = Trial(testpath=".", tests="m", env={"PYTHONPATH": ["a", "b"]})
        self.assertEqual(self.begin(listed).command.args["env"], {"PYTHONPATH": ".:a:b"})

    def test_words(self) -> None:
        """0.8: the program may be a list with its first arguments, and lists may be in lists."""
        make: Any = Trial
        wrapped = make(
            testpath=None,
            tests="m",
            trial=["ssh", "--", WithProperties("/opt/%(buildername)s/trial")],
            trialMode=[],
            trialArgs=[["--variant", "a"], ["--variant", "b"]],
        )
        command = "ssh -- /opt/full/trial --variant a --variant b m"
        self.assertEqual(self.begin(wrapped).command.args["command"], command.split())
        covered = make(
            testpath=None,
            tests="m",
            python=[[WithProperties("%(buildername)s/coverage")], "run", "--branch"],
            trial=WithProperties("%(buildername)s/trial"),
        )
        command = "full/coverage run --branch full/trial --reporter=bwverbose m"
        self.assertEqual(self.begin(covered).command.args["command"], command.split())

    def test_changes(self) -> None:
        """It can test the modules of the changed files."""
        running = self.begin(Trial(testpath=None, testChanges=True), files=["a/b.py", "README"])
        self.assertEqual(running.command.args["command"][2:], ["--testmodule=a/b.py"])

    def test_results(self) -> None:
        """The step shows trial's last lines."""
        for rc, last, result, text, text2 in (
            (0, "Ran 2 tests in 1s\n\nOK\n", SUCCESS, ["2 tests", "passed"], []),
            (0, "Ran 1 tests in 1s\n\nPASSED (skips=1)\n", SUCCESS, ["1 test", "passed", "1 skip"], []),
            (0, "Ran 0 tests in 1s\n\nOK\n", SUCCESS, ["no tests", "run"], []),
            (0, "what?\n", FAILURE, ["testlog", "unparseable"], ["tests"]),
            (1, "what?\n", FAILURE, ["tests", "failed"], ["tests"]),
            (
                1,
                OUTPUT,
                FAILURE,
                ["tests", "2 failures", "1 error", "1 skip", "1 todo", "1 surprise"],
                ["3 tests"],
            ),
            (1, "Ran 2 tests in 1s\n\nFAILED (failures=1)\n", FAILURE, ["tests", "1 failure"], ["1 test"]),
        ):
            running = self.trial(last, rc)
            self.assertEqual((running.result, running.step.getText()), (result, text))
            self.assertEqual(running.step.getText2(), text2)

    def test_noExitStatus(self) -> None:
        """Tests without an exit status, from an interrupted slave, have failed."""
        running = self.begin(Trial(testpath=None, tests="m"))
        running.command.update(stdout=b"Ran 2 tests in 1s\n\nOK\n")
        running.command.complete()
        self.assertEqual(running.result, FAILURE)

    def test_reactor(self) -> None:
        """The text of tests with another reactor names it."""
        running = self.trial("Ran 2 tests in 1s\n\nOK\n", 0, reactor="gtk2reactor")
        self.assertEqual(running.step.getText(), ["2 tests", "passed", "(gtk2)"])
        running = self.trial(reactor="gtk2reactor")
        self.assertEqual(running.step.getText2(), ["3 tests (gtk2)"])
        self.assertIn(("gtk2reactor", "m", "T", "test_fail"), running.status.getTestResults())

    def test_logs(self) -> None:
        """Problems and warnings have separate logs; the build has the results of their tests."""
        running = self.trial()
        self.assertEqual(running.log("problems"), OUTPUT[OUTPUT.index(RULE) :])
        warning = (
            '/src/m.py:4: DeprecationWarning: old thing\n  warnings.warn("old thing", DeprecationWarning)\n'
        )
        self.assertEqual(running.log("warnings"), f"{warning}SomeWarning: own\n")
        self.assertEqual(len(running.status.getTestResults()), 6)

    def test_noProblems(self) -> None:
        """When all tests pass there is no log of problems."""
        running = self.trial(f"m.T.test ... [OK]\n\n{LINE}\nRan 1 tests in 1s\n\nPASSED (successes=1)\n", 0)
        self.assertEqual((running.result, running.logs()), (SUCCESS, ["stdio", "test.log"]))

    def test_progress(self) -> None:
        """Tests are counted while they run, in all formats of trial."""
        running = self.begin(Trial(testpath=None, tests="m"))
        told: list[tuple[str, float]] = []
        running.step.setProgress = lambda metric, value: told.append((metric, value))
        running.command.update(
            stdout=b"m.T.test_a ... [OK]\nnoise\n  test_b (m.T) ... ", log=(b"test.log", b"123")
        )
        running.command.update(stdout=f"[SKIPPED]\nDoctest: m.f ... [OK]\n{RULE}\nm.T.t ... [OK]\n".encode())
        self.assertEqual([n for metric, n in told if metric == "tests"], [1, 2, 3])
        self.assertIn(("test.log", 3), told)

    def test_bytes(self) -> None:
        """G5: invalid UTF-8 in the output is no problem."""
        running = self.begin(Trial(testpath=None, tests="m"))
        running.command.end(0, stdout=b"\xff\xfe\x00\r\nRan 1 tests in 1s\r\n\r\nOK\r\n")
        self.assertEqual((running.result, running.step.getText()), (SUCCESS, ["1 test", "passed"]))


class PythonTests(StepCase):
    """epydoc and pyflakes."""

    def test_epydoc(self) -> None:
        """The complaints of epydoc are counted, and make a warning."""
        output = b"Warning: a\n +Warning: b\nError importing c\n  Error: d\nfine\n"
        for rc, said, result, words in (
            (0, b"fine\n", SUCCESS, ["epydoc"]),
            (0, output, WARNINGS, ["epydoc", "ierr=1", "warn=2", "err=1", "warnings"]),
            (1, b"", FAILURE, ["epydoc", "failed"]),
        ):
            running = self.begin(python.BuildEPYDoc())
            running.command.end(rc, stdout=said)
            self.assertEqual((running.result, running.step.getText()), (result, words))

    def pyflakes(self, output: str, rc: int = 1, **kw: Any) -> Running:
        running = self.begin(python.PyFlakes(**kw))
        running.command.end(rc, stdout=output.encode(), stderr=b"Makefile:3: recipe failed\n")
        return running

    def test_pyflakes(self) -> None:
        """The findings of pyflakes are counted by kind, with a log, a property and a text for each."""
        output = {
            "unused": "a.py:1:1: 'os' imported but unused\n",
            "redefs": "a.py:2:1: redefinition of unused 'os' from line 1\n",
            "import*": "a.py:3: 'from x import *' used; unable to detect undefined names\n",
            "misc": "a.py:5:1 'return' outside function\n",
        }
        running = self.pyflakes("pyflakes a.py\n" + "".join(output.values()))
        self.assertEqual(running.result, WARNINGS)
        self.assertEqual({name: running.log(name) for name in output}, output)
        found = {
            name: running.build.getProperty(f"pyflakes-{name}") for name in (*output, "undefined", "total")
        }
        self.assertEqual(found, {**dict.fromkeys(output, 1), "undefined": 0, "total": 4})
        self.assertEqual(running.step.getText()[:3], ["pyflakes", "unused=1", "redefs=1"])

    def test_pyflakesMisc(self) -> None:
        """0.7.5, row 16: unknown lines count as misc, except the first lines of make."""
        running = self.begin(python.PyFlakes())
        output = b"pyflakes a.py b.py\n\na.py:1: 'os' imported but unused\n    oh = (\n"
        error = b"could not compile 'b.py':7:\nmake: *** [pyflakes] Error 1\n"
        running.command.end(2, stdout=output, stderr=error)
        self.assertEqual(running.log("misc"), "    oh = (\ncould not compile 'b.py':7:\n")
        self.assertEqual((running.result, running.build.getProperty("pyflakes-total")), (WARNINGS, 3))
        running = self.begin(python.PyFlakes())
        running.command.end(2, stdout=b"make: no rule for it\n")
        self.assertEqual((running.result, running.build.getProperty("pyflakes-misc")), (FAILURE, 1))

    def test_pyflakesFails(self) -> None:
        """Kinds set to fail the build do so; so does a pyflakes that could not run; no other kind does."""
        undefined = "a.py:4:1: undefined name 'x'\n"
        for output, rc, result in (
            (undefined, 1, FAILURE),
            ("", 2, FAILURE),
            ("", 0, SUCCESS),
            ("a.py:1:1: 'os' imported but unused\n", 0, WARNINGS),
        ):
            self.assertEqual(self.pyflakes(output, rc).result, result)

        class Mild(python.PyFlakes):
            flunkingIssues = ()

        running = self.begin(Mild())
        running.command.end(1, stdout=undefined.encode())
        self.assertEqual(running.result, WARNINGS)

    def pylint(self, output: str, rc: int = 0, **kw: Any) -> Running:
        running = self.begin(python.PyLint(command=["pylint", "m"], **kw))
        running.command.end(rc, stdout=output.encode())
        return running

    def test_pylint(self) -> None:
        """0.8: the messages of pylint are counted by kind, with a log, a property and a text for each."""
        output = {
            "convention": "C:  1:foo: Missing docstring\nC0111:  1,0:foo: x\n",
            "refactor": "R: 1: z\n",
            "warning": "W: 11: Bad indentation. Found 6 spaces, expected 4\n",
        }
        running = self.pylint("* Module a\n" + "".join(output.values()) + "Your code: 3/10\n", 28)
        self.assertEqual(running.result, WARNINGS)
        self.assertEqual({name: running.log(name) for name in output}, output)
        kinds = (*output, "error", "fatal", "info", "total")
        found = {kind: running.build.getProperty(f"pylint-{kind}") for kind in kinds}
        none = {"error": 0, "fatal": 0, "info": 0}
        self.assertEqual(found, {"convention": 2, "refactor": 1, "warning": 1, "total": 4, **none})
        words = ["pylint", "convention=2", "refactor=1", "warning=1", "warnings"]
        self.assertEqual(running.step.getText(), words)
        self.assertEqual(running.command.args["command"], ["pylint", "m"])

    def test_pylintForms(self) -> None:
        """Messages in the parseable form of old versions and in the form of new versions count, too."""
        for line in (
            "a.py:9: [W0311] Bad indentation.",
            "a.py:9: [W, f] x",
            "a.py:1:0: W0611: Unused import os (unused-import)",
            "a.py:9: [W0311(bad-indentation), f] Bad indentation.",
        ):
            self.assertEqual(self.pylint(f"{line}\n", 4).step.getText()[1], "warning=1", line)
        for line in ("Was: 3", "a.py:9: What", "W: text", "time 12:30: Waited"):
            self.assertEqual(self.pylint(f"{line}\n").step.getText(), ["pylint"], line)

    def test_pylintFails(self) -> None:
        """Fatal messages and errors are a failure, and so are such bits of the exit status."""
        for output, rc, result in (
            ("", 0, SUCCESS),
            ("", 20, SUCCESS),
            ("", 1, FAILURE),
            ("", 32, FAILURE),
            ("", -1, FAILURE),
            ("E: 3: x\n", 0, FAILURE),
            ("F: 3: x\n", 0, FAILURE),
            ("R: 3: x\n", 8, WARNINGS),
        ):
            self.assertEqual(self.pylint(output, rc).result, result, (output, rc))

        class Strict(python.PyLint):
            flunkingIssues = ("W",)

        running = self.begin(Strict(command="pylint m"))
        running.command.end(4, stdout=b"W: 3: x\n")
        self.assertEqual(running.result, FAILURE)

    def test_sphinx(self) -> None:
        """0.8: the arguments become those of sphinx-build; warnings and errors of documents are warnings."""
        running = self.begin(
            python.Sphinx(
                sphinx_sourcedir="s",
                sphinx_builddir=WithProperties("_%(buildername)s"),
                sphinx_builder="css",
                sphinx="/p/sphinx-build",
                tags=["a", "b"],
                defines={
                    "empty": None,
                    "t": True,
                    "f": False,
                    "s": WithProperties("%(buildername)s"),
                    "i": 3,
                },
                mode="full",
            )
        )
        command = "/p/sphinx-build -b css -t a -t b -D empty -D f=0 -D i=3 -D s=full -D t=1 -E s _full"
        self.assertEqual(running.command.args["command"], command.split())
        self.assertEqual(running.step.getText(), ["building"])
        running.command.end(0, stdout=b"x: WARNING: a\ny: ERROR: b\nfine\n", stderr=b"z: SEVERE: c\n")
        self.assertEqual(running.result, WARNINGS)
        self.assertEqual(running.step.getText(), ["sphinx", "3 warnings", "warnings"])
        self.assertEqual(running.log("warnings"), "x: WARNING: a\ny: ERROR: b\nz: SEVERE: c\n")
        self.assertEqual(running.step.getStatistic("warnings"), 3)

    def test_sphinxShort(self) -> None:
        """0.8: only the directory of the result must be given; a status that is not 0 is a failure."""
        for rc, result, words in (
            (0, SUCCESS, ["sphinx", "0 warnings"]),
            (1, FAILURE, ["sphinx", "0 warnings", "failed"]),
        ):
            running = self.begin(python.Sphinx(sphinx_builddir="_build"))
            self.assertEqual(running.command.args["command"], ["sphinx-build", ".", "_build"])
            running.command.end(rc, stdout=b"build succeeded.\n")
            self.assertEqual((running.result, running.step.getText()), (result, words))

    def test_sphinxWords(self) -> None:
        """0.8: the program of Sphinx may be a list with its first arguments."""
        step = python.Sphinx(
            sphinx_builddir="_build", sphinx=[WithProperties("%(buildername)s/sphinx"), "-d", "_tree"]
        )
        self.assertEqual(
            self.begin(step).command.args["command"], ["full/sphinx", "-d", "_tree", ".", "_build"]
        )
        self.assertRaises(ValueError, python.Sphinx, sphinx_builddir="_build", sphinx="")
        self.assertRaises(ValueError, python.Sphinx, sphinx_builddir="_build", sphinx=[])

    def test_oneWord(self) -> None:
        """A step may have one text as its description instead of a list."""

        class Described(python.PyFlakes):
            def describe(self, done: bool = False) -> Any:
                return "flakes" if self.descriptionDone == ["pyflakes"] else super().describe(done)

        running = self.begin(Described())
        running.command.end(1, stdout=b"a.py:1: undefined name 'x'\n")
        self.assertEqual(running.step.getText(), ["flakes", "undefined=1", "failed"])

    def test_lines(self) -> None:
        """G2: the lines of a log are the same for any split, and none is endless."""
        pieces = [(0, "a\nb"), (1, "err"), (2, "header\n"), (0, "c\r\n"), (1, "\ufffd\n"), (0, "end")]
        log = _Log(pieces)
        self.assertEqual(list(python.lines(log)), ["a", "bc", "err\ufffd", "end"])
        self.assertEqual(list(python.lines(log, (1,))), ["err\ufffd"])
        endless = list(python.lines(_Log([(0, "#" * 1000)] * 1000)))
        self.assertEqual(sum(map(len, endless)), 1_000_000)
        self.assertGreater(len(endless), 50)


class _Log:
    """A log for reading."""

    def __init__(self, chunks: list[tuple[int, str]]) -> None:
        self._chunks = chunks

    def getChunks(self, channels: Sequence[int] = ()) -> list[tuple[int, str]]:
        return [chunk for chunk in self._chunks if not channels or chunk[0] in channels]


class OtherTests(StepCase):
    """lore, Debian packages and the like."""

    def test_hlint(self) -> None:
        """The changed documents are checked, each once; each line with a location is a warning."""
        files = ["b.xhtml", "a.xhtml", "a.xhtml", "sandbox/c.xhtml", "d.py"]
        running = self.begin(python_twisted.HLint(python="python2"), files=files)
        command = ["python2", "bin/lore", "-p", "--output", "lint", "a.xhtml", "b.xhtml"]
        self.assertEqual(running.command.args["command"], command)
        self.assertEqual(running.log("files"), "a.xhtml\nb.xhtml\n")
        running.command.end(0, stdout=b"checking\na.xhtml:1:2: odd\n")
        self.assertEqual((running.result, running.log("warnings")), (WARNINGS, "a.xhtml:1:2: odd\n"))
        self.assertEqual(running.step.getText2(), ["1 hlint"])

    def test_hlintNothing(self) -> None:
        """Without a changed document the step is skipped."""
        running = self.begin(python_twisted.HLint(), files=["d.py"])
        self.assertEqual((running.result, running.sent), (SKIPPED, []))

    def test_processDocs(self) -> None:
        """Warnings of documents are counted, with their continuation lines."""
        for rc, output, result, text, text2 in (
            (0, "WARNING: a:1: b\nmore\nfine\n", WARNINGS, ["docs", "2 warnings"], ["2 docs"]),
            (0, "fine\n", SUCCESS, ["docs", "successful"], []),
            (1, "WARNING: a\n", FAILURE, ["docs", "failed"], ["docs"]),
        ):
            running = self.begin(python_twisted.ProcessDocs())
            running.command.end(rc, stdout=output.encode())
            self.assertEqual((running.result, running.step.getText()), (result, text))
            self.assertEqual(running.step.getText2(), text2)

    def test_debs(self) -> None:
        """The findings of lintian are counted: its errors are failures."""
        for rc, output, result, text, text2 in (
            (0, "W: a\nfine\n", WARNINGS, ["debuild", "lintian:", "1 warning"], []),
            (
                0,
                "W: a\nE: b\nE: c\n",
                FAILURE,
                ["debuild", "lintian:", "2 errors", "1 warning"],
                ["3 lintian"],
            ),
            (0, "fine\n", SUCCESS, ["debuild"], []),
            (1, "", FAILURE, ["debuild", "failed"], ["debuild"]),
        ):
            running = self.begin(python_twisted.BuildDebs())
            running.command.end(rc, stdout=output.encode())
            self.assertEqual((running.result, running.step.getText()), (result, text))
            self.assertEqual(running.step.getText2(), text2)
        self.assertNotIn("problems", running.logs())

    def test_removePYCs(self) -> None:
        """Compiled files are removed by a shell command; it is no failure if there are none."""
        running = self.begin(python_twisted.RemovePYCs())
        self.assertEqual(running.command.args["command"], 'find . -name "*.pyc" | xargs rm -f')
        running.command.end(0)
        self.assertEqual((running.result, running.step.getText()), (SUCCESS, ["remove", ".pycs"]))

    def test_exceptions(self) -> None:
        """An exception in a subclass is logged in the step, and ends the build."""

        class Wrong(python.PyFlakes):
            def createSummary(self, log: Any) -> None:
                raise KeyError("mine")

        running = self.begin(Wrong())
        running.command.end(0)
        self.assertEqual((running.result, running.build.results), (EXCEPTION, EXCEPTION))
        self.assertIn("mine", running.log("err.text"))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
