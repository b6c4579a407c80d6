# -*- test-case-name: tests.unit.latent.test_ec2,tests.integration.test_ec2 -*-
"""The calls of Amazon EC2 for latent slaves, by way of the package boto3. They block: use them in a thread.

boto3 is imported at the first use. The answers have the form that boto3 documents for the client of C{ec2}.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from statistics import fmean
from typing import Any

#: The tag of each instance that a master has started: where its slave attaches, and the name of the slave.
MARK = "buildbot-slave"
#: The states of an instance that runs, or will.
ALIVE = frozenset(("pending", "running"))
#: The states of an instance that costs nothing and does not come back.
ENDED = frozenset(("terminated", "absent"))
#: The days of spot prices that are averaged.
_DAYS = 1
_GONE = "InvalidInstanceID.NotFound"


class EC2Error(Exception):
    """EC2 cannot give what is asked for. The text is for people."""


@dataclass(frozen=True)
class Account:
    """Whose instances they are.

    @ivar region: None: the one that boto3 finds, or C{us-east-1}.
    @ivar identifier: the id of the access key; None: the file has it.
    @ivar secret: the secret of the access key.
    @ivar keyFile: a file with a line for each of the two; None: boto3 looks in its usual places.
    """

    region: str | None = None
    identifier: str | None = None
    secret: str | None = None
    keyFile: str | None = None

    def key(self) -> tuple[str | None, str | None]:
        """The identifier and the secret; None twice: boto3 finds them.

        @raise EC2Error: the file has no two lines.
        @raise OSError: the file cannot be read.
        """
        if self.identifier is not None or self.keyFile is None:
            return self.identifier, self.secret
        with open(self.keyFile, encoding="utf-8") as file:
            words = file.read().split()
        if len(words) != 2:
            raise EC2Error(f"{self.keyFile} must have two lines: the identifier, and the secret")
        return words[0], words[1]

    def open(self) -> Machines:
        """Connect. Raises what L{key} and boto3 raise."""
        import boto3

        session = boto3.Session(*self.key(), region_name=self.region)
        region = session.region_name or "us-east-1"
        return Machines(session.client("ec2", region_name=region), region)


class Machines:
    """The instances of one account in one region.

    @param client: what C{boto3.client("ec2")} returns.
    """

    def __init__(self, client: Any, region: str) -> None:
        self._client = client
        self._region = region

    def newestImage(self, owners: Sequence[str], pattern: str | None) -> str:
        """The id of the image to start, as 0.8 chooses it among several.

        Only images whose location matches C{pattern} count. If the pattern has a group, the image with the
        greatest group is chosen: as a number if all groups are numbers, else as text. If it has none, the one
        with the greatest location is.

        @raise EC2Error: there is no such image.
        """
        images = self._client.describe_images(**({"Owners": list(owners)} if owners else {}))["Images"]
        found = []
        for image in images:
            match = re.match(pattern or "", image.get("ImageLocation", ""))
            if match is not None:
                group = match.group(1) if match.re.groups else None
                found.append((group or "", image.get("ImageLocation", ""), str(image["ImageId"])))
        if not found:
            raise EC2Error(f"no image of the owners {list(owners)} has a location like {pattern!r}")
        if all(group.isdecimal() for group, _, _ in found):
            return max(found, key=lambda each: (int(each[0]), *each[1:]))[2]
        return max(found)[2]

    def start(self, request: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Start one instance with these tags. Returns its id; it may not run yet."""
        specifications = [
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ]
        answer = self._client.run_instances(
            **request, MinCount=1, MaxCount=1, TagSpecifications=specifications
        )
        return str(answer["Instances"][0]["InstanceId"])

    def zone(self, placement: str) -> str:
        """The availability zone for a letter, as in C{us-east-1a}; a whole name is returned as it is."""
        return placement if "-" in placement else f"{self._region}{placement}"

    def spotPrice(self, kind: str, product: str, placement: str | None) -> float:
        """The mean price of an hour of a spot instance in the last day, in US dollars.

        @raise EC2Error: it has no price there.
        """
        where = {"AvailabilityZone": self.zone(placement)} if placement else {}
        since = datetime.now(timezone.utc) - timedelta(days=_DAYS)
        answer = self._client.describe_spot_price_history(
            InstanceTypes=[kind], ProductDescriptions=[product], StartTime=since, **where
        )
        prices = [float(each["SpotPrice"]) for each in answer["SpotPriceHistory"]]
        if not prices:
            raise EC2Error(f"there is no spot price of {kind} ({product})")
        return fmean(prices)

    def states(self, ids: Collection[str]) -> dict[str, str]:
        """The state of each instance, and C{"absent"} for an unknown one."""
        states = dict.fromkeys(ids, "absent")
        for each in ids:
            try:
                states.update(self._described(InstanceIds=[each]))
            except Exception as error:
                if codeOf(error) != _GONE:
                    raise
        return states

    def marked(self, mark: str) -> list[str]:
        """The ids of the instances with this mark that have not ended."""
        found = self._described(Filters=[{"Name": f"tag:{MARK}", "Values": [mark]}])
        return [each for each, state in found.items() if state not in ENDED]

    def terminate(self, ids: Collection[str]) -> None:
        """End instances. It is no error if one is unknown."""
        for each in ids:
            try:
                self._client.terminate_instances(InstanceIds=[each])
            except Exception as error:
                if codeOf(error) != _GONE:
                    raise

    def equip(self, instance: str, address: str | None, volumes: Sequence[tuple[str, str]]) -> None:
        """Give a running instance its address and its disks: (id of the volume, name of the device)."""
        if address is not None:
            found = self._client.describe_addresses(PublicIps=[address])["Addresses"]
            if not found:
                raise EC2Error(f"the account has no address {address}")
            self._client.associate_address(InstanceId=instance, AllocationId=found[0]["AllocationId"])
        for volume, device in volumes:
            self._client.attach_volume(InstanceId=instance, VolumeId=volume, Device=device)

    def _described(self, **which: Any) -> dict[str, str]:
        """The state of each instance that a question finds."""
        pages = self._client.get_paginator("describe_instances").paginate(**which)
        return {
            str(instance["InstanceId"]): str(instance["State"]["Name"])
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        }


def codeOf(error: Exception) -> str:
    """The code that EC2 gives to an error; empty for an error of another kind."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
