"""Checks of the arguments of steps, schedulers, change sources, locks and recipes."""

from __future__ import annotations

import importlib
import os
import pkgutil
from typing import Any

from twisted.trial import unittest

import buildbot.changes
import buildbot.process
import buildbot.schedulers
import buildbot.steps
import buildbot.web
from buildbot.changes.base import ChangeSource
from buildbot.changes.pb import PBChangeSource
from buildbot.config.arguments import BadArguments, knownArguments
from buildbot.config.load import load
from buildbot.config.model import ConfigErrors, MasterConfig
from buildbot.logstorage import s3 as s3module
from buildbot.model.properties import WithProperties
from buildbot.process.buildfactory import BuildFactory, s
from buildbot.process.buildstep import BuildStep
from buildbot.process.locks import MasterLock, SlaveLock
from buildbot.scheduler import BaseScheduler, Nightly, Scheduler
from buildbot.schedulers.parameters import BaseParameter
from buildbot.steps import shell, transfer
from buildbot.web.accounts.authz import Authz
from buildbot.web.accounts.oldauth import AuthBase
from buildbot.web.accounts.rights import Rule

HEAD = """\
from buildbot.changes.pb import PBChangeSource
from buildbot.locks import MasterLock, SlaveLock
from buildbot.process.factory import BuildFactory, CPAN, Distutils, GNUAutoconf, Trial as TrialFactory, s
from buildbot.process.properties import WithProperties
from buildbot.scheduler import AnyBranchScheduler, Dependent, Nightly, Periodic, Scheduler
from buildbot.steps.dummy import Dummy
from buildbot.status.status_push import HttpStatusPush
from buildbot.steps.maxq import MaxQ
from buildbot.steps.python import PyFlakes, PyLint, Sphinx
from buildbot.steps.python_twisted import HLint, Trial
from buildbot.steps.shell import Compile, SetProperty, ShellCommand, Test, WarningCountingShellCommand
from buildbot.steps.transfer import DirectoryUpload, FileDownload, FileUpload
c = BuildmasterConfig = {'bots': [('b1', 'pw1')], 'slavePortnum': 9989, 'sources': [], 'schedulers': []}
f = BuildFactory()
c['builders'] = [{'name': 'full', 'slavename': 'b1', 'builddir': 'full', 'factory': f}]
"""
#: The number of the first line after the head.
NEXT = HEAD.count("\n") + 1


def errorsOf(text: str) -> list[str]:
    """The errors of the head and these lines, with their line numbers."""
    try:
        load(HEAD + text, "master.cfg", os.getcwd())
    except ConfigErrors as errors:
        return [f"{each.line}: {each.message}" for each in errors.errors]
    return []


def loaded(text: str) -> MasterConfig:
    """The configuration of the head and these lines."""
    return load(HEAD + text, "master.cfg", os.getcwd())


def shellCommand(**kwargs: str) -> str:
    """A line that adds a shell command with one more argument."""
    pairs = "".join(f", {name}={value}" for name, value in kwargs.items())
    return f"f.addStep(ShellCommand, command='make'{pairs})"


def s3(given: str) -> str:
    """A line that keeps logs in object storage."""
    return f"from buildbot.logstorage import s3; c['logStorage'] = s3.S3({given})"


UPLOAD = "f.addStep(FileUpload, slavesrc='a', masterdest='b', {})"


def own(**attributes: object) -> str:
    """A line that adds a step of a class with these attributes."""
    return f"f.addStep(type('Own', (Compile,), {attributes!r}))"


