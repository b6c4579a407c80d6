"""The APIs of older and other releases: /json of 0.8, /api/v2 and /xmlrpc; and metrics."""

from __future__ import annotations

import xmlrpc.client
from typing import Any

from tests.stories.test_webpages import BuildingCase


class OldCase(BuildingCase):
    """A master with a failed build, and a running one."""

    def setUp(self) -> None:
        BuildingCase.setUp(self)
        self.force()
        self.commands[-1].update(stdout="boom\n")
        self.commands[-1].end(2)
        self.wait(2)
        self.commands[-1].end(0)
        self.wait(2)
        self.force()


class JsonTests(OldCase):
    """A dashboard of 0.8 reads /json."""

    def test_resources(self) -> None:
        """The resources of 0.8 are there; a missing one is an error."""
        for path in (
            *("", "/project", "/builders", "/builders/full", "/builders/full/builds", "/slaves/bot1"),
            *("/builders/full/slaves", "/builders/full/pendingBuilds", "/slaves", "/change_sources"),
            *("/builders/full/builds/_all?max=1", "/builders/full/builds/0/steps", "/metrics", "/help"),
            *("/builders/full/builds/0/source_stamp", "/builders/full/builds/0/source_stamp/changes"),
        ):
            self.assertEqual(self.ask(f"/json{path}").status, 200, path)
        for path in (
            "/odd",
            "/builders/ful",
            "/builders/full/builds/9",
            "/builders/full/odd",
            "/slaves/bot9",
        ):
            self.assertEqual(self.ask(f"/json{path}").status, 404, path)

    def test_build(self) -> None:
        """A build has the keys of 0.8; -1 is the newest, which runs."""
        build = self.ask("/json/builders/full/builds/0").json
        self.assertEqual(
            (build["results"], build["text"], build["slave"]), (2, ["failed", "compile"], "bot1")
        )
        self.assertEqual(build["steps"][0]["results"], [2, ["compile"]])
        self.assertTrue(build["logs"][0][1].endswith("/builders/full/builds/0/steps/compile/logs/stdio"))
        running = self.ask("/json/builders/full/builds/-1").json
        self.assertEqual((running["number"], running["currentStep"]["name"]), (1, "compile"))
        self.assertEqual(self.ask("/json/builders/full").json["currentBuilds"], [1])

    def test_objects(self) -> None:
        """0.8 has objects by number where others have lists: buildbot_json.py reads their keys."""
        self.assertEqual(self.ask("/json/builders/full/builds").json, {"0": None, "1": None})
        steps = self.ask("/json/builders/full/builds/0/steps").json
        self.assertEqual([steps[each]["step_number"] for each in sorted(steps)], list(range(len(steps))))
        for path in ("steps/compile", "steps/0", f"steps/-{len(steps)}"):
            self.assertEqual(self.ask(f"/json/builders/full/builds/0/{path}").json, steps["0"], path)
        self.assertEqual(self.ask("/json/builders/full/builds/0/source_stamp/changes").json, {})

    def test_slaves(self) -> None:
        """A slave is also found below its builders; it has what is known of it a second time in info."""
        slave = self.ask("/json/builders/full/slaves/bot1").json
        self.assertEqual(
            slave["info"], {key: slave[key] for key in ("admin", "host", "version", "access_uri")}
        )
        self.assertEqual(self.ask("/json/builders/full/slaves/bot9").status, 404)

    def test_someMissing(self) -> None:
        """One missing resource of several says so, and the others are there."""
        chosen = self.ask("/json/builders/full/builds?select=0&select=99").json
        self.assertEqual((chosen["0"]["number"], chosen["99"]), (0, {"error": "Not available"}))
        both = self.ask("/json/builders/full?select=&select=slaves").json
        self.assertEqual((both["state"], sorted(both["slaves"])), ("building", ["bot1"]))

    def test_metrics(self) -> None:
        """The alarms say what is wrong, as Nagios' check_buildbot.py reads them."""
        told = self.ask("/json/metrics").json
        self.assertEqual(told["counters"], {"active_builds": 1, "attached_slaves": 1})
        self.assertEqual({level for level, _ in told["alarms"].values()}, {"OK"})
        self.assertEqual(told["alarms"]["attached_slaves"][1], "1 of 1 slaves are connected")

    def test_flags(self) -> None:
        """select gives several resources in one answer; as_text is for people; callback is refused."""
        chosen = self.ask("/json/builders/full/builds?select=0&select=-1").json
        self.assertEqual(sorted(chosen), ["-1", "0"])
        text = self.ask("/json/project?as_text=1")
        self.assertEqual(text.headers["content-type"], "text/plain; charset=utf-8")
        self.assertIn("\n  ", text.text)
        self.assertNotIn("eta", self.ask("/json/builders/full/builds/0?filter=1").json)
        self.assertEqual(self.ask("/json/project?callback=f").status, 400)

    def test_bounded(self) -> None:
        """An answer with too many builds is refused before they are read."""
        many = "&".join(["select=builders/full/builds/_all"] * 9)
        self.assertEqual(self.ask(f"/json?{many}").status, 400)


