# -*- test-case-name: tests.unit.latent.test_ec2,tests.integration.test_ec2 -*-
"""EC2LatentBuildSlave of 0.8: a latent slave whose instance is a machine of Amazon EC2."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.threads import deferToThread

from buildbot.config.arguments import REQUIRED, Kind, arguments, complain
from buildbot.config.kinds import COUNT, FLAG, PATTERN, isText, isTexts, isWhole, orNone, sequenceOf
from buildbot.events.sleep import sleep
from buildbot.interfaces import LatentBuildSlaveFailedToSubstantiate
from buildbot.latent.buildslave import (
    BUILD_WAIT_TIMEOUT,
    MISSING_TIMEOUT,
    RETRY_WAIT,
    AbstractLatentBuildSlave,
)
from buildbot.latent.ec2calls import ALIVE, ENDED, MARK, Account, Machines

#: Seconds between two questions for the state of an instance.
POLL = 5.0
#: Seconds for which a start waits until the instance runs. After that, the master waits for the slave alone.
RUNS_WITHIN = 60.0
#: Seconds after which all of EC2 knows about a new instance.
SETTLED = 300.0
#: The file with the key of 0.8: a line with the identifier, and one with the secret.
KEY_FILE = "~/.ec2/aws_id"

_WORD = Kind("text, and not empty", lambda value: isText(value) and value != "", standIn="x")
_SECRET = Kind("text, and not empty", lambda value: isText(value) and value != "", isSecret=True)
_TEXT = Kind("text", isText, isSecret=True)
_OWNERS = Kind(
    "a number of an account, or a list of them",
    lambda value: _isOwner(value) or sequenceOf(_isOwner)(value),
)
_TAGS = Kind(
    "a dict of texts",
    isTexts,
)
_VOLUMES = Kind(
    "a list of pairs: the id of a volume, and the name of its device",
    lambda value: sequenceOf(lambda each: sequenceOf(isText)(each) and len(each) == 2)(value),
    standIn=(),
)
_IDS = Kind("a list of ids (texts)", sequenceOf(isText), standIn=())


def _isPositive(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _isOwner(value: object) -> bool:
    return isWhole(value) or (isText(value) and value != "")


_PRICE = Kind("a number of US dollars, more than 0", _isPositive, standIn=1)
_FACTOR = Kind("a number, more than 0", _isPositive, standIn=1)


class EC2LatentBuildSlave(AbstractLatentBuildSlave):
    """I am a slave that runs on a machine of Amazon EC2, which is started when a build needs it.

    The image must start the slave by itself, with my name and password; C{user_data} can tell it both. Each
    instance has the tag C{buildbot-slave}, by which a later process of the master finds it.

    @ivar instance_id: the id of the instance, as in C{"i-0123456789abcdef0"}.
    @ivar inThread: calls a function in a thread, as C{deferToThread} does.
    @ivar wait: fires after so many seconds.
    """

    start_timeout = 120.0  # if the master is killed, EC2 knows about the instance long before that

    @arguments(
        instance_type=_WORD,
        ami=orNone(_WORD),
        valid_ami_owners=orNone(_OWNERS),
        valid_ami_location_regex=orNone(PATTERN),
        elastic_ip=orNone(_WORD),
        identifier=orNone(_SECRET),
        secret_identifier=orNone(_SECRET),
        aws_id_file_path=orNone(_WORD),
        user_data=orNone(_TEXT),
        region=orNone(_WORD),
        keypair_name=orNone(_WORD),
        security_name=orNone(_WORD),
        spot_instance=FLAG,
        max_spot_price=_PRICE,
        volumes=_VOLUMES,
        placement=orNone(_WORD),
        price_multiplier=orNone(_FACTOR),
        tags=_TAGS,
        retry=COUNT,
        retry_price_adjustment=_FACTOR,
        product_description=_WORD,
        subnet_id=orNone(_WORD),
        security_group_ids=orNone(_IDS),
        instance_profile_name=orNone(_WORD),
    )
    def __init__(
        self,
        name: str,
        password: str,
        instance_type: str = REQUIRED,
        ami: str | None = None,
        valid_ami_owners: int | str | Sequence[int | str] | None = None,
        valid_ami_location_regex: str | None = None,
        elastic_ip: str | None = None,
        identifier: str | None = None,
        secret_identifier: str | None = None,
        aws_id_file_path: str | None = None,
        user_data: str | None = None,
        region: str | None = None,
        keypair_name: str | None = None,
        security_name: str | None = None,
        max_builds: int | None = None,
        notify_on_missing: str | Sequence[str] | None = None,
        missing_timeout: float | None = MISSING_TIMEOUT,
        build_wait_timeout: float = BUILD_WAIT_TIMEOUT,
        properties: Mapping[str, Any] | None = None,
        locks: Sequence[Any] | None = None,
        spot_instance: bool = False,
        max_spot_price: float = 1.6,
        volumes: Sequence[tuple[str, str]] = (),
        placement: str | None = None,
        price_multiplier: float | None = 1.2,
        tags: Mapping[str, str] = {},
        retry: int = 1,
        retry_price_adjustment: float = 1,
        product_description: str = "Linux/UNIX",
        subnet_id: str | None = None,
        security_group_ids: Sequence[str] | None = None,
        instance_profile_name: str | None = None,
        keepalive_interval: float | None = None,
        stop_with_master: bool = True,
        retry_wait: float = RETRY_WAIT,
    ) -> None:
        """@param ami: the image; None: the newest that C{valid_ami_owners} and C{valid_ami_location_regex}
            permit: see L{Machines.newestImage}.
        @param elastic_ip: an address of the account that the instance gets.
        @param identifier: the id of the access key, with its C{secret_identifier}. None: they are in
            C{aws_id_file_path}, by default C{~/.ec2/aws_id} if it is there, else where boto3 looks.
        @param security_name: the name of a security group. C{security_group_ids} has the ids of groups.
        @param spot_instance: True to bid for a spot instance. The bid is the mean price of the last day times
            C{price_multiplier}, and at most C{max_spot_price}; with None as multiplier it is this price.
        @param volumes: disks that the instance gets: pairs of the id and the name of the device.
        @param placement: the letter of a zone of the region, or its whole name.
        @param retry: how often to bid, each time with the bid before times C{retry_price_adjustment}.
        """
        super().__init__(
            name,
            password,
            max_builds,
            notify_on_missing,
            missing_timeout,
            build_wait_timeout,
            properties,
            locks,
            keepalive_interval,
            stop_with_master,
            retry_wait,
        )
        if find_spec("boto3") is None:
            complain(self, "needs the package boto3: install buildbot-classic[ec2]")
        if ami is None and valid_ami_owners is None and valid_ami_location_regex is None:
            complain(self, "needs ami, or valid_ami_owners and valid_ami_location_regex to choose an image")
        elif ami is not None and (valid_ami_owners is not None or valid_ami_location_regex is not None):
            complain(self, "takes either ami, or valid_ami_owners and valid_ami_location_regex")
        if (identifier is None) != (secret_identifier is None):
            complain(self, "takes identifier and secret_identifier together")
        elif identifier is not None and aws_id_file_path is not None:
            complain(self, "takes either identifier and secret_identifier, or aws_id_file_path")
        self.instance_type = instance_type
        self.ami = ami
        owners = valid_ami_owners if isinstance(valid_ami_owners, (list, tuple)) else [valid_ami_owners]
        self.valid_ami_owners = [str(each) for each in owners if each is not None]
        self.valid_ami_location_regex = valid_ami_location_regex
        self.elastic_ip = elastic_ip
        self.identifier = identifier
        self.secret_identifier = secret_identifier
        self.aws_id_file_path = aws_id_file_path
        self.user_data = user_data
        self.region = region
        self.keypair_name = keypair_name
        self.security_name = security_name
        self.spot_instance = spot_instance
        self.max_spot_price = max_spot_price
        self.volumes = [(volume, device) for volume, device in volumes]
        self.placement = placement
        self.price_multiplier = price_multiplier
        self.tags = dict(tags)
        self.retry = retry
        self.retry_price_adjustment = retry_price_adjustment
        self.product_description = product_description
        self.subnet_id = subnet_id
        self.security_group_ids = list(security_group_ids or ())
        self.instance_profile_name = instance_profile_name
        self.inThread: Callable[..., Deferred[Any]] = deferToThread
        self.wait: Callable[[float], Deferred[None]] = _wait
        self.openAccount: Callable[[Account], Machines] = Account.open
        self._isAborted = False
        self._latest: tuple[str, float] | None = None  # the instance of the last start, and its time

    # what AbstractLatentBuildSlave asks for

    def start_instance(self, build: Any) -> Deferred[str]:
        """Start an instance. Fires with its id when it runs, or soon will; fails with what EC2 says."""
        self._isAborted = False
        return ensureDeferred(self._start())

    def abort_start(self, started: Deferred[Any]) -> None:
        """End the start after its present call. C{stop_instance} ends what was started."""
        self._isAborted = True

    def stop_instance(self, fast: bool = False) -> Deferred[None]:
        """Terminate the instance. Fires when it has ended; with C{fast}, when EC2 was told so."""
        return ensureDeferred(self._stop(fast))

    def check_instance(self) -> Deferred[bool]:
        """Find out whether the instance runs. Fires with True also if EC2 does not answer."""
        return ensureDeferred(self._check())

    def canStop(self, other: AbstractLatentBuildSlave) -> bool:
        """True if the other slave's instances are in my account and region, as far as is known here."""
        return isinstance(other, EC2LatentBuildSlave) and self._account() == other._account()

    # the parts

    async def _start(self) -> str:
        machines = await self._open()
        image = self.ami
        if image is None:
            owners, pattern = self.valid_ami_owners, self.valid_ami_location_regex
            image = await self.inThread(machines.newestImage, owners, pattern)
        tags = {"Name": self.slavename, **self.tags, MARK: self._mark}
        bid = await self._bid(machines) if self.spot_instance else None
        for left in reversed(range(self.retry if self.spot_instance else 1)):
            self._goOn()
            try:
                instance: str = await self.inThread(machines.start, self._request(image, bid, machines), tags)
                break
            except Exception:
                if not left:
                    raise
                assert bid is not None
                bid = min(bid * self.retry_price_adjustment, self.max_spot_price)
        self._latest = instance, time.monotonic()
        needs = self.elastic_ip is not None or bool(self.volumes)
        while needs or time.monotonic() - self._latest[1] < RUNS_WITHIN:
            self._goOn()
            state = (await self.inThread(machines.states, [instance]))[instance]
            if state == "running":
                break
            if state not in ALIVE and not (state == "absent" and self._isNew(instance)):
                raise LatentBuildSlaveFailedToSubstantiate(f"{instance} of EC2 is {state}")
            await self.wait(POLL)
        if needs:
            await self.inThread(machines.equip, instance, self.elastic_ip, self.volumes)
        return instance

    async def _stop(self, fast: bool) -> None:
        machines = await self._open()
        ids: set[str] = set(await self.inThread(machines.marked, self._mark))
        if isText(self.instance_id):
            ids.add(self.instance_id)
        if self._latest is not None:
            ids.add(self._latest[0])
        await self.inThread(machines.terminate, ids)
        while True:
            states = await self.inThread(machines.states, ids)
            absent = [each for each, state in states.items() if state == "absent" and self._isNew(each)]
            if absent:
                raise LatentBuildSlaveFailedToSubstantiate(f"EC2 does not know {absent[0]} yet")
            left = [each for each, state in states.items() if state not in ENDED]
            if not left or (fast and all(states[each] == "shutting-down" for each in left)):
                self._latest = None
                return
            await self.wait(POLL)

    async def _check(self) -> bool:
        try:
            machines = await self._open()
            known = str(self.instance_id)
            return (await self.inThread(machines.states, [known]))[known] in ALIVE
        except Exception:  # boto3 has many kinds of them
            return True

    def _open(self) -> Deferred[Machines]:
        return self.inThread(self.openAccount, self._account())

    def _account(self) -> Account:
        file = self.aws_id_file_path
        if file is None and self.identifier is None and os.path.exists(os.path.expanduser(KEY_FILE)):
            file = KEY_FILE
        path = None if file is None else os.path.expanduser(file)
        return Account(self.region, self.identifier, self.secret_identifier, path)

    @property
    def _mark(self) -> str:
        """Which master and slave an instance belongs to: two masters of an account may have equal names."""
        environment = self.environment
        return f"{environment.get('BUILDMASTER')}:{environment.get('BUILDMASTER_PORT')}/{self.slavename}"

    def _goOn(self) -> None:
        if self._isAborted:
            raise LatentBuildSlaveFailedToSubstantiate("the start was ended")

    def _isNew(self, instance: str) -> bool:
        """True while EC2 may not know about an instance yet."""
        return self._latest is not None and (
            self._latest[0] == instance and time.monotonic() - self._latest[1] < SETTLED
        )

    async def _bid(self, machines: Machines) -> float:
        """The first bid for an hour of a spot instance, in US dollars."""
        if self.price_multiplier is None:
            return self.max_spot_price
        price: float = await self.inThread(
            machines.spotPrice, self.instance_type, self.product_description, self.placement
        )
        bid = price * self.price_multiplier
        if bid > self.max_spot_price:
            raise LatentBuildSlaveFailedToSubstantiate(
                f"the bid would be {bid:.4f} US dollars, more than max_spot_price ({self.max_spot_price})"
            )
        return bid

    def _request(self, image: str, bid: float | None, machines: Machines) -> dict[str, Any]:
        """The arguments of RunInstances."""
        spot = {"MarketType": "spot", "SpotOptions": {"MaxPrice": f"{bid:.4f}"}} if bid is not None else None
        profile = {"Name": self.instance_profile_name} if self.instance_profile_name else None
        wanted = {
            "ImageId": image,
            "InstanceType": self.instance_type,
            "KeyName": self.keypair_name,
            "SecurityGroups": [self.security_name] if self.security_name else None,
            "SecurityGroupIds": self.security_group_ids,
            "SubnetId": self.subnet_id,
            "UserData": self.user_data,
            "Placement": {"AvailabilityZone": machines.zone(self.placement)} if self.placement else None,
            "IamInstanceProfile": profile,
            "InstanceMarketOptions": spot,
        }
        return {key: value for key, value in wanted.items() if value}


def _wait(seconds: float) -> Deferred[None]:
    from twisted.internet import reactor

    return sleep(reactor, seconds)