#: A line of master.cfg -> its error.
WRONG = {
    # shell commands
    shellCommand(
        env="{'JOBS': 4}"
    ): "ShellCommand: env must be a dict of variables, each with text, a list of texts"
    " or None for its value: the value of 'JOBS' is an int; write '4'",
    shellCommand(env="{4: 'x'}"): "a variable cannot be called 4",
    shellCommand(
        progressMetrics="'output'"
    ): "progressMetrics must be a list of names (texts): put a single name into a list, too",
    own(progressMetrics="output"): "its attribute progressMetrics must be a list of names (texts)",
    shellCommand(progressMetrics="None"): "progressMetrics must be a list of names (texts), not None",
    "BuildFactory((Compile, {}))": "BuildFactory: steps must be a list of steps, or None for none yet:"
    " put a single step into a list, too",
    shellCommand(env="{'A=B': 'x'}"): "a variable cannot be called the text 'A=B'",
    shellCommand(env="['A=B']"): "env must be a dict of variables",
    shellCommand(env="{'A': {}}"): "the value of 'A' is a dict",
    shellCommand(env="{'A': 'x', 'B': ['y', None], 'C': 4.5}"): "the value of 'B' is a list",
    shellCommand(timeout="'20'"): "ShellCommand: timeout must be a number of seconds, or None for no limit,"
    " not the text '20'",
    shellCommand(timeout="-1"): "not -1",
    shellCommand(timeout="float('nan')"): "not nan",
    shellCommand(timeout="float('inf')"): "not inf",
    shellCommand(timeout="True"): "not True",
    shellCommand(timeout="10 ** 5000"): "not a number of too many digits",
    shellCommand(maxTime="'1h'"): "maxTime must be a number of seconds",
    shellCommand(sigtermTime="[]"): "sigtermTime must be a number of seconds",
    shellCommand(interruptSignal="9"): "interruptSignal must be the name of a signal without SIG",
    shellCommand(interruptSignal="'SIGINT'"): "not the text 'SIGINT'",
    shellCommand(
        haltOnFailure="'no'"
    ): "ShellCommand: haltOnFailure must be True or False, not the text 'no'",
    shellCommand(alwaysRun="2"): "alwaysRun must be True or False, not 2",
    shellCommand(flunkOnFailure="[]"): "flunkOnFailure must be True or False, not a list",
    shellCommand(warnOnWarnings="'yes'"): "warnOnWarnings must be True or False",
    shellCommand(want_stderr="'no'"): "want_stderr must be True or False",
    shellCommand(want_stdout="5"): "want_stdout must be True or False",
    shellCommand(logEnviron="'x'"): "logEnviron must be True or False",
    shellCommand(usePTY="'yes'"): "usePTY must be True, False, 1, 0, None or 'slave-config'",
    shellCommand(workdir="3"): "workdir must be a directory (text), or None for that of the build, not 3",
    shellCommand(workdir="'a\\0b'"): "it has a null character",
    shellCommand(name="3"): "ShellCommand: name must be a name (text), not 3",
    shellCommand(name="''"): "name must be a name (text): this one is empty",
    shellCommand(name="'a\\nb'"): "this one has control characters",
    shellCommand(name="'x' * 300"): "this one is longer than 255 bytes",
    shellCommand(locks="'x'"): "locks must be a list of locks, not the text 'x'",
    shellCommand(locks="MasterLock('l')"): "put a single lock into a list, too",
    shellCommand(locks="[MasterLock]"): "it holds the class MasterLock",
    shellCommand(logfiles="['x']"): "logfiles must be a dict of names of logs",
    shellCommand(logfiles="{'x': 3}"): "the file of 'x' is 3",
    shellCommand(logfiles="{'x': 'y', 'z': 3}"): "the file of 'z' is 3",
    shellCommand(logfiles="{3: 'x'}"): "an int is not a name of a log",
    shellCommand(logfiles="{'stdio': 'x'}"): "'stdio' is the log of the command itself",
    shellCommand(logfiles="{'x' * 300: 'x'}"): "has a name that is longer than 255 bytes",
    shellCommand(logfiles="{'x': {'file': 'x'}}"): "a dict with other keys or values",
    shellCommand(description="3"): "description must be text, or a list of texts, not 3",
    shellCommand(descriptionDone="[1]"): "descriptionDone must be text",
    shellCommand(initial_stdin="5"): "initial_stdin must be text or bytes, or None",
    shellCommand(comand="'x'"): "ShellCommand takes no argument comand; did you mean 'command'?",
    "f.addStep(Sphinx)": "Sphinx lacks its argument sphinx_builddir",
    "f.addStep(Sphinx(sphinx_builddir='b', mode='clean'))": "Sphinx: mode must be 'incremental' or 'full'",
    "f.addStep(Sphinx(sphinx_builddir=''))": "sphinx_builddir must be a directory (text)",
    "f.addStep(Sphinx(sphinx_builddir='b', defines={'a': []}))": "defines must be a dict of names",
    "f.addStep(Sphinx(sphinx_builddir='b', tags='a'))": "tags must be a list of texts",
    "f.addStep(Sphinx(sphinx_builddir='b', command='x'))": "so take command= out",
    "f.addStep(PyLint())": "PyLint 'pylint' has no command to run",
    "f.addStep(ShellCommand, command=['make', 'a\\0b'])": "argument 2: it has a null character",
    "f.addStep(ShellCommand, command=None)": "ShellCommand 'shell' has no command to run",
    "f.addStep(ShellCommand, command=[])": "ShellCommand 'shell' has no command to run",
    "f.addStep(ShellCommand(command=''))": "ShellCommand 'shell' has no command to run",
    "f.addStep(ShellCommand)": "ShellCommand 'shell' has no command to run",
    "f.addStep(ShellCommand, command=['sleep', 5])": "argument 2 is an int; write '5'",
    "f.addStep(ShellCommand, command=['ls', ['-l', 4]])": "argument 3 is an int; write '4'",
    "f.addStep(ShellCommand, command=[[], ['']])": "argument 1, which is the program to run, is empty",
    "f.addStep(ShellCommand, command=5)": "command must be text, or a list of texts, not an int",
    "f.addStep(ShellCommand, command='a\\0b')": "it has a null character",
    "f.addStep(ShellCommand(command='x', timeout='20'))": "timeout must be a number",
    "f.addStep(s(ShellCommand(command='x', timeout='20')))": "timeout must be a number",
    "BuildFactory([s(ShellCommand, command='x', timeout='20')])": "timeout must be a number",
    "BuildFactory([ShellCommand(command='x', timeout='20')])": "timeout must be a number",
    "f.addStep(Compile, name='all', env=3)": "Compile 'all': env must be a dict of variables",
    "f.addStep(Compile, warningPattern='(')": "'(' is not a valid pattern: missing )",
    "f.addStep(Test, warningPattern=3)": "warningPattern must be a regular expression (text)",
    "f.addStep(SetProperty, command='x', property=3)": "must be the name of a property (text), not 3",
    "f.addStep(SetProperty, command='x')": "SetProperty lacks its argument property",
    "f.addStep(SetProperty, command='x', property='p', strip='no')": "strip must be True or False",
    # other steps
    UPLOAD.format(
        "maxsize=-1"
    ): "FileUpload: maxsize must be a whole number of bytes, 0 or more, or None for no limit, not -1",
    UPLOAD.format("maxsize='1M'"): "not the text '1M'",
    UPLOAD.format("blocksize=0"): "blocksize must be a whole number, at least 1, not 0",
    UPLOAD.format("blocksize=1.5"): "not 1.5",
    UPLOAD.format(
        "mode='0644'"
    ): "mode must be a number such as 0o644, or None: write 0o644 instead of the text",
    UPLOAD.format("mode=644"): "644 is 0o1204; write 0o644",
    UPLOAD.format("mode=-1"): "mode must be a number such as 0o644, or None, not -1",
    UPLOAD.format("workdir=3"): "workdir must be a directory",
    UPLOAD.format("keepstamp='no'"): "keepstamp must be True or False",
    "f.addStep(FileUpload, slavesrc=3, masterdest='b')": "slavesrc must be the name of a file",
    "f.addStep(FileUpload, slavesrc='a', masterdest='')": "it is empty",
    "f.addStep(FileUpload, slavesrc='a')": "FileUpload lacks its argument masterdest",
    "f.addStep(FileDownload, mastersrc='a', slavedest=None)": "slavedest must be the name",
    "f.addStep(DirectoryUpload, slavesrc='a', masterdest='b', compress='zip')": "None, 'gz' or 'bz2'",
    "f.addStep(FileUpload(None, 'a', 'b', 'c', 1, 2, 3, True, 9))": "takes no more than 8 arguments",
    "f.addStep(Dummy, timeout='5')": "Dummy: timeout must be a number of seconds, not the text '5'",
    "f.addStep(Dummy, workdir='x')": "Dummy: workdir must be left out: the step uses none, not the text 'x'",
    "f.addStep(SetProperty, command='x', property='p', want_stdout=False)": "want_stdout must be left on",
    "GNUAutoconf(Compile(), configure=WithProperties('%(branch)s'))": "GNUAutoconf: configure must be text",
    "f.addStep(MaxQ)": "MaxQ lacks its argument testdir",
    "f.addStep(MaxQ, testdir='')": "testdir must be the name",
    "f.addStep(SetProperty, command='x', property='')": "property must be the name of a property (text)",
    # names that no system has, and directories in the place of files
    shellCommand(workdir="'x' * 300"): "has a part of more than 255 bytes: no system has such a name",
    shellCommand(workdir="'x/' * 3000"): "longer than 4095 characters: no system has such a name",
    shellCommand(logfiles="{'a': 'x' * 300}"): "the file of 'a': it has a part of more than 255 bytes",
    shellCommand(logfiles="{'a': 'x/'}"): "the file of 'a': 'x/' is a directory",
    "f.addStep(FileUpload, slavesrc='a', masterdest='b/')": "FileUpload: masterdest must be the name of a"
    " file (text): 'b/' is a directory",
    "f.addStep(FileUpload, slavesrc='a', masterdest='..')": "masterdest must be the name of a file",
    "f.addStep(FileUpload, slavesrc='a', masterdest='ü' * 200)": "has a part of more than 255 bytes",
    "f.addStep(DirectoryUpload, slavesrc='x' * 300, masterdest='b')": "has a part of more than 255 bytes",
    "f.addStep(FileDownload, mastersrc='b', slavedest='.')": "'.' is a directory",
    # programs without a name
    "f.addStep(ShellCommand, command=['', 'x'])": "argument 1, which is the program to run, is empty",
    "CPAN(Compile(), perl='')": "CPAN: perl must be the name of a program (text): it is empty",
    "Distutils(Compile(), python='')": "Distutils: python must be the name of a program (text): it is empty",
    # an object whose class cannot show it
    shellCommand(alwaysRun="type('T', (str,), {'__repr__': None})('x')"): "not the text 'x'",
    "f.addStep(HLint, python=3)": "python must be text",
    "f.addStep(HLint, command='x')": "HLint makes its own command: leave out command",
    "f.addStep(Trial, testpath=None, tests=3)": "tests must be text, or a list of texts",
    "f.addStep(Trial, testpath=None)": "Trial: say what to test",
    "f.addStep(Trial, tests='x')": "Trial: give the directory of the tested code",
    "f.addStep(Trial, testpath=5, tests='x')": "testpath must be a directory",
    "f.addStep(Trial, testpath=None, tests='x', trialArgs='-v')": "trialArgs must be a list of texts",
    "f.addStep(Trial, testpath=None, tests='x', command='x')": "makes its own command",
    "f.addStep(Trial, testpath=None, tests='x', randomly='no')": "randomly must be True or False",
    # recipes
    "BuildFactory(3)": "BuildFactory: steps must be a list of steps, or None for none yet, not 3",
    "BuildFactory('make')": "steps must be a list of steps",
    "BuildFactory([s(Compile), None])": "BuildFactory: step 2: a step is s(StepClass, …) or StepClass",
    "BuildFactory([ShellCommand])": "BuildFactory: step 1: a step is s(StepClass, …) or StepClass",
    "f.addStep('make')": "a step is made of a subclass of BuildStep, not of a str",
    "f.addStep(Compile(), command='x')": "is a step already and takes no more arguments: command",
    "GNUAutoconf(Compile(), configureFlags='--x')": "configureFlags must be a list of texts",
    "GNUAutoconf(Compile(), configureEnv={'A': 1})": "GNUAutoconf: configureEnv must be a dict",
    "GNUAutoconf('svn')": "GNUAutoconf: source must be a step",
    "CPAN(Compile(), perl=5)": "CPAN: perl must be the name of a program (text), not 5",
    "Distutils(Compile(), tst='x')": "Distutils takes no argument tst; did you mean 'test'?",
    "TrialFactory(Compile(), tests=5)": "Trial: tests must be text",
    # attributes of a class
    own(
        haltOnFailure="no"
    ): "Own 'compile': its attribute haltOnFailure must be True or False, not the text 'no'",
    "f.addStep(type('Own', (Compile,), {'locks': MasterLock('l')}))": "its attribute locks must be a list",
    "f.addStep(type('Own', (ShellCommand,), {'command': 5}))": "Own 'shell': command must be text, or a list",
    shellCommand(env="{'A': '\\ud800'}"): "the value of 'A': it has characters that UTF-8 does not know",
    shellCommand(env="{'A': 'a\\0b'}"): "the value of 'A': it has a null character",
    "c['status'] = map(str, [])": "c['status'] must be a list, not a map: write list(…) around this map",
    "c['sources'] = [MasterLock('l')]": "entry 1 of c['sources'] cannot be a MasterLock",
    "c['sources'] = [Periodic('q', [], 60)]": "entry 1 of c['sources'] is a scheduler",
    "c['status'] = [len]": "entry 1 of c['status'] cannot be a builtin_function_or_method",
    "c['manhole'] = Compile()": "c['manhole'] cannot be a Compile: it is a service, or None",
    "c['manhole'] = 'ssh'": "c['manhole'] cannot be a str: it is a service, or None",
    "c['logStorage'] = 's3://logs'": "c['logStorage'] cannot be a str: it is S3(endpoint, bucket) of"
    " buildbot.logstorage.s3, or None",
    "c['logStorage'] = {'bucket': 'logs'}": "c['logStorage'] cannot be a dict: it is S3(endpoint, bucket)",
    "c['logStorage'] = Compile()": "c['logStorage'] cannot be a Compile: it is S3(endpoint, bucket)",
    s3("'http://x', 'logs', cachesize=3"): "S3 takes no argument cachesize; did you mean 'cacheSize'?",
    s3("bucket='logs'"): "S3 lacks its argument endpoint",
    s3("'127.0.0.1:9000', 'logs'"): "S3: endpoint must be an address such as 'https://s3.example.org:9000'",
    s3("'http://x', 5"): "S3: bucket must be a name (text), not 5",
    s3("'http://x', 'logs', spoolLimit='1 GB'"): "S3: spoolLimit must be a whole number of bytes, 0 or more,"
    " or None for no limit, not the text '1 GB'",
    # texts with properties
    "WithProperties('%s')": "WithProperties has the place '%s' and no name of a property for it",
    "WithProperties('%(a)y')": "WithProperties has a text that properties cannot fill",
    "WithProperties(3)": "WithProperties: fmtstring must be text, not 3",
    # locks
    "MasterLock('l', maxCount=0)": "MasterLock 'l': maxCount must be a whole number, at least 1, not 0",
    "MasterLock('l', True)": "not True",
    "MasterLock(3)": "MasterLock: name must be a name (text), not 3",
    "MasterLock()": "MasterLock lacks its argument name",
    "SlaveLock('l', maxCount=1.5)": "not 1.5",
    "SlaveLock('l', maxCountForSlave={'b1': 0})": "that of 'b1' is 0",
    "SlaveLock('l', maxCountForSlave=['b1'])": "maxCountForSlave must be a dict of names and whole numbers",
    # schedulers
    "Scheduler('q', None, '5', [])": "Scheduler 'q': treeStableTimer must be a number of seconds,"
    " or None for none, not the text '5'",
    "Scheduler('q', None, -5, [])": "not -5",
    "Scheduler('q', None, float('nan'), [])": "not nan",
    "Scheduler('q', 3, 5, [])": "branch must be a branch (text), or None for the main line, not 3",
    "Scheduler('q', None, 5, 'full')": "builderNames must be a list of names, not the text 'full'",
    "Scheduler('q', None, 5, [3])": "it holds 3",
    "Scheduler('q', None, 5, map(str, ['full']))": "a list of names: write list(…) around this map",
    "Scheduler('q', None, 5, [], 'code')": "fileIsImportant must be a function",
    "Scheduler('q', None, 5, [], lambda: True)": "Scheduler 'q': fileIsImportant must be a function of a"
    " change, or None for every change: this one does not take one argument",
    "Scheduler('q', None, 5)": "Scheduler 'q' lacks its argument builderNames",
    "Scheduler('q', None, 5, [], None, {}, [], 9)": "takes no more than 7 arguments by position: 1 too many",
    "Scheduler('', None, 5, [])": "Scheduler: name must be a name (text): this one is empty",
    "Scheduler('q', None, 5, [], tree=3)": "takes no argument tree",
    "AnyBranchScheduler('q', 'main', 5, [])": "branches must be a list of branches, or None for all",
    "AnyBranchScheduler('q', [3], 5, [])": "branches must be a list",
    "Dependent('q', 'main', [])": "Dependent 'q': upstream must be another scheduler, not the text 'main'",
    "Periodic('q', [], '60')": "must be a number of seconds above 0, not the text '60'",
    "Periodic('q', [], 0)": "not 0",
    "Periodic('q', [], -60)": "not -60",
    "Nightly('q', [], hour=25)": "hour must be a number from 0 to 23, a list of them, or '*', not 25",
    "Nightly('q', [], hour='3h')": "not the text '3h'",
    "Nightly('q', [], minute=[0, 60])": "a list of them, or '*': it holds 60",
    "Nightly('q', [], minute=[])": "a list of them, or '*': it is empty",
    "Nightly('q', [], dayOfMonth=31, month=2)": "Nightly 'q': no month in month= has such a dayOfMonth",
    # change sources
    "PBChangeSource(user=3)": "PBChangeSource: user must be a name (text), not 3",
    "PBChangeSource(user='u', passwd=1234)": "passwd must be text, and not empty, not an int",
    "PBChangeSource(user='u', passwd='')": "passwd must be text, and not empty, not a text",
    "PBChangeSource(user='u', passwd='p', prefix=3)": "prefix must be text",
    "PBChangeSource(user='u', passwd='p', port=99999)": "PBChangeSource: port: there is no port 99999",
    "PBChangeSource(user='u', passwd='p', port=10 ** 5000)": "port: there is no port with so many digits",
    # other keys
    "c['slavePortnum'] = {}": "not a dict",
    "c['slavePortnum'] = 10 ** 5000": "c['slavePortnum']: there is no port with so many digits",
    "c['slavePortnum'] = '9' * 5000": "c['slavePortnum']: there is no port 999999",
    "c['slavePortnum'] = 'tcp:' + '9' * 5000": "…' names no port",
    "x = {}; x['x'] = x; c['bots'] = [('b1', 'pw', {'properties': x})]": "nothing that holds itself",
    "c['bots'] = [('b1', 'pw', {'properties': {'x': float('nan')}})]": "no infinite number or nan",
    "c['bots'] = [('b1', 'pw', {'properties': {'': 1}})]": "properties must be a dict of property names",
}

