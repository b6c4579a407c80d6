"""The address of a store, in the words of PostgreSQL."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.store.address import BadAddress, Server, parse


def refusal(test: unittest.SynchronousTestCase, text: str) -> str:
    """Why an address cannot be used."""
    return str(test.assertRaises(BadAddress, parse, text))


class AddressTests(unittest.SynchronousTestCase):
    """An address is read, and shown to people."""

    def server(self, text: str) -> Server:
        """The server of an address."""
        found = parse(text)
        assert found is not None
        return found

    def test_file(self) -> None:
        """Without an address, or with that of 0.8, the file in the directory is meant."""
        for text in ("", "sqlite://", "sqlite:///state.sqlite"):
            self.assertIs(parse(text), None)

    def test_read(self) -> None:
        """User, hosts, ports, database and settings are read as libpq reads them."""
        for text, wanted in (
            ("postgresql://", {}),
            ("postgres:///buildbot", {"dbname": "buildbot"}),
            ("postgresql://me@db/buildbot", {"user": "me", "host": "db", "dbname": "buildbot"}),
            ("postgresql://a:5433,b/x", {"host": "a,b", "port": "5433,", "dbname": "x"}),
            ("postgresql://[::1]:5432/x", {"host": "::1", "port": "5432", "dbname": "x"}),
            ("postgresql://%2Frun%2Fpg/x", {"host": "/run/pg", "dbname": "x"}),
            ("postgresql:///x?host=/run/pg&port=7", {"host": "/run/pg", "port": "7", "dbname": "x"}),
            ("postgresql://?service=ci", {"service": "ci"}),
            (
                "postgresql://m%40e@db/x?sslmode=verify-full&connect_timeout=5",
                {
                    "user": "m@e",
                    "host": "db",
                    "dbname": "x",
                    "sslmode": "verify-full",
                    "connect_timeout": "5",
                },
            ),
        ):
            self.assertEqual(self.server(text).settings, wanted, text)

    def test_shown(self) -> None:
        """What is shown is an address again, with the same meaning."""
        for text in (
            "postgresql://",
            "postgresql://me@db:5433,db2:5434/buildbot?sslmode=require",
            "postgresql://a:5433,b/x",
            "postgresql://%2Frun%2Fpg/x%2Fy",
            "postgresql://m%40e@[::1]:5432/x?options=-csearch_path%3Dci",
            "postgresql://?service=ci",
            "postgresql://a,b/x?port=7",
        ):
            server = self.server(text)
            again = self.server(server.shown())
            self.assertEqual(again.shown(), server.shown(), text)
            mine, its = dict(again.settings), dict(server.settings)
            self.assertEqual({**mine, "port": ""}, {**its, "port": ""}, text)

    def test_password(self) -> None:
        """A password in an address is refused, wherever it stands, and the refusal does not repeat it."""
        for text in (
            "postgresql://me:sEcret@db/x",
            "postgresql://me:sEc/ret@db/x",
            "postgresql://me:sEc?ret@db/x",
            "postgresql://me:sEc#ret@db/x",
            "postgresql://me:sEc@ret@db/x",
            "postgresql://me@db/x?password=sEcret",
            "postgresql://me@db/x?sslmode=require&sslpassword=sEcret",
        ):
            self.assertNotIn("sEc", refusal(self, text))
            self.assertIn("password", refusal(self, text))

    def test_wrong(self) -> None:
        """Each mistake has its own words."""
        for text, words in (
            ("db.example.org/x", "it is no address: write postgresql://"),
            ("host=db dbname=x", "it is no address"),
            ("sqlite:///other.sqlite", "always state.sqlite"),
            ("mysql://me@db/x", "MySQL"),
            ("postgresql+psycopg2://me@db/x", "as for SQLAlchemy"),
            ("http://db/x", "http:// is unknown"),
            ("postgresql://d b/x", "write %20"),
            ("postgresql://@db/x", "no user before the @"),
            ("postgresql://db/x/y", "write %2F"),
            ("postgresql://db/x#y", "write %23"),
            ("postgresql://db/x%", "write %25"),
            ("postgresql://db/x%ff", "no text in UTF-8"),
            ("postgresql://db/x%00", "NUL"),
            ("postgresql://::1/x", "two colons"),
            ("postgresql://[::1/x", "write [::1]:5432"),
            ("postgresql://db:pg/x", "'pg' is no port"),
            ("postgresql://db:65536/x", "'65536' is no port"),
            ("postgresql://db/x?sslmod=require", "did you mean sslmode?"),
            ("postgresql://db/x?sslmode=yes", "sslmode must be disable, allow"),
            ("postgresql://db/x?target_session_attrs=standby", "must be read-write, primary or any"),
            ("postgresql://db/x?sslmode", "NAME=VALUE"),
            ("postgresql://db/x?sslmode=allow&sslmode=require", "says sslmode twice"),
            ("postgresql://me@db/x?user=you", "says user twice"),
            ("postgresql://db/x?client_encoding=LATIN1", "always uses UTF-8"),
            ("postgresql://db/x?connect_timeout=soon", "a number of seconds"),
        ):
            self.assertIn(words, refusal(self, text), text)

    def test_conninfo(self) -> None:
        """libpq gets everything in its own quotes, and looks for the primary among several hosts."""
        server = Server({"host": "a,b", "user": "it's \\me"})
        self.assertEqual(
            server.conninfo("o'pen"),
            r"host='a,b' user='it\'s \\me' target_session_attrs='read-write' password='o\'pen'",
        )
        self.assertEqual(Server({"host": "a"}).conninfo(), "host='a'")
        chosen = Server({"host": "a,b", "target_session_attrs": "any"})
        self.assertEqual(chosen.conninfo(), "host='a,b' target_session_attrs='any'")
