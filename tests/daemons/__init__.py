"""Tests with real daemons, servers, repositories and programs. C{.ci/run} measures which code they reach.

Those whose subject is slaves are in L{tests.integration}, with what both use.
"""