#: Steps added to a factory's list without its methods.
LISTED = {
    "f.steps.append((ShellCommand, {'command': 'x', 'timeout': '20'}))": "step 1 cannot be made:"
    " ShellCommand: timeout must be a number",
    "f.steps = [Compile()]": "step 1 was put into the list directly: use addStep",
    "f.steps = None": "its factory has no list of steps, but None",
    "f.steps = [7]": "step 1 cannot be made: a step is s(StepClass, …) or StepClass(…), not an int",
}

#: Arguments that stay valid, as in 0.7.5 and 0.8.
RIGHT = (
    shellCommand(env="{'A': WithProperties('%(branch)s'), 'PYTHONPATH': ['a', 'b'], 'GONE': None}"),
    shellCommand(haltOnFailure="1", flunkOnFailure="0", warnOnFailure="None"),
    shellCommand(progressMetrics="('output', 'tests')"),
    shellCommand(timeout="None", maxTime="3600", usePTY="0", want_stderr="False", logEnviron="True"),
    shellCommand(timeout="0", workdir="''", description="'x'", descriptionDone="['a', 'b']"),
    shellCommand(workdir="WithProperties('%(branch)s')", description="[WithProperties('%(branch)s')]"),
    shellCommand(logfiles="{'a/b': 'x', 'c': {'filename': 'y', 'follow': True}}", initial_stdin="b'x'"),
    shellCommand(
        locks="[MasterLock('l'), SlaveLock('m', maxCountForSlave={'b1': 2})]", interruptSignal="'INT'"
    ),
    shellCommand(locks="()", name="'a step / of two'", usePTY="'slave-config'"),
    "f.addStep(ShellCommand, command=['echo', ('obfuscated', 'pw', 'XX'), WithProperties('%(branch)s')])",
    "f.addStep(ShellCommand, command=WithProperties('make %s', 'branch'))",
    "f.addStep(Compile, command=None)",
    "f.addStep(HLint)",
    "f.addStep(Trial, testpath=None, testChanges=True, description=['testing it'])",
    "f.addStep(Trial, testpath=None, tests=WithProperties('%(branch)s'), python=[])",
    "TrialFactory(Compile(), trialpython=None, tests=WithProperties('%(branch)s'))",
    "Distutils(Compile(), test=WithProperties('%(branch)s'))",
    "GNUAutoconf(Compile(), configureFlags=None)",
    "f.addStep(FileUpload('a', 'b'))",
    "f.addStep(FileUpload('/a/b', '../c'))",
    "f.addStep(DirectoryUpload('a/', '.'))",
    "f.addStep(FileUpload('a/', 'b'))",
    "f.addStep(FileDownload('.', 'b'))",
    shellCommand(workdir="'/'.join(['x' * 255] * 10)", logfiles="{'a': '../x.log'}"),
    "c['schedulers'] = [Scheduler('q', 'b', 1.5, ['full'], len)]",
    "c['bots'] = [('b1', 'pw', {'properties': {'a': [1, None, {'b': b'x'}], 'c': object()}})]",
    "f.addStep(FileUpload(None, 'a', WithProperties('%(branch)s'), 'build', 10, 1024, 0o644))",
    "f.addStep(DirectoryUpload('a', 'b', workdir='x', maxsize=5))",
    "f.addStep(FileDownload(WithProperties('%(branch)s'), 'b', mode=0o755))",
    "f.addStep(s(ShellCommand(command='x')))",
    "BuildFactory(s(Compile) for _ in range(2))",
    "GNUAutoconf(s(Compile), configureEnv={'CC': 'gcc'}, configureFlags=['-q'], compile=None)",
    "c['schedulers'] = [Scheduler('q', 'b', 1.5, ('full',), lambda change: True)]",
    "c['schedulers'] = [Scheduler('q', 'b', 1.5, {'full': 1}.keys())]",
    "c['schedulers'] = [Nightly('n', ['full'], hour=[1])]",
    "c['schedulers'] = [AnyBranchScheduler('q', None, None, ['full']), Periodic('p', ['full'], 0.5)]",
    "c['sources'] = [PBChangeSource('u', 'p', 9990, 'src/')]",
)