class V2Tests(OldCase):
    """A badge reads /api/v2."""

    def test_badge(self) -> None:
        """The question of shields.io finds the last finished build."""
        address = "/api/v2/builders/full/builds?limit=1&order=-number&complete=true"
        (build,) = self.ask(address).json["builds"]
        self.assertEqual((build["number"], build["results"], build["complete"]), (0, 2, True))

    def test_order(self) -> None:
        """Builds come in the order that the client asks for."""
        for query, numbers in (("", [0, 1]), ("?order=-number", [1, 0]), ("?offset=1", [1])):
            builds = self.ask(f"/api/v2/builders/full/builds{query}").json["builds"]
            self.assertEqual([each["number"] for each in builds], numbers, query)
        self.assertEqual(self.ask("/api/v2/builders/full/builds?order=odd").status, 400)

    def test_resources(self) -> None:
        """There are masters, builders and builds; a builder is found by its name or number."""
        (builder,) = self.ask("/api/v2/builders").json["builders"]
        same = self.ask(f"/api/v2/builders/{builder['builderid']}").json["builders"]
        self.assertEqual(same, [builder])
        self.assertEqual(self.ask("/api/v2/masters").json["meta"], {"total": 1})
        self.assertEqual(self.ask("/api/v2/builders/full/builds/0").json["builds"][0]["number"], 0)
        for path in (
            "/builders/ful",
            "/builders/ful/builds",
            "/builders/ful/builds/0",
            "/builders/full/builds/9",
        ):
            self.assertEqual(self.ask(f"/api/v2{path}").status, 404, path)


class XmlRpcTests(OldCase):
    """A poller of 0.7.6 asks over XML-RPC."""

    def call(self, method: str, *arguments: Any) -> Any:
        """The answer to a question."""
        body = xmlrpc.client.dumps(arguments, method).encode()
        answer = self.ask("/xmlrpc", "POST", body, Content_Type="text/xml")
        (value,), _ = xmlrpc.client.loads(answer.body)
        return value

    def test_methods(self) -> None:
        """The six methods answer about finished builds."""
        self.assertEqual(self.call("getAllBuilders"), ["full"])
        self.assertEqual(self.call("getLastBuildResults", "full"), "failure")
        (row,) = self.call("getLastBuilds", "full", 5)
        self.assertEqual((row[0], row[1], row[6], row[7]), ("full", 0, "failure", ["failed compile"]))
        self.assertEqual(self.call("getLastBuildsAllBuilders", 5), [row])
        (ended,) = self.call("getAllBuildsInInterval", 0, int(row[3]) + 1)
        self.assertEqual(ended[:2], ["full", 0])
        build = self.call("getBuild", "full", 0)
        self.assertEqual(
            (build["full_error"], build["logs"][0]),
            ({"compile": "boom\nexit code 2"}, {"name": "compile/stdio", "text": "HUGE"}),
        )

    def test_fromTheEnd(self) -> None:
        """The plug-in of Trac asks for builds from the newest one on: -1 and so on."""
        self.assertEqual([self.call("getBuild", "full", -back)["number"] for back in (1, 2)], [1, 0])

    def test_faults(self) -> None:
        """A wrong question is a fault."""
        for arguments in (
            *(("getOdd",), ("getLastBuilds", "ful", 1), ("getBuild", "full", 9)),
            *(("getBuild", "full", -3), ("getBuild", "full", -(10**8)), ("getBuild", "ful", -1)),
        ):
            self.assertRaises(xmlrpc.client.Fault, self.call, *arguments)


class MetricsTests(OldCase):
    """A monitor scrapes the master."""

    def test_metrics(self) -> None:
        """The text has the state of builders, slaves and the process."""
        text = self.ask("/metrics").text
        for line in (
            "buildbot_builders 1",
            'buildbot_builds_running{builder="full"} 1',
            'buildbot_last_build_result{builder="full"} 2',
            'buildbot_slave_connected{slave="bot1"} 1',
            "buildbot_store_failing 0",
            "# TYPE process_cpu_seconds_total counter",
        ):
            self.assertIn(line, text)

    def test_counters(self) -> None:
        """Finished builds are counted from the first scrape on."""
        self.ask("/metrics")
        self.commands[-1].end(0)
        self.wait(2)
        self.commands[-1].end(0)
        self.wait(2)
        text = self.ask("/metrics").text
        self.assertIn('buildbot_builds_total{builder="full",result="success"} 1', text)
        self.assertIn("buildbot_build_duration_seconds_count 1", text)

    def test_open(self) -> None:
        """A client that takes OpenMetrics gets that."""
        answer = self.ask("/metrics", Accept="application/openmetrics-text; version=1.0.0")
        self.assertTrue(answer.text.endswith("# EOF\n"))

    def test_strangers(self) -> None:
        """Only this host may read them, and no proxy on it for others."""
        self.assertEqual(self.ask("/metrics", address="192.0.2.1").status, 403)
        self.assertEqual(self.ask("/metrics", X_Forwarded_For="192.0.2.1").status, 403)


class WrongPathTests(OldCase):
    """A dashboard of 0.8 asks for what is not there."""

    def test_missing(self) -> None:
        """Every wrong path is a 404, however deep."""
        for path in (
            *("/project/x", "/builders/full/builds/x", "/builders/full/builds/-9", "/slaves/bot1/x"),
            *("/builders/full/builds/0/steps/odd", "/builders/full/builds/0/steps/0/x"),
            *("/builders/full/builds/0/odd", "/builders/full/slaves/x", "/change_sources/x"),
        ):
            self.assertEqual(self.ask(f"/json{path}").status, 404, path)
        self.assertEqual(self.ask("/json/builders/full/builds/0/steps/1").json["name"], "test")
