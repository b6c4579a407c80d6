"""Source from Git, on scripted slaves."""

from __future__ import annotations

from typing import Any

from buildbot.model.properties import WithProperties
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.steps.source.git import Git
from tests.unit.steps.source.scripted import OLD_SLAVE, OLDEST_SLAVE, SLAVE, WORKER, SourceCase, change

THERE = {
    "stat build/.buildbot": 1,
    "stat build/.git": 0,
    "git --git-dir=.git config remote.origin.url @": "URL\n",
}
SHA = "0123456789abcdef0123456789abcdef01234567"
#: The answer of a repository that has the branch.
REF = f"{SHA}\trefs/heads/main\n"


class OwnCommandTests(SourceCase):
    """The slave's own command."""

    def test_arguments(self) -> None:
        """A slave of 0.8 gets the arguments of 0.8, with the revision of the build."""
        told = self.own(Git("URL", "main", submodules=True, shallow=True), revision=SHA)
        wanted = {
            "": "git",
            "mode": "update",
            "workdir": "build",
            "timeout": 1200,
            "retry": None,
            "patch": None,
            "revision": SHA,
            "logEnviron": False,
            "repourl": "URL",
            "branch": "main",
            "submodules": True,
            "ignore_ignores": True,
            "shallow": True,
        }
        self.assertEqual(told, wanted)

    def test_submodules(self) -> None:
        """Files of submodules that a build has changed are undone, but not those of a patch."""
        step = Git("URL", "main", submodules=True)
        reset = "git submodule foreach git reset --hard -q @build"
        answers: dict[str, Any] = {"stat build/.git": 0, "git ls-remote": REF, "git": {"got_revision": SHA}}
        played = self.play(step, SLAVE, answers)
        self.assertEqual((played.result, played.said), (SUCCESS, ["git", reset]))
        played = self.play(step, SLAVE, {"git submodule": 1, **answers})
        self.assertEqual((played.result, played.said.count("git")), (SUCCESS, 2))
        self.assertEqual(self.play(step, SLAVE, answers, patch=(1, "diff")).said, ["git"])

    def test_modes(self) -> None:
        """The modes of 0.7 and 0.8 are sent under the names of 0.7."""
        modes: tuple[tuple[dict[str, Any], str], ...] = (
            ({"mode": "copy"}, "copy"),
            ({"mode": "clobber"}, "clobber"),
            ({"mode": "export"}, "export"),
            ({"mode": "incremental"}, "update"),
            ({"mode": "full", "method": "copy"}, "copy"),
            ({"mode": "full", "method": "clobber"}, "clobber"),
        )
        for words, mode in modes:
            self.assertEqual(self.own(Git("URL", "main", **words))["mode"], mode)

    def test_revision(self) -> None:
        """The revision that the slave tells is kept as a property."""
        for told in (SHA, SHA.encode()):
            played = self.play(Git("URL", "main"), SLAVE, {"git": {"got_revision": told}})
            self.assertEqual((played.result, played.got()), (SUCCESS, SHA))
        played = self.play(Git("URL", "main"), SLAVE, {"git": {"got_revision": None}})
        self.assertEqual((played.result, played.got()), (SUCCESS, None))

    def test_retry(self) -> None:
        """The master tries again: slaves try once more than they are told, and 0.7.12 fails at it."""
        step = Git("URL", "main", retry=(10, 2))
        played = self.play(step, SLAVE, {"git": [{"rc": 128}, {"got_revision": SHA}], "stat": 1})
        self.assertIsNone(played.sent[0].args["retry"])
        self.assertIsNone(played.result)
        played.running.clock.advance(10)
        played.go()
        self.assertEqual((played.result, played.got()), (SUCCESS, SHA))

    def test_patch(self) -> None:
        """A patch that does not fit is not tried again."""
        step = Git("URL", "main", retry=(10, 2))
        answers = {"git": {"got_revision": SHA, "rc": 1}}
        played = self.play(step, SLAVE, answers, patch=(1, "diff"))
        self.assertEqual((played.said, played.result, played.got()), (["git"], FAILURE, SHA))

    def test_driven(self) -> None:
        """The master drives what a slave's command cannot do, and the log says why."""
        for step, commands, why in (
            (Git("URL", "main"), WORKER, "the slave has no command git"),
            (Git("URL", "main"), OLDEST_SLAVE, "the slave's command git has version 2.2; 2.9 is needed"),
            (Git("URL", "main", shallow=True), OLD_SLAVE, "has version 2.9; 2.10 is needed"),
            (Git("URL"), SLAVE, "gets what is no branch, as HEAD"),
            (Git("URL", "main", mode="full", method="clean"), SLAVE, "has no method clean"),
            (Git("URL", "main", getDescription=True), SLAVE, "knows getDescription"),
        ):
            played = self.play(step, commands, {"git rev-parse": SHA, "git ls-remote": REF})
            self.assertEqual((played.result, played.got()), (SUCCESS, SHA))
            self.assertIn(why, played.log.partition("\n")[0])

    def test_broken(self) -> None:
        """A working copy that the slave's command cannot update is made again, if the repository answers."""
        for reachable, times in ((REF, 2), (128, 1), ("", 1)):
            answers: dict[str, Any] = {
                "git ls-remote": reachable,
                "git": [{"rc": 128}, {"got_revision": SHA}],
                "stat build/.git": 0,
            }
            played = self.play(Git("URL", "main"), SLAVE, answers)
            self.assertEqual([each.name for each in played.sent].count("git"), times, played.said)
            self.assertEqual(played.result, SUCCESS if times == 2 else FAILURE)