#: Plug-ins' subclasses with arguments of their own.
OWN = """
class Own(ShellCommand):
    def __init__(self, target, timeout='short', env=(), **kwargs):
        ShellCommand.__init__(self, command=['make', target], timeout={'short': 5}[timeout], **kwargs)
        self.addFactoryArguments = env
class Late(ShellCommand):
    def start(self):
        self.setCommand(['make'])
        return ShellCommand.start(self)
class Counting(Compile):
    command = ['make', 'all']
    def __init__(self, command=None, **kwargs):
        Compile.__init__(self, command=command, **kwargs)
class OwnScheduler(Periodic):
    def __init__(self, name, minutes):
        Periodic.__init__(self, name, ['full'], minutes * 60)
f.addStep(Own, target='all', env=7)
f.addStep(Own('all', timeout='short', haltOnFailure=True))
f.addStep(Late)
f.addStep(Counting)
c['schedulers'] = [OwnScheduler('o', 5)]
"""


class WrongArgumentTests(unittest.SynchronousTestCase):
    """F7: an unusable argument is an error of the configuration."""

    def test_wrong(self) -> None:
        """F7: each wrong argument is reported with its class, its line, its value and the valid values."""
        self.patch(s3module, "find_spec", lambda name: object())  # without minio there is one error more
        told = {line: errorsOf(f"x = 1\n{line}\n") for line in WRONG}
        alone = {line: errors for line, errors in told.items() if len(errors) != 1}
        self.assertEqual(alone, {})
        wrong = {line: errors for line, errors in told.items() if WRONG[line] not in errors[0]}
        self.assertEqual(wrong, {})
        elsewhere = {line: each for line, [each] in told.items() if not each.startswith(f"{NEXT + 1}: ")}
        self.assertEqual(elsewhere, {})

    def test_ofBaseClass(self) -> None:
        """An argument of a base class that a class does not take gets no hint with its own name."""
        [error] = errorsOf("c['status'] = [HttpStatusPush('http://x/', path='q')]\n")
        self.assertTrue(error.endswith("HttpStatusPush takes no argument path"), error)

    def test_listed(self) -> None:
        """F7: steps in a factory's list are checked too, with the line of the builder."""
        for line, words in LISTED.items():
            [error] = errorsOf(line)
            self.assertTrue(error.startswith(f"{NEXT - 1}: builder 'full': {words}"), error)

    def test_right(self) -> None:
        """F7: arguments that 0.7.5 and 0.8 accepted are accepted."""
        for line in RIGHT:
            self.assertEqual(errorsOf(line), [], line)
        self.assertEqual(errorsOf("\n".join(RIGHT)), [])

    def test_own(self) -> None:
        """F7: subclasses with their own arguments work."""
        self.assertEqual(errorsOf(OWN), [])

    def test_ownClassAtFault(self) -> None:
        """F7: an argument that a subclass passes on is reported at its use; one of the subclass itself, in
        the subclass.
        """
        before = "class Own(ShellCommand):\n    def __init__(self, **kwargs):\n"
        errors = errorsOf(
            f"{before}        ShellCommand.__init__(self, command='x', **kwargs)\n"
            "f.addStep(Own, timeout='9')\n"
        )
        self.assertEqual([each.partition(" must")[0] for each in errors], [f"{NEXT + 3}: Own: timeout"])
        errors = errorsOf(
            f"{before}        ShellCommand.__init__(self, command='x', timeout='9')\nf.addStep(Own)\n"
        )
        self.assertEqual([each.partition(" must")[0] for each in errors], [f"{NEXT + 2}: Own: timeout"])

    def test_withoutNames(self) -> None:
        """F7: a step with unnamed arguments is refused: it cannot be made again for each build."""
        errors = errorsOf(
            "class Own(Compile):\n    def __init__(self, *words):\n        Compile.__init__(self)\n"
            "f.addStep(Own())\nf.addStep(Own('x'))\n"
        )
        self.assertEqual(errors, [f"{NEXT + 4}: Own takes *args, which have no names: use addStep(Class, …)"])

    def test_allAtOnce(self) -> None:
        """F7, F8: all wrong arguments of all objects are reported together; a missing one hides no unknown
        one.
        """
        errors = errorsOf(
            "f.addStep(FileUpload, slavesrc=3, blocksize=0, owner='x', haltOnFailure='no')\n"
            "f.addStep(Compile, timeout='x', env=[])\n"
            "class Old(ShellCommand):\n    def __init__(self, size):\n        pass\n"
            "f.addStep(Old, colour='red')\n"
            "c['schedulers'] = [Scheduler('q', None, 'x', ['full', 'quick'], tree=9)]\n"
        )
        told = [each.split(" must")[0].split("; did")[0] for each in errors]
        self.assertEqual(
            sorted(told),
            [
                f"{NEXT}: FileUpload lacks its argument masterdest",
                f"{NEXT}: FileUpload takes no argument owner",
                f"{NEXT}: FileUpload: blocksize",
                f"{NEXT}: FileUpload: haltOnFailure",
                f"{NEXT}: FileUpload: slavesrc",
                f"{NEXT + 1}: Compile: env",
                f"{NEXT + 1}: Compile: timeout",
                f"{NEXT + 5}: Old cannot be made: TypeError: Old.__init__() got an unexpected"
                " keyword argument 'colour'",
                f"{NEXT + 6}: Scheduler 'q' takes no argument tree",
                f"{NEXT + 6}: Scheduler 'q': treeStableTimer",
                f"{NEXT + 6}: scheduler 'q' uses unknown builder 'quick'; known builders: full",
            ],
        )

    def test_inTheirOrder(self) -> None:
        """F8: errors are reported in the order of the lines, from all checks."""
        errors = errorsOf("c['bots'].append(('b1',))\nf.addStep(Compile, env=3)\nc['builders'].append(3)\n")
        self.assertEqual([each.partition(":")[0] for each in errors], [str(NEXT + n) for n in range(3)])

    def test_noSecrets(self) -> None:
        """F8: no message shows a value that may be a password."""
        errors = errorsOf(
            "PBChangeSource(user='u', passwd=['hunter2'])\n"
            "f.addStep(ShellCommand, command=['login', ('obfuscated', 'hunter2')])\n"
            "f.addStep(ShellCommand, command={'hunter2': 1})\n"
            "f.addStep(ShellCommand, command='x', env={'PASSWORD': ['hunter2', 1]})\n"
            "f.addStep(ShellCommand, command='x', initial_stdin=['hunter2'])\n"
            "import os\nos.environ['F7_SECRET'] = 'a long hunter'\n"
            "from buildbot.config.secrets import passwordFromEnv\n"
            "f.addStep(ShellCommand, command='x', timeout=passwordFromEnv('F7_SECRET'))\n"
        )
        self.assertEqual(len(errors), 6)
        self.assertNotIn("hunter", "".join(errors))

    def test_outsideOfALoad(self) -> None:
        """F7: outside of a configuration, wrong arguments raise an exception that names all of them."""
        error = self.assertRaises(BadArguments, transfer.FileUpload, slavesrc=3, owner="x")
        for words in ("slavesrc must be", "lacks its argument masterdest", "takes no argument owner"):
            self.assertIn(words, str(error))
        self.assertRaises(ValueError, MasterLock, "l", 0)
        self.assertRaises(TypeError, s, shell.ShellCommand)


