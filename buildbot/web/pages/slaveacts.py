# -*- test-case-name: tests.stories.test_webacts -*-
"""Actions on slaves and on the master: pause, unpause, drain, disconnect, reconfig."""

from __future__ import annotations

from typing import Any

from buildbot.control.audit import MASTER, aboutSlave
from buildbot.control.client import ControlError
from buildbot.text.plural import counted
from buildbot.web.call import Answer, Call, missing
from buildbot.web.markup import NOTHING, Markup, join
from buildbot.web.pages.acting import Deed, act, comeBack, command, loginOffer, said
from buildbot.web.pages.acts import REASON, both, confirm
from buildbot.web.pages.forms import form, group
from buildbot.web.pages.pieces import paragraph

#: The rights to act on a slave.
ACTIONS = ("pauseSlave", "drainSlave", "disconnectSlave")


async def slaveForms(call: Call, name: str, pause: str) -> Markup:
    """The forms for the actions on a slave that the visitor may do; else a link to the login.

    @param pause: the kind of its pause, such as C{"draining"}; "" if it is not paused.
    """
    forms, back = [], comeBack(call)
    if await call.may("pauseSlave"):
        if pause:
            forms.append(form(call.to("buildslaves", name, "unpause"), "Unpause", [back]))
        else:
            forms.append(form(call.to("buildslaves", name, "pause"), "Pause", [REASON, back]))
    if pause != "draining" and await call.may("drainSlave"):
        forms.append(form(call.to("buildslaves", name, "drain"), "Drain", [REASON, back]))
    if await call.may("disconnectSlave"):
        forms.append(form(call.to("buildslaves", name, "disconnect"), "Disconnect", [back]))
    return join([group(forms), "" if forms else await loginOffer(call, ACTIONS)])


def _slave(call: Call) -> str:
    name: str = call.values["slave"]
    if name not in call.world.botmaster.slaves:
        raise missing("slave", name)
    return name


async def pause(call: Call) -> Answer:
    """Start no further builds on a slave."""
    return await _pause(call, "pause", "pauseSlave", "The slave is paused: no build starts there.")


async def drain(call: Call) -> Answer:
    """Pause a slave, and disconnect it once it is idle."""
    return await _pause(call, "drain", "drainSlave", "The slave is drained: it disconnects when it is idle.")


async def _pause(call: Call, name: str, action: str, text: str) -> Answer:
    slave, why = _slave(call), said(call, "comments", "why", "reason")
    return await act(
        call,
        Deed(action, aboutSlave(slave), detail=why),
        lambda: command(call, name)(slave, call.who.name, why),
        lambda value: text,
        ("buildslaves", slave),
    )


async def unpause(call: Call) -> Answer:
    """Start builds on a slave again."""
    deed = Deed("pauseSlave", aboutSlave(_slave(call)), detail="unpaused")
    return await _changed(call, "unpause", "unpaused", "paused", deed, "The slave gets builds again.")


async def disconnect(call: Call) -> Answer:
    """Disconnect a slave. It usually connects again."""
    deed = Deed("disconnectSlave", aboutSlave(_slave(call)))
    text = "The slave is disconnected. It usually connects again soon."
    return await _changed(call, "disconnect", "disconnected", "connected", deed, text)


async def _changed(call: Call, name: str, key: str, state: str, deed: Deed, text: str) -> Answer:
    """Carry out a command that ends a state of a slave.

    @param key: is true in the answer of the command if the slave was in the state.
    """
    slave = _slave(call)

    async def work() -> dict[str, Any]:
        value: dict[str, Any] = await command(call, name)(slave)
        if not value[key]:
            raise ControlError(f"slave {slave} is not {state}")
        return value

    return await act(call, deed, work, lambda value: text, ("buildslaves", slave))


async def reconfig(call: Call) -> Answer:
    """Read the configuration again, and apply it if it is valid."""

    async def work() -> dict[str, Any]:
        value: dict[str, Any] = await command(call, "reconfig")(who=call.who.name)
        if not value["applied"]:
            why = "; ".join(map(str, value["errors"]))
            raise ControlError(f"the configuration was not applied{f': {why}' if why else ''}")
        return value

    return await act(
        call,
        Deed("reconfig", MASTER),
        work,
        lambda value: f"The configuration is in force, with {counted(len(value['warnings']), 'warning')}.",
        ("about",),
    )


async def shutdown(call: Call) -> Answer:
    """Stop the master once the running builds have ended."""

    async def work() -> dict[str, Any]:
        value: dict[str, Any] = await command(call, "shutdown")(call.who.name)
        return value

    return await act(
        call,
        Deed("shutdown", MASTER, detail="clean"),
        work,
        lambda value: f"The master starts no builds, and stops after {counted(value['running'], 'build')}.",
        ("about",),
    )


async def cancelShutdown(call: Call) -> Answer:
    """Do not stop the master."""

    async def work() -> dict[str, Any]:
        value: dict[str, Any] = await command(call, "cancelshutdown")(call.who.name)
        if not value["cancelled"]:
            raise ControlError("nobody has asked the master to stop")
        return value

    deed = Deed("shutdown", MASTER, detail="cancelled")
    return await act(call, deed, work, lambda value: "The master does not stop.", ("about",))


async def aboutForms(call: Call) -> Markup:
    """The forms of a reconfig and of a clean stop, if the visitor may do them."""
    forms = [form(call.to("reconfig"), "Reconfigure")] if await call.may("reconfig") else []
    if await call.may("shutdown"):
        if call.world.master.cleanStop.isOn:
            forms.append(form(call.to("cancel_shutdown"), "Do not stop the master"))
        else:
            forms.append(form(call.to("shutdown"), "Stop the master after the running builds"))
    return join([shutdownNote(call), group(forms)])


def shutdownNote(call: Call) -> Markup:
    """A note about the person who wants the master to stop; empty without a clean stop."""
    found = call.world.master.cleanStop.toRecord()
    if found is None:
        return NOTHING
    who = found["who"] or "Somebody"
    words = f"{who} wants the master to stop: no build starts, and it stops once the running ones have ended."
    return paragraph(words)


_PAUSE = confirm("Pause the slave {slave}?", "Pause", REASON)
_UNPAUSE = confirm("Start builds on the slave {slave} again?", "Unpause")
_DRAIN = confirm("Drain the slave {slave}?", "Drain", REASON)
_DISCONNECT = confirm("Disconnect the slave {slave}?", "Disconnect")
_RECONFIG = confirm("Read the configuration again?", "Reconfigure")
_SHUTDOWN = confirm("Stop the master once the running builds have ended?", "Stop")
_CANCEL = confirm("Cancel the stop of the master?", "Do not stop the master")
_PAIRS = (
    both("/buildslaves/{slave}/pause", _PAUSE, pause, "Start no further builds on a slave."),
    both("/buildslaves/{slave}/unpause", _UNPAUSE, unpause, "Start builds on a slave again."),
    both("/buildslaves/{slave}/drain", _DRAIN, drain, "Disconnect a slave once it is idle."),
    both("/buildslaves/{slave}/shutdown", _DRAIN, drain, "Drain a slave, at the address of 0.7.10."),
    both("/buildslaves/{slave}/disconnect", _DISCONNECT, disconnect, "Disconnect a slave."),
    both("/shutdown", _SHUTDOWN, shutdown, "Stop the master once the running builds have ended."),
    both("/cancel_shutdown", _CANCEL, cancelShutdown, "Do not stop the master."),
    both("/reconfig", _RECONFIG, reconfig, "Read the configuration again."),
)
ROUTES = tuple(route for pair in _PAIRS for route in pair)
