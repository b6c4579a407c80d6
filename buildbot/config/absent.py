# -*- test-case-name: tests.unit.config.test_absent -*-
"""The names of 0.7.5 to 0.8 that this release lacks, and one plain sentence about each.

The table is read only after an import has failed, so a name in it may exist.
"""

from __future__ import annotations

_PAGES = "the pages have no such class; derive your page from buildbot.status.web.base.HtmlResource"
_RIGHTS = "write Authz of buildbot.status.web.authz, as in 0.8"
_HOOKS = "write WebStatus(change_hook_dialects={…})"
_SOURCE = "it is left out for good; a PBChangeSource, and a hook that calls buildbot sendchange, do the same"
_TOYS = "nobody maintains CVSToys; let it send mails to an FCMaildirSource, or use a PBChangeSource"
_STEP = "there is no such step; a ShellCommand may do the same"
_CLOUD = "write a CommandLatentBuildSlave, whose start_command and stop_command call the tool of your cloud"
_SHELL = "write TelnetManhole or PasswordManhole of buildbot.manhole"
_REPORTERS = "write the status target of 0.8, of buildbot.plugins.status, into c['status']"
_TARGET = "there is no such status target; the Webhook of buildbot.status.webhook may do the same"
_LETTERS = "write mode= and messageFormatter= of the MailNotifier of buildbot.status.mail"
_LOCAL = "write BuildSlave, and start a slave of its own on this machine"
#: Kind of report of 0.9 -> the module and the class that do the same.
_TARGETS = {
    "MailNotifier": ("mail", "MailNotifier"),
    "IRC": ("words", "IRC"),
    "HttpStatusPush": ("status_push", "HttpStatusPush"),
    "GitHubStatusPush": ("github", "GitHubStatus"),
    "GitLabStatusPush": ("gitlab", "GitLabStatus"),
    "GiteaStatusPush": ("gitea", "GiteaStatus"),
    "GerritStatusPush": ("status_gerrit", "GerritStatusPush"),
}
_NEVER = "it is left out for good, so take it out"

#: The beginning of a dotted name, without C{buildbot.} -> the sentence; the longest beginning counts.
SENTENCES = {
    "status.web": _PAGES,
    "status.web.auth.": "derive your check from AuthBase of buildbot.status.web.auth",
    "status.web.authz.": _RIGHTS,
    **dict.fromkeys(("status.web.hooks", "status.web.change_hook"), _HOOKS),
    "status.html.StatusResourceBuilder": "derive your page from HtmlResource",
    "plugins.status": _TARGET,
    **dict.fromkeys(("changes", "plugins.changes"), _SOURCE),
    "changes.monotone": "it is left out for good; a hook of Monotone can call buildbot sendchange",
    **dict.fromkeys(
        ("plugins.changes.GitHubPullrequest", "plugins.changes.BitbucketPullrequest", "changes.bitbucket"),
        _HOOKS,
    ),
    "changes.freshcvs": _TOYS,
    "changes.dnotify": "maildirs are read regularly without it, so take it out",
    **dict.fromkeys(("steps", "process.step", "plugins.steps"), _STEP),
    "plugins.steps.GitLab": "write steps.Git with the same arguments",
    **dict.fromkeys(("steps.http", "plugins.steps.HTTP"), "write a MasterShellCommand with curl"),
    **dict.fromkeys(
        ("steps.mtrlogobserver", "plugins.steps.MTR"), "write a Test step that runs mysql-test-run.pl"
    ),
    **dict.fromkeys(
        ("steps.package.rpm.rpmspec", "steps.package.rpm.RpmSpec"),
        "it was no step of its own; a SetProperty with rpm -q --specfile reads a specification",
    ),
    **dict.fromkeys(
        (
            *("buildslave.libvirt", "buildslave.openstack", "buildslave.docker", "buildslave.base"),
            *("libvirtbuildslave", "worker.ec2"),
            *("buildslave.Abstract", "plugins.buildslave", "plugins.worker"),
        ),
        _CLOUD,
    ),
    **dict.fromkeys(
        (
            *(f"plugins.util.{kind}" for kind in ("Any", "RolesFrom", "GitHubAuth", "UserPasswordAuth")),
            *(f"plugins.util.{kind}" for kind in ("CustomAuth", "Avatar")),
            *(f"plugins.util.{kind}Build" for kind in ("Force", "Rebuild", "Stop")),
            "plugins.util.EnableScheduler",
        ),
        _RIGHTS,
    ),
    **dict.fromkeys(("plugins.reporters", "reporters"), _REPORTERS),
    **{
        f"plugins.reporters.{name}": f"write {kind} of buildbot.status.{module} into c['status']"
        for name, (module, kind) in _TARGETS.items()
    },
    **dict.fromkeys(
        (f"plugins.reporters.{kind}" for kind in ("Build", "MessageFormatter", "SubscriptionGen")), _LETTERS
    ),
    "plugins.reporters.WorkerMissing": "write notify_on_missing= of the slave, and a MailNotifier",
    **dict.fromkeys(("plugins.worker.Local", "worker.Local"), _LOCAL),
    "plugins.secrets": "read the secret in the file itself, with passwordFromFile of buildbot.config.secrets",
    **dict.fromkeys(("plugins.util.Janitor", "data", "util.httpclientservice", "util.giturlparse"), _NEVER),
    "process.buildstep.ShellMixin": "derive your step from ShellCommand of buildbot.steps.shell",
    "process.buildstep.regex_log_evaluator": "write evaluateCommand in a subclass of the step",
    "schedulers.basic.BaseBasicScheduler": "derive from buildbot.schedulers.base.BaseScheduler",
    "manhole.Manhole": _SHELL,
    **dict.fromkeys(("process.process_twisted", "twcompat", "slave", "process.users", "db", "www"), _NEVER),
}


def sentenceOf(name: str) -> str | None:
    """The sentence about a dotted name that could not be imported; None if nothing is known about it."""
    rest = name.removeprefix("buildbot.")
    known = [each for each in SENTENCES if rest.startswith(each)]
    return SENTENCES[max(known, key=len)] if known else None


def isListed(name: str) -> bool:
    """True if the table has a dotted name itself, so that it is not misspelt."""
    return name.removeprefix("buildbot.") in SENTENCES


def isAbsent(name: str) -> bool:
    """True if something is known about a dotted name that could not be imported."""
    return sentenceOf(name) is not None
