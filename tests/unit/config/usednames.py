"""What files of 0.7 and 0.8 use, and what becomes of it here: for the page reference/used-names and its test.

Each class has a call with the arguments that it needs, and each keyword a value. All calls are in one
configuration, each in a line of its own, so one load finds the outcome of each.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from buildbot.config.absent import sentenceOf
from buildbot.config.load import load
from buildbot.config.model import ConfigError, ConfigErrors

#: The outcomes.
ACCEPTED, WARNED, REFUSED = "accepted", "warned", "refused"

_STEP = "f.addStep({})"
_SCHEDULER = "c['schedulers'].append({})"
_SOURCE = "c['change_source'].append({})"
_MAIL = {"fromaddr": "'a@example.org'"}
_STATUS = "c['status'].append({})"
_SLAVE = "c['slaves'].append({})"
_BUILDER = "c['builders'].append({})"
_PAGES = "c['status'].append(import_module('buildbot.status.html').WebStatus({}))"
_AUTH = "import_module('buildbot.status.web.auth').BasicAuth([('u', 'p')])"

#: The name of a class in the page -> where it is, how an object is put into the configuration, and the
#: arguments that it needs. {n} is the number of the line.
CALLS = {
    "AnyBranchScheduler": ("schedulers.basic", _SCHEDULER, {"name": "'s{n}'", "builderNames": "['full']"}),
    "Authz": ("status.web.authz", _PAGES.format("8010, authz={}"), {"auth": _AUTH}),
    "BonsaiPoller": (
        "changes.bonsaipoller",
        _SOURCE,
        {"bonsaiURL": "'http://x'", "module": "'m'", "branch": "'b'"},
    ),
    "BooleanParameter": ("schedulers.forcesched", "{}", {"name": "'p'"}),
    "BuildStep": ("process.buildstep", _STEP, {}),
    "BuildFactory": ("process.factory", "{}", {}),
    "BuildSlave": ("buildslave", _SLAVE, {"name": "'s{n}'", "password": "'pw'"}),
    "BuilderConfig": (
        "config",
        _BUILDER,
        {"name": "'n{n}'", "slavename": "'b1'", "factory": "f"},
    ),
    "Bzr": ("steps.source", _STEP, {"repourl": "'http://x'"}),
    "CMake": ("steps.cmake", _STEP, {}),
    "CVS": ("steps.source", _STEP, {"cvsroot": "':pserver:a@b:/c'", "cvsmodule": "'m'"}),
    "Change": ("changes.changes", "{}", {"who": "'me'", "files": "['a']", "comments": "'c'"}),
    "ChangeFilter": ("changes.filter", "{}", {}),
    "ChoiceStringParameter": ("schedulers.forcesched", "{}", {"name": "'p'", "choices": "['a', 'b']"}),
    "Compile": ("steps.shell", _STEP, {"command": "'make'"}),
    "Configure": ("steps.shell", _STEP, {"command": "'make'"}),
    "Darcs": ("steps.source", _STEP, {"repourl": "'http://x'"}),
    "Dependent": (
        "schedulers.basic",
        _SCHEDULER,
        {"name": "'s{n}'", "upstream": "up", "builderNames": "['full']"},
    ),
    "DirectoryUpload": ("steps.transfer", _STEP, {"slavesrc": "'a'", "masterdest": "'b'"}),
    "FileDownload": ("steps.transfer", _STEP, {"mastersrc": "'a'", "slavedest": "'b'"}),
    "FileUpload": ("steps.transfer", _STEP, {"slavesrc": "'a'", "masterdest": "'b'"}),
    "FixedParameter": ("schedulers.forcesched", "{}", {"name": "'p'", "default": "'x'"}),
    "ForceScheduler": ("schedulers.forcesched", _SCHEDULER, {"name": "'s{n}'", "builderNames": "['full']"}),
    "GitHubStatus": (
        "status.github",
        _STATUS,
        {"token": "'t'", "repoOwner": "'o'", "repoName": "'r'"},
    ),
    "GNUAutoconf": ("process.factory", "{}", {"source": "Git(repourl='http://x')"}),
    "Git": ("steps.source", _STEP, {"repourl": "'http://x'"}),
    "GitPoller": ("changes.gitpoller", _SOURCE, {"repourl": "'http://x/{n}'"}),
    "HgPoller": ("changes.hgpoller", _SOURCE, {"repourl": "'http://x/{n}'", "workdir": "'w{n}'"}),
    "IRC": (
        "status.words",
        _STATUS,
        {"host": "'localhost'", "nick": "'bot{n}'", "channels": "['#dev']"},
    ),
    "Interpolate": ("process.properties", "{}", {"fmtstring": "'x'"}),
    "MakeDirectory": ("steps.slave", _STEP, {"dir": "'d'"}),
    "MasterLock": ("locks", "{}", {"name": "'l{n}'"}),
    "MasterShellCommand": ("steps.master", _STEP, {"command": "'make'"}),
    "MailNotifier": ("status.mail", _STATUS, {"fromaddr": "'a@example.org'"}),
    "Mercurial": ("steps.source", _STEP, {"repourl": "'http://x'"}),
    "Nightly": (
        "schedulers.timed",
        _SCHEDULER,
        {"name": "'s{n}'", "builderNames": "['full']", "branch": "None"},
    ),
    "PBChangeSource": ("changes.pb", _SOURCE, {"user": "'u{n}'", "passwd": "'pw'"}),
    "PBListener": ("status.client", _STATUS, {"port": "{n} + 40000", "passwd": "'pw4'"}),
    "Periodic": (
        "schedulers.timed",
        _SCHEDULER,
        {"name": "'s{n}'", "builderNames": "['full']", "periodicBuildTimer": "60"},
    ),
    "Property": ("process.properties", "{}", {"key": "'p'"}),
    "PyFlakes": ("steps.python", _STEP, {}),
    "PyLint": ("steps.python", _STEP, {"command": "'pylint'"}),
    "RemoteShellCommand": ("process.buildstep", "{}", {"workdir": "'w'", "command": "'x'"}),
    "RemoveDirectory": ("steps.slave", _STEP, {"dir": "'d'"}),
    "SVN": ("steps.source", _STEP, {"svnurl": "'http://x'"}),
    "SVNPoller": ("changes.svnpoller", _SOURCE, {"svnurl": "'http://x/{n}'"}),
    "SetProperty": ("steps.shell", _STEP, {"property": "'p'", "command": "'make'"}),
    "SetPropertyFromCommand": ("steps.shell", _STEP, {"property": "'p'", "command": "'make'"}),
    "steps.master.SetProperty": ("steps.master", _STEP, {"property": "'p'", "value": "'v'"}),
    "ShellCommand": ("steps.shell", _STEP, {"command": "'make'"}),
    "SingleBranchScheduler": (
        "schedulers.basic",
        _SCHEDULER,
        {"name": "'s{n}'", "builderNames": "['full']", "treeStableTimer": "5", "branch": "None"},
    ),
    "SlaveLock": ("locks", "{}", {"name": "'l{n}'"}),
    "SourceStamp": ("sourcestamp", "{}", {}),
    "StringParameter": ("schedulers.forcesched", "{}", {"name": "'p'"}),
    "SvnCommitsMaildirSource": ("changes.mail", _SOURCE, {"maildir": "'m{n}'"}),
    "Test": ("steps.shell", _STEP, {"command": "'make'"}),
    "TestResult": ("status.builder", "{}", {"name": "('a',)", "results": "0", "text": "'t'", "logs": "{{}}"}),
    "TinderboxMailNotifier": (
        "status.tinderbox",
        _STATUS,
        {**_MAIL, "tree": "'t'", "extraRecipients": "'b@x'"},
    ),
    "TreeSize": ("steps.shell", _STEP, {}),
    "Trial": ("steps.python_twisted", _STEP, {"tests": "'m'", "testpath": "None"}),
    "Trigger": ("steps.trigger", _STEP, {"schedulerNames": "['triggered']"}),
    "Triggerable": ("schedulers.triggerable", _SCHEDULER, {"name": "'s{n}'", "builderNames": "['full']"}),
    "Try_Jobdir": (
        "schedulers.trysched",
        _SCHEDULER,
        {"name": "'s{n}'", "builderNames": "['full']", "jobdir": "'j{n}'"},
    ),
    "Try_Userpass": (
        "schedulers.trysched",
        _SCHEDULER,
        {"name": "'s{n}'", "builderNames": "['full']", "port": "{n} + 20000", "userpass": "[('u', 'p')]"},
    ),
    "UserNameParameter": ("schedulers.forcesched", "{}", {"name": "'p'"}),
    "VC10": ("steps.vstudio", _STEP, {"projectfile": "'x.sln'"}),
    "Waterfall": ("status.html", _STATUS, {"http_port": "8010"}),
    "WaterfallStatusResource": ("status.web.waterfall", "{}", {}),
    "WebStatus": ("status.html", _STATUS, {"http_port": "8010"}),
    "WithProperties": ("process.properties", "{}", {"fmtstring": "'x'"}),
    "WarningCountingShellCommand": ("steps.shell", _STEP, {"command": "'make'"}),
}

#: Keyword -> a value that 0.8 takes.
VALUES = {
    **dict.fromkeys(
        (
            *("haltOnFailure", "flunkOnFailure", "flunkOnWarnings", "warnOnFailure", "warnOnWarnings"),
            *("alwaysRun", "doStepIf", "hideStepIf", "logEnviron", "want_stdout", "want_stderr", "usePTY"),
            *("lazylogfiles", "keepstamp", "alwaysUseLatest", "waitForFinish", "updateSourceStamp"),
            *("onlyIfChanged", "onlyImportant", "usetimestamps", "submodules", "progress", "shallow"),
            *("clobberOnFailure", "retryFetch", "always_purge", "forceSharedRepo", "required"),
            *("mergeRequests", "testChanges", "collectStdout", "clobberOnBranchChange"),
        ),
        "True",
    ),
    **dict.fromkeys(("description", "descriptionDone", "descriptionSuffix"), "['words']"),
    **dict.fromkeys(("timeout", "maxTime", "minute", "hour", "dayOfWeek", "dayOfMonth", "maxsize"), "2"),
    **dict.fromkeys(("pollinterval", "pollInterval", "periodicBuildTimer", "treeStableTimer"), "60"),
    **dict.fromkeys(("blocksize", "histmax", "size", "maxCount", "max_builds", "when"), "7"),
    **dict.fromkeys(("missing_timeout", "keepalive_interval"), "600"),
    **dict.fromkeys(("branches", "categories", "builderNames", "slavenames", "choices"), "['full']"),
    **dict.fromkeys(("command", "compile", "test", "configure"), "'make'"),
    **dict.fromkeys(("env", "configureEnv"), "{{'A': 'b'}}"),
    **dict.fromkeys(("set_properties", "maxCountForSlave"), "{{'b1': 2}}"),
    **dict.fromkeys(("branch_re", "category_re", "repository_re", "project_re", "regex"), "'x.*'"),
    **dict.fromkeys(("branch_fn", "category_fn", "filter_fn", "fileIsImportant"), "lambda change: True"),
    **dict.fromkeys(("nextSlave", "nextBuild"), "lambda builder, many: many[0]"),
    "canStartBuild": "lambda builder, slave, request: True",
    "extract_fn": "lambda rc, out, err: {{}}",
    "split_file": "lambda path: (None, path)",
    "warningExtractor": "lambda step, line, match: (None, None, line)",
    "suppressionFile": "'supp'",
    "warningPattern": "'.*W.*'",
    "initialStdin": "'x'",
    "decodeRC": "{{0: 0, 1: 1}}",
    "logfiles": "{{'a': 'b'}}",
    "logs": "{{}}",
    "locks": "[lock.access('counting')]",
    "interruptSignal": "'INT'",
    "mode": "'full'",
    "compress": "'gz'",
    "method": "'clean'",
    "retry": "(1, 2)",
    "depth": "'files'",
    "branchType": "'inrepo'",
    "codebase": "''",
    "codebases": "{{'': {{'repository': 'r', 'branch': None, 'revision': None}}}}",
    "change_filter": "ChangeFilter(branch='x')",
    "properties": "{{'p': 'v'}}",
    "copy_properties": "['p']",
    "schedulerNames": "['triggered']",
    "notify_on_missing": "'a@example.org'",
    **dict.fromkeys(("addLogs", "addPatch", "sendToInterestedUsers", "useTls"), "True"),
    **{
        "fromaddr": "'a@example.org'",
        "extraRecipients": "['b@example.org']",
        "extraHeaders": "{{'X-A': 'b'}}",
    },
    **{"lookup": "'example.org'", "relayhost": "'mail.example.org'", "smtpPort": "25", "smtpUser": "'u'"},
    **{"binaryURL": "'http://x'", "errorparser": "'unix'", "logCompression": "'gzip'", "tree": "'t'"},
    **dict.fromkeys(("context", "endDescription", "startDescription"), "WithProperties('%(p)s')"),
    **dict.fromkeys(("repoName", "repoOwner", "sha", "token"), "'x'"),
    **{"messageFormatter": "lambda *args: {{}}", "subject": "'%(builder)s'"},
    "tags": "['t']",
    "port": "{n} + 30000",
    "default": "'full'",
    "getDescription": "True",
    "steps": "[]",
    "factory": "f",
    "upstream": "up",
    "userpass": "[('u', 'p')]",
    "dir": "'d'",
    **dict.fromkeys(
        (
            *("cancelAllPendingBuilds", "cancelPendingBuild", "cleanShutdown", "default_action", "view"),
            *("forceAllBuilds", "forceBuild", "gracefulShutdown", "pauseSlave", "pingBuilder"),
            *("showUsersPage", "stopAllBuilds", "stopBuild", "stopChange"),
        ),
        "'auth'",
    ),
    "value": "'v'",
    "testpath": "'.'",
    "slavesrc": "'a'",
    "revlinktmpl": "'http://x/%s'",
    "slavename": "'b1'",
    "builddir": "'d{n}'",
    "slavebuilddir": "'d'",
    "masterdest": "'b'",
    "name": "'n{n}'",
    "bonsaiURL": "'http://x'",
}

#: (class, keyword) -> the value, where another one than in VALUES is meant; or the whole arguments.
SPECIAL: Mapping[tuple[str, str], str | Mapping[str, str]] = {
    ("SetProperty", "extract_fn"): {"command": "'make'", "extract_fn": VALUES["extract_fn"]},
    ("SetPropertyFromCommand", "extract_fn"): {"command": "'make'", "extract_fn": VALUES["extract_fn"]},
    ("FileUpload", "mode"): "0o644",
    ("FileDownload", "mode"): "0o644",
    ("Bzr", "mode"): "'update'",
    ("CVS", "mode"): "'update'",
    ("SVN", "mode"): "'update'",
    ("Mercurial", "mode"): "'update'",
    ("BooleanParameter", "default"): "True",
    ("MailNotifier", "mode"): "('failing', 'change')",
    ("MailNotifier", "smtpPassword"): {**_MAIL, "smtpUser": "'u'", "smtpPassword": "'pw3'"},
    **{("IRC", keyword): "['ann!*@example.org']" for keyword in ("allowForce", "allowShutdown")},
    **{("IRC", f"use{what}"): "True" for what in ("Colors", "Revisions", "SSL")},
    **{("IRC", keyword): "True" for keyword in ("noticeOnChannel", "showBlameList")},
    ("IRC", "notify_events"): "{{'exception': 1, 'successToFailure': 1}}",
    ("IRC", "pm_to_nicks"): "['ann']",
    ("ForceScheduler", "branch"): "FixedParameter(name='branch', default='')",
    ("ForceScheduler", "project"): "FixedParameter(name='project', default='')",
    ("ForceScheduler", "repository"): "FixedParameter(name='repository', default='')",
    ("ForceScheduler", "revision"): "FixedParameter(name='revision', default='')",
    ("ForceScheduler", "reason"): "StringParameter(name='reason', default='')",
    ("ForceScheduler", "username"): "UserNameParameter()",
    ("ForceScheduler", "properties"): "[StringParameter(name='p')]",
    ("ForceScheduler", "codebases"): "['']",
    ("Triggerable", "codebases"): "{{'': {{}}}}",
    ("BuildSlave", "properties"): "{{'p': 'v'}}",
    ("Git", "mode"): "'full'",
    ("GitPoller", "branches"): "True",
    ("Nightly", "onlyIfChanged"): {
        **{"name": "'s{n}'", "builderNames": "['full']", "branch": "None", "onlyIfChanged": "True"},
        "hour": "3",
    },
    ("SVN", "baseURL"): {"baseURL": "'http://x/'", "defaultBranch": "'trunk'"},
    ("SVN", "defaultBranch"): {"baseURL": "'http://x/'", "defaultBranch": "'trunk'"},
    ("SVN", "repourl"): {"repourl": "'http://x'"},
    ("Mercurial", "baseURL"): {"baseURL": "'http://x/'", "defaultBranch": "'d'"},
    ("Mercurial", "defaultBranch"): {"baseURL": "'http://x/'", "defaultBranch": "'d'"},
    ("Bzr", "baseURL"): {"baseURL": "'http://x/'", "defaultBranch": "'d'"},
    ("Bzr", "defaultBranch"): {"baseURL": "'http://x/'", "defaultBranch": "'d'"},
    ("BuilderConfig", "slavenames"): {"name": "'n{n}'", "factory": "f", "slavenames": "['b1']"},
    ("BuilderConfig", "tags"): "['t']",
    ("BuilderConfig", "description"): "'words'",
    ("HgPoller", "hgURL"): {"hgURL": "'http://x/{n}'", "workdir": "'w{n}'"},
    ("SourceStamp", "branch"): "'b'",
    **{(name, "allowForce"): "False" for name in ("Waterfall", "WebStatus")},
    **{(name, "distrib_port"): "'8011'" for name in ("Waterfall", "WebStatus")},
    **{("WebStatus", keyword): "7" for keyword in ("logRotateLength", "maxRotatedFiles", "numbuilds")},
    ("WebStatus", "order_console_by_time"): "True",
    ("WebStatus", "auth"): _AUTH,
    ("WebStatus", "authz"): "import_module('buildbot.status.web.authz').Authz()",
    ("WebStatus", "change_hook_auth"): "['file:hooks.passwd']",
    ("WebStatus", "change_hook_dialects"): {
        **{"http_port": "8010", "change_hook_auth": "['file:hooks.passwd']"},
        "change_hook_dialects": "{{'base': True}}",
    },
    ("WebStatus", "changecommentlink"): "('#([0-9]+)', 'http://x/[0]')",
    ("WebStatus", "revlink"): "'http://x/%s'",
}

#: Key of c, or of a builder -> a value that some release takes.
KEYS = {
    "bots": "[('b1', 'pw1')]",
    "builders": "[{'name': 'full', 'slavename': 'b1', 'builddir': 'full', 'factory': f}]",
    "buildbotURL": "'http://x/'",
    "schedulers": "[]",
    "status": "[]",
    "slavePortnum": "9989",
    "slaves": "[BuildSlave('b1', 'pw1')]",
    "change_source": "PBChangeSource(user='u', passwd='pw')",
    "projectName": "'x'",
    "projectURL": "'http://x/'",
    "title": "'x'",
    "titleURL": "'http://x/'",
    "db": "{'db_url': 'sqlite:///state.sqlite'}",
    "db_url": "'sqlite:///state.sqlite'",
    "protocols": "{'pb': {'port': 9989}}",
    "debugPassword": "'pw2'",
    "sources": "[]",
    "www": "{'port': 8010}",
    "workers": "[Worker('b1', 'pw1')]",
    "mergeRequests": "True",
    "manhole": "None",
    "prioritizeBuilders": "lambda master, builders: builders",
    "services": "[]",
    "properties": "{'p': 'v'}",
    "buildbotNetUsageData": "None",
    "codebaseGenerator": "lambda change: ''",
    "configurators": "[]",
    "caches": "{'Changes': 10}",
    "logCompressionMethod": "'gz'",
    "revlink": "lambda revision, repository: None",
    "validation": "{}",
    "mq": "{'type': 'simple'}",
    "secretsProviders": "[]",
    "user_managers": "[]",
    "multiMaster": "True",
    "collapseRequests": "True",
    **dict.fromkeys(("buildHorizon", "logHorizon", "eventHorizon", "buildCacheSize"), "100"),
    **dict.fromkeys(("changeHorizon", "changeCacheSize", "logCompressionLimit"), "100"),
    **dict.fromkeys(("logMaxSize", "logMaxTailSize"), "100000"),
}
#: The keys without which there is no configuration: each group has the names of one key.
_NEEDED = (("bots", "slaves", "workers"), ("builders",), ("slavePortnum", "protocols"))

_KEYS_HEAD = """\
from buildbot.buildslave import BuildSlave
from buildbot.changes.pb import PBChangeSource
from buildbot.process.factory import BuildFactory
from buildbot.worker import Worker
f = BuildFactory()
c = BuildmasterConfig = {}
"""


def keyOutcome(key: str) -> tuple[str, str]:
    """The outcome of a key of c, and the first error or warning."""
    used = [next((each for each in group if each == key), group[0]) for group in _NEEDED]
    lines = [f"c[{each!r}] = {KEYS[each]}" for each in dict.fromkeys([*used, key])]
    try:
        warnings = load(_KEYS_HEAD + "\n".join(lines) + "\n", "master.cfg", os.getcwd()).warnings
    except ConfigErrors as problems:
        return REFUSED, problems.errors[0].message
    return (WARNED, warnings[0].message) if warnings else (ACCEPTED, "")


_HEAD = """\
from importlib import import_module
from buildbot.buildslave import BuildSlave
from buildbot.changes.filter import ChangeFilter
from buildbot.locks import MasterLock
from buildbot.process.factory import BuildFactory
from buildbot.process.properties import WithProperties
from buildbot.schedulers.basic import SingleBranchScheduler
from buildbot.schedulers.forcesched import FixedParameter, StringParameter, UserNameParameter
from buildbot.schedulers.triggerable import Triggerable
from buildbot.steps.source import Git
lock = MasterLock('lock')
f = BuildFactory()
up = SingleBranchScheduler(name='up', branch=None, treeStableTimer=5, builderNames=['full'])
c = BuildmasterConfig = {'slaves': [BuildSlave('b1', 'pw1')], 'slavePortnum': 9989, 'change_source': []}
c['status'] = []
c['schedulers'] = [up, Triggerable(name='triggered', builderNames=['other'])]
c['builders'] = [{'name': 'full', 'slavename': 'b1', 'builddir': 'full', 'factory': f, 'category': 'full'}]
c['builders'].append({'name': 'text', 'slavename': 'b1', 'builddir': 'text', 'factory': BuildFactory()})
c['builders'].append({'name': 'other', 'slavename': 'b1', 'builddir': 'other', 'factory': BuildFactory()})
"""


def outcomesOf(lines: Sequence[str]) -> list[tuple[str, str]]:
    """The outcome of each of these lines of a configuration, and the first error or warning."""
    text = _HEAD + "\n".join(lines) + "\n"
    first = _HEAD.count("\n") + 1
    try:
        warnings = load(text, "master.cfg", os.getcwd()).warnings
        errors: Sequence[ConfigError] = ()
    except ConfigErrors as problems:
        errors, warnings = problems.errors, problems.warnings
    found = [(ACCEPTED, "")] * len(lines)
    for outcome, told in ((WARNED, warnings), (REFUSED, errors)):
        for each in reversed(told):
            place = (each.line or 0) - first
            if place < 0:  # about a whole list: the name has the number of the line
                place = int(re.findall(r"'[a-z](\d+)'", each.message)[0])
            found[place] = (outcome, each.message)
    return found


def callOf(name: str, keyword: str, number: int) -> str:
    """The line with a call of a class with a keyword."""
    module, place, needed = CALLS[name]
    special = SPECIAL.get((name, keyword), VALUES.get(keyword, "'text'"))
    if name == "WithProperties":  # any name of a function
        special = "lambda properties: 'x'"
    given = (
        dict(special) if isinstance(special, Mapping) else {**needed, keyword: needed.get(keyword, special)}
    )
    arguments = ", ".join(f"{each}={value}" for each, value in given.items()).format(n=number)
    made = f"import_module('buildbot.{module}').{name.rpartition('.')[2]}({arguments})"
    return place.format(made)


def keywordOutcomes(keywords: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The outcome of each pair of a class and a keyword."""
    return outcomesOf([callOf(name, keyword, number) for number, (name, keyword) in enumerate(keywords)])


def nameOutcome(name: str) -> tuple[str, str]:
    """The outcome of the import of a name, without C{buildbot.}, and the advice if it is refused."""
    if _found(name) is not None:
        return ACCEPTED, ""
    return REFUSED, sentenceOf(f"buildbot.{name}") or ""


def _found(name: str) -> Any:
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            thing: Any = importlib.import_module(".".join(["buildbot", *parts[:count]]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            thing = getattr(thing, part, None)
        return thing
    return None
