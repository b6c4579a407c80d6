"""For any two configurations, a reconfig has the same result as a fresh start."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildbot.config.diff import diff
from buildbot.config.model import BuilderConfig, MasterConfig, SlaveConfig
from buildbot.slaves.attachment import State
from tests.examples import examples
from tests.fakes import FakeSlave
from tests.slaveport import SlavePortCase

BOTS = ("bot1", "bot2", "bot3", "bot4")
BUILDERS = ("full", "quick", "docs")


@st.composite
def configs(draw: st.DrawFn) -> MasterConfig:
    """A random configuration of a few bots and builders, in random order."""
    bots = draw(st.lists(st.sampled_from(BOTS), unique=True))
    builders = draw(st.lists(st.sampled_from(BUILDERS), unique=True)) if bots else []
    passwords, keepalives = st.sampled_from(("sekrit", "other")), st.sampled_from((60.0, 120.0))
    return MasterConfig(
        slaves={bot: SlaveConfig(bot, draw(passwords), draw(keepalives)) for bot in bots},
        builders={
            name: BuilderConfig(
                name,
                tuple(draw(st.lists(st.sampled_from(bots), unique=True, min_size=1))),
                draw(st.sampled_from((name, name + "-2"))),
                None,
            )
            for name in builders
        },
    )


class AnyToAnyTests(SlavePortCase):
    """Sequences of random configurations, with slaves that stay connected."""

    def fresh(self) -> SlavePortCase:
        case = SlavePortCase("setUp")
        case.setUp()
        return case

    @given(st.lists(configs(), min_size=2, max_size=5))
    @settings(max_examples=examples(50), deadline=None, suppress_health_check=list(HealthCheck))
    def test_asAfterAFreshStart(self, sequence: list[MasterConfig]) -> None:
        """R2, R5, R6, row 15: builders and slaves are attached as in the file; the rest does not change."""
        case = self.fresh()
        case.use(sequence[0])
        slaves: dict[str, FakeSlave] = {}
        for new in sequence:
            change = diff(case.botmaster.config, new)
            written = {name: slave.pump.server.written for name, slave in slaves.items()}
            case.use(new)
            case.settle()
            touched = {*change.slavesRemoved, *change.listsChanged}
            for name, slave in list(slaves.items()):
                if name in change.slavesRemoved:
                    self.assertTrue(slave.pump.client.lost)
                    del slaves[name]
                else:
                    self.assertFalse(slave.pump.client.lost, "a slave that stays was cut")
                    if name not in touched:
                        self.assertEqual(slave.pump.server.written, written[name], "a slave was told nothing")
            for name, slave_ in new.slaves.items():
                if name not in slaves:
                    slaves[name] = case.connect(name=name, password=slave_.password)
            self.assertEqual(list(case.botmaster.getBuildernames()), list(new.builders))
            self.assertEqual(set(case.botmaster.builders), set(new.builders))
            self.assertEqual(set(case.botmaster.slaves), set(new.slaves))
            for name, slave in slaves.items():
                bot = case.botmaster.slaves[name]
                self.assertEqual(bot.state, State.READY)
                wanted = dict(new.builderList(name))
                self.assertEqual(set(bot.builders), set(wanted))
                self.assertEqual({key.decode() for key in slave.builders}, set(wanted))
                self.assertFalse(bot.isPending())
            for builder in case.botmaster.builders.values():
                self.assertEqual(set(builder.attachedSlaves), set(builder.setup.slavenames))
        case.tearDown()
