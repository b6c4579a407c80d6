"""EC2LatentBuildSlave of 0.8, with a cloud in memory; tests.integration.test_ec2 has boto3 and a server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.trial import unittest

from buildbot.buildslave.ec2 import EC2LatentBuildSlave
from buildbot.config.arguments import BadArguments
from buildbot.interfaces import LatentBuildSlaveFailedToSubstantiate
from buildbot.latent import ec2
from buildbot.latent.ec2calls import Account, EC2Error, Machines, codeOf


class CloudError(Exception):
    """An error with the answer of EC2, as C{botocore.exceptions.ClientError} has it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


class FakeCloud:
    """The client of boto3 for EC2, as far as L{Machines} uses it.

    @ivar instances: id -> its description.
    @ivar next: the states that each new instance has, one a question.
    @ivar fails: what C{run_instances} raises, one each time.
    @ivar unseen: the ids that EC2 does not tell about yet.
    """

    def __init__(self) -> None:
        self.instances: dict[str, dict[str, Any]] = {}
        self.next: list[str] = []
        self.fails: list[Exception] = []
        self.unseen: set[str] = set()
        self.images: list[dict[str, str]] = []
        self.prices: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.equipment: list[tuple[str, ...]] = []
        self.asked: list[dict[str, Any]] = []

    def run_instances(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        if self.fails:
            raise self.fails.pop(0)
        [specification] = request["TagSpecifications"]
        tags = {tag["Key"]: tag["Value"] for tag in specification["Tags"]}
        instance = f"i-{len(self.instances) + 1}"
        self.instances[instance] = {"InstanceId": instance, "tags": tags, "states": self.next or ["running"]}
        return {"Instances": [{"InstanceId": instance}]}

    def get_paginator(self, name: str) -> FakeCloud:
        assert name == "describe_instances"
        return self

    def paginate(
        self, InstanceIds: list[str] | None = None, Filters: list[dict[str, Any]] | None = None
    ) -> Iterator[dict[str, Any]]:
        found = []
        for each in InstanceIds or [each for each in self.instances if each not in self.unseen]:
            if each not in self.instances or each in self.unseen:
                raise CloudError("InvalidInstanceID.NotFound")
            instance = self.instances[each]
            if Filters and instance["tags"].get(Filters[0]["Name"][4:]) not in Filters[0]["Values"]:
                continue
            states = instance["states"]
            state = states.pop(0) if len(states) > 1 and InstanceIds else states[0]
            found.append({"InstanceId": each, "State": {"Name": state}})
        yield {"Reservations": [{"Instances": found}]}

    def terminate_instances(self, InstanceIds: list[str]) -> None:
        for each in InstanceIds:
            if each not in self.instances:
                raise CloudError("InvalidInstanceID.NotFound")
            self.instances[each]["states"] = ["shutting-down", "terminated"]

    def describe_images(self, **which: Any) -> dict[str, Any]:
        self.asked.append(which)
        return {"Images": self.images}

    def describe_spot_price_history(self, **which: Any) -> dict[str, Any]:
        self.asked.append(which)
        return {"SpotPriceHistory": [{"SpotPrice": each} for each in self.prices]}

    def describe_addresses(self, PublicIps: list[str]) -> dict[str, Any]:
        return {"Addresses": [{"AllocationId": "a-1"}] if PublicIps == ["192.0.2.7"] else []}

    def associate_address(self, InstanceId: str, AllocationId: str) -> None:
        self.equipment.append((InstanceId, AllocationId))

    def attach_volume(self, InstanceId: str, VolumeId: str, Device: str) -> None:
        self.equipment.append((InstanceId, VolumeId, Device))


class SlaveCase(unittest.SynchronousTestCase):
    """A slave whose cloud is in memory, and whose waits a test ends."""

    def setUp(self) -> None:
        self.cloud = FakeCloud()
        self.accounts: list[Account] = []
        self.waits: list[Deferred[None]] = []
        # a machine without the package has the class, too: its constructor says what is missing
        self.patch(ec2, "find_spec", lambda name: name)

    def made(self, **more: Any) -> EC2LatentBuildSlave:
        """A slave, as the master uses it."""
        slave = EC2LatentBuildSlave("box", "pw", **{"instance_type": "m1.large", "ami": "ami-1", **more})
        slave.inThread = maybeDeferred
        slave.wait = self.wait
        slave.openAccount = self.open
        slave.environment = {"BUILDMASTER": "master.example.org", "BUILDMASTER_PORT": "9989"}
        return slave

    def open(self, account: Account) -> Machines:
        self.accounts.append(account)
        return Machines(self.cloud, account.region or "us-east-1")

    def wait(self, seconds: float) -> Deferred[None]:
        self.waits.append(Deferred())
        return self.waits[-1]

    def go(self) -> None:
        """The next wait ends."""
        self.waits.pop().callback(None)

    def started(self, slave: EC2LatentBuildSlave) -> str:
        """Start it; it runs at once."""
        slave.instance_id = self.successResultOf(slave.start_instance(None))
        return str(slave.instance_id)


class StartTests(SlaveCase):
    """The start of an instance."""

    def test_request(self) -> None:
        """EC2 gets what the file says, and the tags by which people and the master find the instance."""
        slave = self.made(
            user_data="box pw master", keypair_name="key", security_name="group", placement="b",
            region="eu-west-1", tags={"Team": "x"}, subnet_id="s-1", security_group_ids=["g-1"],
            instance_profile_name="role",
        )  # fmt: skip
        self.assertEqual(self.started(slave), "i-1")
        [request] = self.cloud.requests
        tags = {each["Key"]: each["Value"] for each in request.pop("TagSpecifications")[0]["Tags"]}
        mark = "master.example.org:9989/box"
        self.assertEqual(tags, {"Name": "box", "Team": "x", "buildbot-slave": mark})
        expected = {
            "ImageId": "ami-1", "InstanceType": "m1.large", "KeyName": "key", "SecurityGroups": ["group"],
            "SecurityGroupIds": ["g-1"], "SubnetId": "s-1", "UserData": "box pw master", "MinCount": 1,
            "MaxCount": 1, "Placement": {"AvailabilityZone": "eu-west-1b"},
            "IamInstanceProfile": {"Name": "role"},
        }  # fmt: skip
        self.assertEqual(request, expected)

    def test_waits(self) -> None:
        """The start waits until the instance runs, also while EC2 does not know about it yet."""
        self.cloud.next, self.cloud.unseen = ["pending", "running"], {"i-1"}
        started = self.made().start_instance(None)
        self.go()
        self.cloud.unseen.clear()
        self.go()
        self.assertNoResult(started)
        self.go()
        self.assertEqual(self.successResultOf(started), "i-1")

    def test_fails(self) -> None:
        """The start fails with what EC2 says, and if the instance ends at once."""
        self.cloud.fails = [CloudError("InstanceLimitExceeded")]
        failure = self.failureResultOf(self.made().start_instance(None), CloudError)
        self.assertIn("InstanceLimitExceeded", failure.getErrorMessage())
        self.cloud.next = ["terminated"]
        failure = self.failureResultOf(self.made().start_instance(None), LatentBuildSlaveFailedToSubstantiate)
        self.assertIn("i-1 of EC2 is terminated", failure.getErrorMessage())

    def test_aborted(self) -> None:
        """A start that takes too long ends after its present call, and the stop ends the instance."""
        self.cloud.next = ["pending"]
        slave = self.made()
        started = slave.start_instance(None)
        slave.abort_start(started)
        self.assertNoResult(started)
        self.go()
        self.failureResultOf(started, LatentBuildSlaveFailedToSubstantiate)
        self.successResultOf(slave.stop_instance(fast=True))
        self.assertEqual(self.cloud.instances["i-1"]["states"][-1], "terminated")

    def test_equipment(self) -> None:
        """A running instance gets its address and its disks."""
        slave = self.made(elastic_ip="192.0.2.7", volumes=[("vol-1", "/dev/sdf")])
        self.started(slave)
        self.assertEqual(self.cloud.equipment, [("i-1", "a-1"), ("i-1", "vol-1", "/dev/sdf")])
        self.failureResultOf(self.made(elastic_ip="192.0.2.8").start_instance(None), EC2Error)

    def test_image(self) -> None:
        """Without an ami the newest image of the owners is taken, by number, by text, or by location."""
        self.cloud.images = [
            {"ImageId": f"ami-{name}", "ImageLocation": f"us/{name}.xml"} for name in ("b9", "b10", "c1")
        ]
        for pattern, expected in [
            (r"us/b(\d+)\.xml", "ami-b10"),
            (r"us/(.*)\.xml", "ami-c1"),
            (r"us/b", "ami-b9"),
            (None, "ami-c1"),
        ]:
            slave = self.made(ami=None, valid_ami_owners=[11, "self"], valid_ami_location_regex=pattern)
            self.started(slave)
            self.assertEqual(self.cloud.requests[-1]["ImageId"], expected, pattern)
        self.assertEqual(self.cloud.asked[0], {"Owners": ["11", "self"]})
        slave = self.made(ami=None, valid_ami_owners=11, valid_ami_location_regex="none")
        self.failureResultOf(slave.start_instance(None), EC2Error)


class SpotTests(SlaveCase):
    """Spot instances."""

    def bids(self) -> list[str]:
        """The prices of all requests."""
        options = [each["InstanceMarketOptions"] for each in self.cloud.requests]
        return [each["SpotOptions"]["MaxPrice"] for each in options]

    def test_bid(self) -> None:
        """The bid is the mean price of the last day times price_multiplier, or max_spot_price without it."""
        self.cloud.prices = ["0.2", "0.4"]
        self.started(self.made(spot_instance=True, price_multiplier=2, placement="us-east-1c"))
        self.started(self.made(spot_instance=True, price_multiplier=None, max_spot_price=0.7))
        self.assertEqual(self.bids(), ["0.6000", "0.7000"])
        [asked] = self.cloud.asked
        self.assertEqual(asked["AvailabilityZone"], "us-east-1c")

    def test_dear(self) -> None:
        """Nothing is started if the bid would be more than max_spot_price, or nobody knows a price."""
        slave = self.made(spot_instance=True, max_spot_price=0.1)
        self.failureResultOf(slave.start_instance(None), EC2Error)
        self.cloud.prices = ["0.2"]
        failure = self.failureResultOf(slave.start_instance(None), LatentBuildSlaveFailedToSubstantiate)
        self.assertIn("0.2400 US dollars", failure.getErrorMessage())
        self.assertEqual(self.cloud.requests, [])

    def test_again(self) -> None:
        """With retry the bid is raised after a refusal, up to max_spot_price."""
        self.cloud.prices = ["0.2"]
        self.cloud.fails = [CloudError("SpotMaxPriceTooLow") for _ in range(2)]
        self.started(
            self.made(
                spot_instance=True, price_multiplier=1, retry=3, retry_price_adjustment=2, max_spot_price=0.5
            )
        )
        self.assertEqual(self.bids(), ["0.2000", "0.4000", "0.5000"])
        self.cloud.fails = [CloudError("SpotMaxPriceTooLow")]
        self.failureResultOf(self.made(spot_instance=True).start_instance(None), CloudError)


class StopTests(SlaveCase):
    """The end of an instance."""

    def test_ended(self) -> None:
        """The stop fires when the instance has ended; with fast, when EC2 ends it."""
        slave = self.made()
        self.started(slave)
        stopped = slave.stop_instance()
        self.assertNoResult(stopped)
        self.go()
        self.successResultOf(stopped)
        self.started(slave)
        self.successResultOf(slave.stop_instance(fast=True))

    def test_lostId(self) -> None:
        """A master that was killed during the start finds the instance by its tag, and no other's."""
        self.started(self.made())
        other = self.made()
        other.environment = {"BUILDMASTER": "another", "BUILDMASTER_PORT": "9989"}
        self.started(other)
        self.successResultOf(self.made().stop_instance(fast=True))
        ended = {name: "terminated" in each["states"] for name, each in self.cloud.instances.items()}
        self.assertEqual(ended, {"i-1": True, "i-2": False})

    def test_unknown(self) -> None:
        """It is no error if the instance has gone long ago; a new one that EC2 cannot see is an error."""
        slave = self.made()
        slave.instance_id = "i-9"
        self.successResultOf(slave.stop_instance())
        self.started(slave)
        self.cloud.unseen = {"i-1"}
        self.failureResultOf(slave.stop_instance(), LatentBuildSlaveFailedToSubstantiate)

    def test_check(self) -> None:
        """After a restart the master asks whether the instance runs; without an answer it waits for it."""
        slave = self.made()
        self.started(slave)
        self.assertIs(self.successResultOf(slave.check_instance()), True)
        self.successResultOf(slave.stop_instance(fast=True))
        self.assertIs(self.successResultOf(slave.check_instance()), False)
        slave.openAccount = mock.Mock(side_effect=OSError("no network"))
        self.assertIs(self.successResultOf(slave.check_instance()), True)

    def test_otherErrors(self) -> None:
        """What EC2 says otherwise is passed on, so that the master tries again."""
        slave = self.made()
        self.started(slave)
        machines = Machines(self.cloud, "us-east-1")
        self.cloud.terminate_instances = mock.Mock(side_effect=CloudError("Throttled"))  # type: ignore[method-assign]
        self.failureResultOf(slave.stop_instance(), CloudError)
        self.cloud.paginate = mock.Mock(side_effect=CloudError("Throttled"))  # type: ignore[method-assign]
        self.assertRaises(CloudError, machines.states, ["i-1"])
        self.assertEqual(codeOf(OSError("x")), "")


class ArgumentTests(SlaveCase):
    """The arguments of 0.8."""

    def test_wrong(self) -> None:
        """What does not fit together is an error, and no message shows a key."""
        wrongs: list[tuple[dict[str, Any], str]] = [
            ({"ami": None}, "needs ami"),
            ({"valid_ami_owners": 1}, "either ami"),
            ({"identifier": "id"}, "together"),
            ({"identifier": "id", "secret_identifier": "s", "aws_id_file_path": "f"}, "aws_id_file_path"),
            ({"tags": {"a": 1}}, "tags"),
            ({"volumes": ["vol-1"]}, "volumes"),
            ({"max_spot_price": 0}, "max_spot_price"),
            ({"valid_ami_location_regex": "("}, "valid_ami_location_regex"),
        ]
        for wrong, word in wrongs:
            with self.assertRaises(BadArguments, msg=word) as caught:
                self.made(**wrong)
            self.assertIn(word, str(caught.exception))
        with self.assertRaises(BadArguments) as caught:
            self.made(identifier=["s3cret"], secret_identifier=7, user_data=["s3cret"])
        self.assertNotIn("s3cret", str(caught.exception))

    def test_missingPackage(self) -> None:
        """Without boto3 the configuration says what to install."""
        self.patch(ec2, "find_spec", lambda name: None)
        with self.assertRaisesRegex(BadArguments, r"buildbot-classic\[ec2\]"):
            self.made()

    def test_key(self) -> None:
        """The key is in the arguments, in a file of two lines, or where boto3 looks."""
        home = self.mktemp()
        os.makedirs(os.path.join(home, ".ec2"))
        self.patch(os, "environ", {**os.environ, "HOME": os.path.abspath(home)})
        self.started(self.made(identifier="id", secret_identifier="sec"))
        self.started(self.made())
        usual = os.path.join(os.path.abspath(home), ".ec2", "aws_id")
        with open(usual, "w", encoding="utf-8") as file:
            file.write("one\ntwo\n")
        self.started(self.made())
        self.started(self.made(aws_id_file_path=usual))
        keys = [each.key() for each in self.accounts]
        self.assertEqual(keys, [("id", "sec"), (None, None), ("one", "two"), ("one", "two")])
        with open(usual, "w", encoding="utf-8") as file:
            file.write("one\n")
        self.assertRaises(EC2Error, self.accounts[-1].key)

    def test_canStop(self) -> None:
        """A slave whose image has changed stops what the one before has started in the same account."""
        self.assertTrue(self.made().canStop(self.made(ami="ami-2")))
        self.assertFalse(self.made().canStop(self.made(region="eu-west-1")))

    def test_names(self) -> None:
        """It is there under its names of 0.7.11, of 0.8, and as a plug-in."""
        from buildbot.ec2buildslave import EC2LatentBuildSlave as old
        from buildbot.plugins import buildslave

        self.assertIs(old, EC2LatentBuildSlave)
        self.assertIs(buildslave.EC2LatentBuildSlave, EC2LatentBuildSlave)
