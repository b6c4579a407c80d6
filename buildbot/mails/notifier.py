# -*- test-case-name: tests.stories.test_mail -*-
"""MailNotifier of C{c['status']}: mails about builds, as in 0.7.5 to 0.8.14.

L{buildbot.mails.deciding} decides which builds need one, L{buildbot.mails.wording} words it, and
L{buildbot.outgoing} keeps it until the mail server has it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from email.message import Message
from hashlib import sha256
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.logger import Logger
from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.arguments import arguments, complain, remember
from buildbot.config.kinds import COUNT, FLAG, NAMES_OR_ONE, PASSWORD, TEXT, hostKind, orNone
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.coroutines import returnsDeferred
from buildbot.mails.addresses import Domain
from buildbot.mails.argumentkinds import (
    ADD_LOGS,
    ADDRESS,
    ADDRESSES,
    FORMATTER,
    HEADERS,
    LOOKUP,
    MODE,
    PORT,
    SUBJECT,
    UNSUBSCRIBE,
)
from buildbot.mails.contents import Contents, Wishes
from buildbot.mails.deciding import comparesBuilds, modesOf, wantsMail
from buildbot.mails.digest import Digest
from buildbot.mails.letter import asText
from buildbot.mails.oldorder import inEitherOrder
from buildbot.mails.people import addressed, addressesOf, usersOf
from buildbot.mails.postbox import Postbox
from buildbot.mails.slavemails import SlaveMails
from buildbot.mails.smtp import KIND, Relay, SmtpTarget
from buildbot.model.records import BuildsetRecord
from buildbot.outgoing.sender import Sender
from buildbot.reporters.asking import asked
from buildbot.reporters.choice import isChosen
from buildbot.reporters.ends import Ends
from buildbot.reporters.mark import Mark
from buildbot.reporters.outages import Outages
from buildbot.reporters.work import Work
from buildbot.status.base import StatusReceiverMultiService
from buildbot.status.build import BuildStatus
from buildbot.store.interface import StoreFailed
from buildbot.text.plural import counted

log = Logger()


@implementer(interfaces.IEmailSender)
class MailNotifier(StatusReceiverMultiService):
    """I send a mail about each build that needs one.

    @ivar contents: fills the mails; from the start on.
    @ivar mark: knows which builds were looked at; from the start on.
    @ivar postbox: queues the mails; from the start on.
    @ivar work: writes the mails, in the order of the events.
    """

    compare_attrs: Sequence[str] = (
        *("fromaddr", "mode", "categories", "builders", "addLogs", "relay", "subject", "lookup"),
        *("extraRecipients", "sendToInterestedUsers", "customMesg", "messageFormatter", "extraHeaders"),
        *(
            "addPatch",
            "buildSetSummary",
            "previousBuildGetter",
            "watchedSlaves",
            "digestAfter",
            "unsubscribe",
        ),
    )

    @inEitherOrder
    @arguments(
        fromaddr=ADDRESS,
        mode=MODE,
        categories=orNone(NAMES_OR_ONE),
        builders=orNone(NAMES_OR_ONE),
        addLogs=ADD_LOGS,
        relayhost=hostKind("smtpPort"),
        subject=orNone(SUBJECT),
        lookup=orNone(LOOKUP),
        extraRecipients=ADDRESSES,
        sendToInterestedUsers=FLAG,
        customMesg=orNone(FORMATTER),
        messageFormatter=orNone(FORMATTER),
        extraHeaders=orNone(HEADERS),
        addPatch=FLAG,
        buildSetSummary=FLAG,
        tags=orNone(NAMES_OR_ONE),
        useTls=orNone(FLAG),
        smtpUser=orNone(TEXT),
        smtpPassword=orNone(PASSWORD),
        smtpPort=PORT,
        previousBuildGetter=orNone(FORMATTER),
        smtpCAFile=orNone(TEXT),
        watchedSlaves=orNone(NAMES_OR_ONE),
        digestAfter=orNone(COUNT),
        unsubscribe=orNone(UNSUBSCRIBE),
    )
    def __init__(
        self,
        fromaddr: str,
        mode: str | Sequence[str] = "all",
        categories: Sequence[str] | str | None = None,
        builders: Sequence[str] | str | None = None,
        addLogs: bool | Sequence[str] = False,
        relayhost: str = "localhost",
        subject: str | None = None,
        lookup: Any = None,
        extraRecipients: Sequence[str] | str = (),
        sendToInterestedUsers: bool = True,
        customMesg: Callable[..., Any] | None = None,
        messageFormatter: Callable[..., Any] | None = None,
        extraHeaders: Mapping[str, Any] | None = None,
        addPatch: bool = True,
        buildSetSummary: bool = False,
        tags: Sequence[str] | str | None = None,
        useTls: bool | None = None,
        smtpUser: str | None = None,
        smtpPassword: str | None = None,
        smtpPort: int = 25,
        previousBuildGetter: Callable[[Any], Any] | None = None,
        smtpCAFile: str | None = None,
        watchedSlaves: Sequence[str] | str | None = None,
        digestAfter: int | None = None,
        unsubscribe: str | None = None,
    ) -> None:
        """@param fromaddr: the sender of all mails.
        @param mode: which builds need a mail: see L{buildbot.mails.deciding}.
        @param categories: only builders with one of these categories or tags. C{tags} is another name of it.
        @param builders: only these builders.
        @param addLogs: True to attach all logs, or the names of logs (C{"stdio"}, C{"compile.stdio"}).
        @param relayhost: the mail server, and C{smtpPort} its port.
        @param subject: with C{%(result)s}, C{%(builder)s}, C{%(title)s}, C{%(projectName)s}.
        @param lookup: finds the addresses of users: an C{IEmailLookup}, or the domain to add.
        @param extraRecipients: addresses that get every mail.
        @param sendToInterestedUsers: True to write to the authors of changes, and to owners of builds.
        @param customMesg: a function of a dictionary that returns the text and its type, as in 0.7.
        @param messageFormatter: a function (mode, name, build, results, status) that returns a dictionary
            with C{body}, C{type} ("plain" or "html") and perhaps C{subject}, as in 0.8. A plain text may have
            C{html} beside it.
        @param extraHeaders: further headers, with properties.
        @param addPatch: True to attach the patch of a build.
        @param buildSetSummary: True to send one mail for all builds of a build set.
        @param useTls: True to demand an encrypted connection with a valid certificate. See L{Relay}.
        @param previousBuildGetter: a function that returns the build before a build.
        @param smtpCAFile: the file of a certificate to trust.
        @param watchedSlaves: "all" or names of slaves: C{extraRecipients} are told when one is missing.
        @param digestAfter: so many builds within ten minutes have a mail each; the next ones share one.
        @param unsubscribe: for the header List-Unsubscribe: a mail address, or a page.
        """
        StatusReceiverMultiService.__init__(self)
        remember(self)
        self.fromaddr = fromaddr
        self.mode = mode if isinstance(mode, str) else tuple(_several(mode))
        given = categories if categories is not None else tags
        self.categories = None if given is None else _several(given)
        self.builders = None if builders is None else _several(builders)
        self.addLogs = addLogs
        self.relayhost = relayhost
        self.relay = Relay(relayhost, smtpPort, useTls, smtpUser, smtpPassword, smtpCAFile)
        self.subject = subject
        self.lookup = Domain(lookup) if isinstance(lookup, str) else lookup
        self.extraRecipients = _several(extraRecipients)
        self.sendToInterestedUsers = sendToInterestedUsers
        self.customMesg = customMesg
        self.messageFormatter = messageFormatter
        self.extraHeaders = None if extraHeaders is None else dict(extraHeaders)
        self.addPatch = addPatch
        self.buildSetSummary = buildSetSummary
        self.previousBuildGetter = previousBuildGetter
        self.digestAfter, self.unsubscribe = digestAfter, unsubscribe
        self.watchedSlaves = None if watchedSlaves is None else _several(watchedSlaves)
        self.modes = modesOf(self.mode)
        self._before: tuple[Any, Any] = None, None  # a build, and the one before it
        self.work = Work("a mail cannot be written")
        self._target: SmtpTarget | None = None
        if categories is not None and tags is not None:
            complain(self, ": categories= and tags= are two names of one argument: keep one", "tags", tags)
        if builders is not None and given is not None:
            sentence = ": write either builders= or categories=, not both"
            complain(self, sentence, "builders", builders)
        if smtpPassword is not None and smtpUser is None:
            complain(self, ": smtpPassword needs smtpUser", "smtpUser", None)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.relay.name}>"

    # start and stop

    def startService(self) -> None:
        """Listen to the master."""
        super().startService()
        self._status: Any = self.master.getStatus()
        self.status = self.master_status = self._status  # the names of 0.7 and 0.8, for subclasses
        self._outages = Outages(self._status.fetchBuilds)
        self._target = SmtpTarget(self.relay, self.master.botmaster.resources.clock)
        self._sender.use(self._target)
        self.contents = Contents(
            Wishes(
                self.fromaddr,
                self.mode,
                self.subject,
                self.addLogs,
                self.addPatch,
                self.extraHeaders,
                self.customMesg,
                self.messageFormatter,
                tuple(self.extraRecipients),
                self.unsubscribe,
                bool(self.sendToInterestedUsers),
            ),
            self._status,
            self.master.basedir,
            self.master.botmaster.resources.clock,
        )
        resources = self.master.botmaster.resources
        self.postbox = Postbox(self.fromaddr, lambda: self._sender, lambda: resources.now())
        about = (self.watchedSlaves or (), self.extraRecipients)
        self._slaves = SlaveMails(self.master, self.contents, self.postbox, self._isFirst, *about)
        told = (self.builders, self.categories, *(["sets"] if self.buildSetSummary else []))
        choice = sha256(repr(told).encode("utf-8", "replace")).hexdigest()[:8]
        self.mark = Mark(resources.store, f"{self.contents.own}.{choice}")
        self._digest = Digest(
            self.digestAfter or sys.maxsize,
            resources.clock,
            lambda builds: self.work.do(self._digestTold(builds)),
        )
        isOfSets = self.buildSetSummary
        self._ends = Ends(self, self.mark, not isOfSets, isOfSets, begun=self._begun)
        self._ends.begin()

    @property
    def _sender(self) -> Sender:
        found: Sender = self.master.outgoing.sender(self.relay.name)
        return found

    @returnsDeferred
    async def stopService(self) -> None:
        """Stop listening. Mails that are being written are queued first."""
        self._digest.end()
        isTold = await self._ends.end()
        self._slaves.missing.stop()
        if not isTold:
            log.warn("a mail takes too long to write; it is written after the next start")
        await self.mark.keep()
        if self._target is not None:
            self._sender.release(self._target)
            self._target = None
        await maybeDeferred(super().stopService)

    # events

    def builderAdded(self, builderName: str, builder: Any) -> Any:
        """Follow each builder: a later reconfig may give it another category."""
        return self._ends.following

    def follows(self, builder: Any) -> bool:
        """True if I follow a builder; C{builder} is its status."""
        return isChosen(builder, self.builders, self.categories)

    def buildStarted(self, builderName: str, build: Any) -> Any:
        """Return None: I want no events of single steps."""

    def buildFinished(self, builderName: str, build: Any, results: int) -> None:
        """Send a mail, if the build needs one."""
        self._ends.buildEnded(build, results)

    # one mail

    async def told(self, build: BuildStatus, results: int) -> None:
        """Send a mail about a build that has ended, if it needs one."""
        waits = False
        try:
            isWanted = await self._isWanted(build, results)
            waits = isWanted and self._digest.takes(build)
            if isWanted and not waits:
                told: Any = [build] if _takesBuilds(self.buildMessage) else build
                await maybeDeferred(self.buildMessage, build.getBuilder().getName(), told, results)
        finally:  # what fails is not tried again at each start; what a stop has cut off is
            (self.mark.owe if waits else self.mark.looked)(build)
        if isWanted:
            await self.mark.keep()

    async def _digestTold(self, builds: Sequence[BuildStatus]) -> None:
        """Send one mail about builds that each needed one."""
        try:
            what = counted(len(builds), "build")
            letter = await self.contents.ofSet(f"{what} within ten minutes", builds, what, "digest")
            await self.postbox.post(letter, await self._recipients(builds), "")
        finally:
            for build in builds:
                self.mark.looked(build)
        await self.mark.keep()

    async def _isWanted(self, build: BuildStatus, results: int) -> bool:
        self._before = build, await self._comparedWith(build)
        try:
            return bool(await asked(self.master.botmaster.resources.clock, self.isMailNeeded, build, results))
        except PLUGIN_ERRORS:
            log.failure("isMailNeeded failed; the usual rule decides")
            return MailNotifier.isMailNeeded(self, build, results)

    async def _comparedWith(self, build: BuildStatus) -> Any:
        if self.previousBuildGetter is not None:
            try:
                return await asked(self.master.botmaster.resources.clock, self.previousBuildGetter, build)
            except PLUGIN_ERRORS:
                log.failure("previousBuildGetter failed; the build before is taken")
        elif not comparesBuilds(self.modes):
            return None
        return await self._outages.before(build)

    async def _write(self, build: BuildStatus, results: int) -> None:
        first = None
        try:
            first = await self._outages.first(build, await self._outages.before(build))
        except StoreFailed as why:
            log.warn("cannot read the builds before {build}: {why}", build=build.number, why=why.reason)
        letter = await self.contents.ofBuild(build, results, first)
        await self.postbox.post(letter, await self._recipients([build]), build.getBuilder().getName())

    async def toldSet(self, buildset: BuildsetRecord, builds: list[BuildStatus]) -> None:
        """Send one mail about all builds of a set, if one of them needs one."""
        for build in builds:
            if await self._isWanted(build, build.getResults() or 0):
                letter = await self.contents.ofSet(f"Build set: {buildset.reason}", builds)
                await self.postbox.post(letter, await self._recipients(builds), "")
                break
        for build in builds:
            self.mark.looked(build)
        await self.mark.keep()

    async def _recipients(self, builds: Sequence[BuildStatus]) -> tuple[list[str], list[str]]:
        users = usersOf(builds) if self.sendToInterestedUsers else []
        interested = await addressesOf(users, self.lookup, self.master.botmaster.resources.clock)
        return addressed(interested, self.extraRecipients)

    # missing slaves

    def _begun(self) -> None:
        """The configuration that has me is in force: begin to watch slaves, and to send mails."""
        self._slaves.missing.start()
        self.work.do(self.master.outgoing.inherit(self._sender, KIND))

    def _isFirst(self) -> bool:
        """True if I am the first notifier: only that one tells the owners of slaves."""
        senders = (each for each in self.master.config.status if interfaces.IEmailSender.providedBy(each))
        return next(senders, None) is self

    def slaveConnected(self, slaveName: str) -> None:
        """See L{interfaces.IMasterReceiver}."""
        self._slaves.missing.connected(slaveName)

    def slaveDisconnected(self, slaveName: str) -> None:
        """See L{interfaces.IMasterReceiver}."""
        self._slaves.missing.lost(slaveName)

    def slaveChanged(self, slaveName: str) -> None:
        """See L{interfaces.IMasterReceiver}."""
        self._slaves.late.changed(slaveName)

    def reconfigured(self, outcome: Mapping[str, Any]) -> None:
        """See L{interfaces.IMasterReceiver}."""
        if outcome["applied"]:
            self._slaves.missing.reconfigured()

    # names of 0.7 and 0.8

    def buildMessage(self, name: str, build: Any, results: int) -> Any:
        """Write and queue the mail about a build that needs one; a subclass may do something else.

        @param build: its status, or a list with it, as in 0.8.
        @return: a Deferred that fires when the mail is on disk.
        """
        return ensureDeferred(self._write(build[-1] if isinstance(build, (list, tuple)) else build, results))

    def isMailNeeded(self, build: Any, results: int) -> bool:
        """True if a build needs a mail; a subclass may decide otherwise."""
        known, before = self._before
        if known is not build:  # called by a plug-in at another time: as far as the builds in memory tell
            before = build.getPreviousBuild()
        return wantsMail(self.modes, results, None if before is None else before.getResults())

    def sendMessage(self, m: Message, recipients: Sequence[str]) -> Deferred[None]:
        """Queue a mail of your own.

        @param m: the mail; headers that are missing are added.
        @return: fires when it is on disk.
        """
        mail = self.contents.completed(m, self.master.botmaster.resources.now())
        return self.postbox.queue(mail, asText(mail), recipients, "")


def _several(value: Sequence[str] | str) -> list[str]:
    if isinstance(value, str):
        return [value]
    return list(value) if isinstance(value, (list, tuple)) else sorted(value)


def _takesBuilds(buildMessage: Callable[..., Any]) -> bool:
    """True if the method of a subclass takes a list of builds, as since 0.8.5: its argument says so."""
    return "builds" in inspect.signature(buildMessage).parameters