class PositionTests(unittest.SynchronousTestCase):
    """F8: arguments by position."""

    def test_transfers(self) -> None:
        """F8: steps that copy files take positional arguments, as in 0.7.5 and as in later releases."""
        old = transfer.FileUpload(None, "a", "b", "w", 10, 1024, 0o600)
        self.assertEqual(
            (old.slavesrc, old.masterdest, old.workdir, old.maxsize, old.blocksize, old.mode),
            ("a", "b", "w", 10, 1024, 0o600),
        )
        later: Any = transfer.FileUpload  # its annotations are those of 0.7.5
        self.assertEqual(old, later("a", "b", "w", 10, 1024, 0o600))
        steptype, kwargs = old.getStepFactory()
        self.assertEqual(steptype(**kwargs), old)
        build: Any = object()
        self.assertIs(transfer.FileDownload(build, "a", "b").build, build)
        down = transfer.FileDownload("a", "b", mode=0o755)
        self.assertEqual((down.mastersrc, down.slavedest, down.mode), ("a", "b", 0o755))
        directory = transfer.DirectoryUpload("a", "b", "w")
        self.assertEqual((directory.slavesrc, directory.masterdest, directory.workdir), ("a", "b", "w"))

    def test_twice(self) -> None:
        """F8: an argument given by position and by name is reported."""
        error = self.assertRaises(TypeError, Scheduler, "q", None, 5, [], name="p")
        self.assertIn("is given an argument by position and by name: name", str(error))