class DrivenTests(SourceCase):
    """Commands of the master."""

    def test_new(self) -> None:
        """Without a working copy, one is made."""
        played = self.play(Git("URL", "main"), answers={"git rev-parse": SHA})
        wanted = [
            "rmdir build",
            "mkdir build",
            "git init -q @build",
            "git config remote.origin.url URL @build",
            "git config remote.origin.fetch +refs/heads/*:refs/remotes/origin/* @build",
            "git fetch -f -t URL main @build",
            "git reset --hard FETCH_HEAD -- @build",
            "git rev-parse HEAD @build",
        ]
        self.assertEqual((played.programs, played.result, played.got()), (wanted, SUCCESS, SHA))
        self.assertEqual(played.running.step.getText(), ["update", "[main]"])

    def test_update(self) -> None:
        """A working copy of the same repository is updated."""
        played = self.play(Git("URL", "main"), answers={**THERE, "git rev-parse": SHA}, branch="side")
        wanted = [
            "git --git-dir=.git config remote.origin.url @build",
            "git fetch -f -t URL side @build",
            "git reset --hard FETCH_HEAD -- @build",
            "git diff-files --name-only --diff-filter=D --ignore-submodules=all @build",
            "git rev-parse HEAD @build",
        ]
        self.assertEqual((played.programs, played.result), (wanted, SUCCESS))

    def test_linked(self) -> None:
        """Files are got again that a reset has lost with the link in the place of their directory."""
        for told, isAgain in (("", False), ("d/f\n", True), (128, True)):
            answers = {**THERE, "git diff-files": told, "git rev-parse": SHA}
            played = self.play(Git("URL"), answers=answers)
            self.assertEqual((played.result, "git reset --hard -q @build" in played.said), (SUCCESS, isAgain))

    def test_again(self) -> None:
        """A tree of another repository is made again."""
        there = {**THERE, "git --git-dir=.git config remote.origin.url @": "OTHER\n"}
        played = self.play(Git("URL"), answers={**there, "git ls-remote": REF})
        self.assertEqual((played.result, "rmdir build" in played.programs), (SUCCESS, True))

    def test_patched(self) -> None:
        """A patched tree is cleaned, with the new files of the patch; if it cannot be, it is made again."""
        for clean, isKept in ((0, True), (1, False)):
            answers = {**THERE, "stat build/.buildbot": 0, "git clean": clean, "git ls-remote": REF}
            played = self.play(Git("URL"), answers=answers)
            self.assertIn("git clean -f -f -d -x @build", played.programs)
            self.assertEqual((played.result, "rmdir build" not in played.programs), (SUCCESS, isKept))

    def test_broken(self) -> None:
        """A failed update is made again, but not while the repository does not answer."""
        answers = {**THERE, "git fetch": [128, 0], "git ls-remote": REF}
        played = self.play(Git("URL"), answers=answers)
        self.assertEqual(played.result, SUCCESS)
        self.assertIn("rmdir build", played.programs)
        played = self.play(Git("URL"), answers={**THERE, "git fetch": 128, "git ls-remote": 128})
        self.assertEqual(played.result, FAILURE)
        self.assertNotIn("rmdir build", played.programs)
        self.assertEqual(played.running.step.getText(), ["update", "[HEAD]", "failed"])

    def test_methods(self) -> None:
        """Each method leaves a tree like new."""
        for method, flags in (("clean", "-f -f -d"), ("fresh", "-f -f -d -x"), (None, "-f -f -d -x")):
            played = self.play(Git("URL", mode="full", method=method, submodules=True), answers=THERE)
            self.assertIn(f"git clean {flags} @build", played.programs)
            self.assertIn(f"git submodule foreach --recursive git clean {flags} @build", played.programs)
            how = "git submodule update --init --recursive --force @build"
            self.assertIn(how, played.programs)
        played = self.play(Git("URL", mode="copy"))
        self.assertEqual(played.programs[-2:], ["rmdir build", "cpdir source build"])
        played = self.play(Git("URL", mode="clobber"), answers=THERE)
        self.assertEqual(played.said[0], "rmdir build")

    def test_revision(self) -> None:
        """A revision that the branch does not have is asked for by itself."""
        played = self.play(Git("URL", "main"), answers={**THERE, "git cat-file": 1}, revision=SHA)
        self.assertIn(f"git fetch -f -t URL {SHA} @build", played.programs)
        self.assertIn(f"git reset --hard {SHA} -- @build", played.programs)
        played = self.play(Git("URL", alwaysUseLatest=True), answers=THERE, revision=SHA)
        self.assertNotIn(SHA, " ".join(played.programs))
        played = self.play(Git("URL"), answers=THERE, changes=[change("a"), change(SHA)])
        self.assertIn(f"git reset --hard {SHA} -- @build", played.programs)

    def test_kept(self) -> None:
        """A working copy of which Git cannot remove a file is made again, though Git ends with status 0."""
        kept = {"stderr": b"warning: unable to unlink 'e/x': Permission denied\n", "rc": 0}
        answers: dict[str, Any] = {"git reset --hard FETCH_HEAD": [kept, 0], "git ls-remote": REF, **THERE}
        played = self.play(Git("URL"), answers=answers)
        self.assertEqual((played.result, "rmdir build" in played.said), (SUCCESS, True))
        answers = {"git ls-remote": REF, "git": [kept, {"got_revision": SHA}], "stat build/.git": 0}
        played = self.play(Git("URL", "main"), SLAVE, answers)
        self.assertEqual((played.result, played.said.count("git")), (SUCCESS, 2))

    def test_words(self) -> None:
        """The words of git for what it keeps are known in all of its languages and releases."""
        for line in (
            "warning: unable to rmdir 'a b/sub': Directory not empty",
            "Warnung: unable to rmdir 'a b/sub': Das Verzeichnis ist nicht leer",
            "avertissement : unable to rmdir a b/sub: Le dossier n'est pas vide",
        ):
            answers = {"git reset --hard FETCH_HEAD": [{"stderr": f"{line}\n".encode(), "rc": 0}, 0], **THERE}
            self.assertIn("rmdir build/a b/sub", self.play(Git("URL"), answers=answers).said)

    def test_submoduleGone(self) -> None:
        """Only the directory of a submodule is removed that the new revision does not have."""
        kept = b"warning: unable to rmdir '%s': Directory not empty\n"
        for names, isMended in (
            ((b"a/sub",), True),
            ((b"x", b"y"), True),
            ((b"/x",), False),
            ((b"../x",), False),
        ):
            told = {"stderr": b"".join(kept % name for name in names), "rc": 0}
            removed = {(b"a/sub",): "rmdir build/a/sub", (b"x", b"y"): "rm -rf -- x y @build"}.get(names)
            answers: dict[str, Any] = {
                "git reset --hard FETCH_HEAD": [told, 0],
                "git ls-remote": REF,
                **THERE,
            }
            played = self.play(Git("URL"), answers=answers)
            self.assertEqual((played.result, "rmdir build" in played.said), (SUCCESS, not isMended))
            answers = {"git reset": 0, "git ls-remote": REF, "git": [told, 0], "stat build/.git": 0}
            own = self.play(Git("URL", "main"), SLAVE, answers)
            self.assertEqual((own.result, own.said.count("git")), (SUCCESS, 1 if isMended else 2))
            if isMended:
                for each in (played, own):
                    self.assertIn("git reset --hard -q @build", each.said[each.said.index(str(removed)) :])
        answers["git"] = [{**told, "got_revision": SHA, "rc": 1}, {"got_revision": SHA}]
        own = self.play(Git("URL", "main"), SLAVE, answers, patch=(1, "diff"))
        self.assertEqual((own.result, "git reset --hard -q @build" in own.said), (SUCCESS, False))

    def test_unnamed(self) -> None:
        """A working copy of the slave's own command does not name its repository; it gets the name."""
        ask = "git --git-dir=.git rev-parse"
        for answer, isOurs in ((0, True), (128, False)):
            config = "git --git-dir=.git config remote.origin.url"
            answers: dict[str, Any] = {**THERE, f"{config} @": 1, ask: answer, "git ls-remote": REF}
            played = self.play(Git("URL"), answers=answers)
            self.assertEqual((played.result, "rmdir build" in played.said), (SUCCESS, not isOurs))
            self.assertEqual(f"{config} URL @build" in played.said, isOurs)

    def test_missing(self) -> None:
        """A working copy is kept if the repository does not have the revision."""
        refused = {"stderr": f"fatal: remote error: upload-pack: not our ref {SHA}\n".encode(), "rc": 128}
        broken = {"stderr": b"fatal: loose object is corrupt\n", "rc": 128}
        for revision, told, result in (
            (SHA, refused, FAILURE),
            (SHA, [broken, 0], SUCCESS),
            ("nosuch~1", 0, FAILURE),
        ):
            answers: dict[str, Any] = {
                f"git fetch -f -t URL {SHA}": told,
                "git cat-file": 1,
                "git ls-remote": REF,
            }
            played = self.play(Git("URL", "main"), answers=answers | THERE, revision=revision)
            self.assertEqual((played.result, "rmdir build" in played.said), (result, result == SUCCESS))
            self.assertEqual(f"has no revision {revision}" in played.log, result == FAILURE)

    def test_environment(self) -> None:
        """Git speaks English and asks no question, unless the step's environment says otherwise."""
        for env, language in (({}, "C"), ({"LANGUAGE": "de", "A": "b"}, "de")):
            played = self.play(Git("URL", env=env))
            sent = next(each for each in played.sent if each.name == "shell").args["env"]
            self.assertEqual((sent["LANGUAGE"], sent["GIT_TERMINAL_PROMPT"]), (language, "0"))
            self.assertEqual(sent.get("A"), env.get("A"))

    def test_names(self) -> None:
        """A name of a revision means that of the repository, whatever the working copy has under it."""
        fetched, reset = "git fetch -f -t URL {} @build", "git reset --hard {} -- @build"
        for revision, failing, wanted in (
            ("HEAD", {}, [fetched.format("main"), reset.format("FETCH_HEAD")]),
            ("v1", {}, [fetched.format("v1"), reset.format("FETCH_HEAD")]),
            (
                "HEAD~1",
                {},
                [fetched.format("main"), reset.format("FETCH_HEAD"), reset.format("HEAD~1")],
            ),
            (
                "v1-2-gabc",
                {"git fetch -f -t URL v1-2-gabc": 128},
                [fetched.format(name) for name in ("v1-2-gabc", "main")]
                + [reset.format(name) for name in ("FETCH_HEAD", "v1-2-gabc")],
            ),
        ):
            played = self.play(Git("URL", "main"), SLAVE, {**failing, **THERE}, revision=revision)
            found = [each for each in played.programs if each.startswith(("git fetch", "git reset"))]
            self.assertEqual((found, played.result), (wanted, SUCCESS))
            self.assertIn("takes the name of a revision for one of the working copy", played.log)

    def test_options(self) -> None:
        """Options are those of git."""
        step = Git(
            WithProperties("git:%(branch)s"),
            shallow=3,
            progress=True,
            config={"a.b": "c"},
            getDescription={"always": True, "match": "v*"},
        )
        played = self.play(step, answers={"git -c a.b=c describe": "v1-2-gabc\n"}, branch="x")
        self.assertIn("git -c a.b=c fetch -f -t --progress --depth 3 git:x x @build", played.programs)
        self.assertIn("git -c a.b=c describe --always --match=v* HEAD @build", played.programs)
        self.assertEqual(played.running.build.getProperty("commit-description"), "v1-2-gabc")

    def test_fetchAgain(self) -> None:
        """With retryFetch, a failed fetch is tried once more."""
        played = self.play(Git("URL", retryFetch=True), answers={"git fetch": [1, 0]})
        self.assertEqual(played.result, SUCCESS)

    def test_oldSlave(self) -> None:
        """A slave without commands for directories gets those of its shell."""
        played = self.play(Git("URL", mode="copy"), {**OLDEST_SLAVE}, {"test -e": 1})
        self.assertEqual(
            played.programs[:3], ["rm -rf source @.", "mkdir -p source @.", "git init -q @source"]
        )
        self.assertEqual(played.programs[-2:], ["rm -rf build @.", "cp -R -P -p source build @."])


