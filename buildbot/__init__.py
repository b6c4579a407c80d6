"""A Perspective Broker build master: the successor of the Buildbot 0.7.5 master."""

version = "1.0.0a1"
__version__ = version