class EveryClassTests(unittest.SynchronousTestCase):
    """Every class is checked."""

    #: Arguments of any type, or with rules of their own.
    FREE = {"build", "port"}
    BASES = (
        *(BuildStep, BuildFactory, BaseScheduler, ChangeSource, MasterLock, SlaveLock, WithProperties),
        *(BaseParameter, Authz, Rule, AuthBase),
    )

    def classes(self) -> set[type]:
        """All classes of this package whose objects a configuration makes."""
        found: set[type] = set(self.BASES)
        folders = (buildbot.changes, buildbot.process, buildbot.schedulers, buildbot.steps, buildbot.web)
        for where in folders:
            for info in pkgutil.walk_packages(where.__path__, f"{where.__name__}."):
                for each in vars(importlib.import_module(info.name)).values():
                    if isinstance(each, type) and issubclass(each, self.BASES):
                        found.add(each)
        return {each for each in found if each.__module__.startswith("buildbot.")}

    def test_kinds(self) -> None:
        """F7: every argument of every such class has a kind."""
        classes = self.classes()
        self.assertLessEqual({Scheduler, Nightly, PBChangeSource, transfer.FileUpload, MasterLock}, classes)
        self.assertGreater(len(classes), 35)
        for cls in classes:
            kinds = {
                name for each in cls.__mro__ for name in getattr(vars(each).get("__init__"), "kinds", ())
            }
            self.assertEqual(
                set(knownArguments(cls)) - kinds - self.FREE,
                set(),
                f"give these arguments of {cls.__module__}.{cls.__name__} a kind, with @arguments",
            )