class RemovalTests(SourceCase):
    """Directories of a slave that has no command for them."""

    def test_readOnly(self) -> None:
        """A directory that may not be written to is removed all the same."""
        again = ["rm -rf build @.", "chmod -R u+rwx build @.", "rm -rf build @."]
        for answers, wanted in (({}, again[:1]), ({"rm": [1, 0]}, again), ({"rm": 1}, again)):
            played = self.play(Git("URL", mode="clobber"), OLDEST_SLAVE, answers)
            self.assertEqual(played.result, FAILURE if answers == {"rm": 1} else SUCCESS)
            found = [each for each in played.said if each.startswith(("rm ", "chmod"))]
            self.assertEqual(found, wanted)


class ConfigurationTests(SourceCase):
    """Wrong arguments."""

    def test_wrong(self) -> None:
        """A wrong argument is refused with a sentence that names it, and shows no URL."""
        kwargs: dict[str, Any]
        for kwargs, words in (
            ({}, "repourl"),
            ({"repourl": "u", "mode": "checkout"}, "mode must be 'update', 'copy', 'clobber', 'export'"),
            ({"repourl": "u", "method": "fast"}, "method must be None, 'clean'"),
            ({"repourl": "u", "retry": 3}, "retry must be a pair (seconds, times)"),
            ({"repourl": "u", "submodule": True}, "did you mean 'submodules'?"),
            ({"repourl": b"http://me:sekrit@x/"}, "repourl must be the URL of a repository"),
        ):
            with self.assertRaises(TypeError) as caught:
                Git(**kwargs)
            self.assertIn(words, str(caught.exception))
            self.assertNotIn("sekrit", str(caught.exception))