class PlacesOfObjectsTests(unittest.SynchronousTestCase):
    """F8: an error about an object has the line that makes it."""

    def test_scheduler(self) -> None:
        """F8: a scheduler that is made in a loop or a function has the line that makes it."""
        errors = errorsOf(
            "def make(name):\n"
            "    return Scheduler(\n"
            "        name, None, 5, ['quick'])\n"
            "c['schedulers'] = [Periodic('p', ['full'], 60)]\n"
            "c['schedulers'].append(make('q'))\n"
            "c['schedulers'] += [make(name) for name in 'q']\n"
        )
        self.assertEqual(
            errors,
            [
                f"{NEXT + 1}: scheduler 'q' uses unknown builder 'quick'; known builders: full",
                f"{NEXT + 1}: duplicate scheduler name 'q': two schedulers have it",
            ],
        )

    def test_noFollowUps(self) -> None:
        """F8: consequences of a missing or broken key are not reported."""
        text = "del c['bots']\nc['schedulers'] = [Scheduler('q', None, 5, ['full'])]\n"
        self.assertEqual(errorsOf(text), ["None: c['bots'] is missing: the file must define 'bots'"])
        text = "del c['builders']\nc['schedulers'] = [Scheduler('q', None, 5, ['full'])]\n"
        self.assertEqual(errorsOf(text), ["None: c['builders'] is missing: the file must define 'builders'"])
        self.assertEqual(len(errorsOf("c['bots'] = 7\n")), 1)
        [error] = errorsOf("c['bots'] = [object()]\n")
        self.assertIn("bot 1 must be (name, password)", error)
        text = "c['builders'][0] = ('full', 'b1')\nc['schedulers'] = [Scheduler('q', None, 5, ['full'])]\n"
        [error] = errorsOf(text)
        self.assertIn("builder 1 is a tuple", error)

    def test_asIn075(self) -> None:
        """F8: an empty debugPassword means no account, port 0 any port, and a builddir may be absolute."""
        config = loaded(
            "c['debugPassword'] = ''\nc['slavePortnum'] = 0\nc['builders'][0]['builddir'] = '/build/full'\n"
        )
        self.assertEqual((config.debugPassword, config.ports), (None, ("tcp:0",)))
        self.assertEqual(config.builders["full"].builddir, "/build/full")
        [warning] = config.warnings
        self.assertIn("c['debugPassword'] is empty: there is no debug account", warning.message)


class DoubtTests(unittest.SynchronousTestCase):
    """F14: probable mistakes are reported as warnings."""

    def warningsOf(self, text: str) -> list[str]:
        """The warnings of the head and these lines."""
        return [f"{each.line}: {each.message}" for each in loaded(text).warnings]

    def test_passedOn(self) -> None:
        """A constructor of a site that passes on an argument of its own is told once that nothing uses it."""
        own = "class Own(ShellCommand):\n    def __init__(self, a='x', **kw):\n        kw['a'] = a\n"
        own += "        ShellCommand.__init__(self, command='x', **kw)\n"
        told = self.warningsOf(f"{own}for i in range(3):\n    f.addStep(Own, a='y', timeot=5)\n")
        sentence = (
            "Own passes the argument timeot on to ShellCommand, which ignores it; did you mean 'timeout'?"
        )
        self.assertEqual(told, [f"{NEXT + 5}: {sentence}"])

    def test_knownPassword(self) -> None:
        """F14: checkconfig warns of a change source with the default password, with its line."""
        [warning] = self.warningsOf("\nc['sources'].append(PBChangeSource())\n")
        self.assertTrue(
            warning.startswith(f"{NEXT + 1}: PBChangeSource: user 'change' has the default password"), warning
        )

    def test_directories(self) -> None:
        """F6: two builddirs of one slave that are the same on some systems, or contain each other, cause a
        warning.
        """
        text = "c['builders'].append(dict(c['builders'][0], name='n', builddir={!r}))\n"
        for builddir, words in (
            ("Full", "builder 'n' and builder 'full' have builddirs on slave 'b1' that are one directory"),
            ("full.", "are one directory on Windows and macOS"),
            ("full/src", "builder 'n': builddir 'full/src' lies in that of builder 'full', on slave 'b1'"),
        ):
            [warning] = self.warningsOf(text.format(builddir))
            self.assertIn(words, warning)
        self.assertEqual(self.warningsOf(text.format("fuller")), [])
        other = "c['bots'].append(('b2', 'x'))\nc['builders'].append(dict(c['builders'][0], name='n', "
        self.assertEqual(self.warningsOf(f"{other}builddir='Full', slavename='b2'))\n"), [])

    def test_names(self) -> None:
        """F6: builder names that are the same on some file systems cause a warning."""
        text = "c['builders'].append(dict(c['builders'][0], name='FULL', builddir='x'))\n"
        [warning] = self.warningsOf(text)
        self.assertIn("builder 'FULL' and builder 'full' differ in capitals only", warning)

    def test_locks(self) -> None:
        """F7: a lock's number for an unknown slave has no effect and causes a warning."""
        text = "c['builders'][0]['locks'] = [SlaveLock('l', maxCountForSlave={'b2': 2, 'b1': 1})]\n"
        [warning] = self.warningsOf(text)
        self.assertIn("lock 'l': maxCountForSlave names slave 'b2', which is not in c['bots']", warning)

    def test_idleScheduler(self) -> None:
        """F14: a scheduler that starts no builder, or has no branch, causes a warning."""
        [told] = self.warningsOf("c['schedulers'] = [AnyBranchScheduler('q', [], 5, ['full'])]\n")
        self.assertIn("scheduler 'q' has an empty list of branches: it builds no change", told)
        [warning] = self.warningsOf("c['schedulers'] = [Scheduler('q', None, 5, [])]\n")
        self.assertEqual(warning, f"{NEXT}: scheduler 'q' starts no builder")

    def test_misconfiguredScheduler(self) -> None:
        """F14: a scheduler with wrong arguments gets its errors, and no warnings that follow from them."""
        with self.assertRaises(ConfigErrors) as caught:
            loaded("c['schedulers'] = [Scheduler('q', None, 5, 'full')]\n")
        self.assertEqual(len(caught.exception.errors), 1)
        self.assertEqual(list(caught.exception.warnings), [])

    def test_otherReleases(self) -> None:
        """A key of another release gets a hint about the replacement."""
        [warning] = self.warningsOf("c['logMaxSize'] = 100\n")
        self.assertIn("does nothing here: leave it out, or give this argument to steps", warning)
