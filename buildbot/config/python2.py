# -*- test-case-name: tests.unit.config.test_python2 -*-
"""Recognize Python 2 in the exceptions of a master.cfg. This module translates nothing."""

from __future__ import annotations

import re

TOLD = " (this is Python 2; master.cfg is Python 3 now{})"

_MESSAGE = re.compile(
    r"Missing parentheses in call|multiple exception types must be parenthesized"
    r"|leading zeros in decimal integer|invalid decimal literal|invalid octal|'<>'|backquote"
    r"|parameters cannot be parenthesized|inconsistent use of tabs"
)
_LINE = re.compile(
    r"^\s*raise\s+\w[\w.]*\s*,|`|<>|\b[uU][rR]['\"]|\blambda\s*\(|^\s*print\s+[^(=]|^\s*exec\s+[^(=]"
)
#: A name of Python 2 -> what to write instead.
_NAMES = {
    "file": "open",
    "execfile": "exec(open(…).read())",
    "unicode": "str",
    "reload": "importlib.reload",
    "raw_input": "input",
    "xrange": "range",
    "unichr": "chr",
    "basestring": "str",
    "long": "int",
    "has_key": "'key' in …",
    "iteritems": "items",
    "itervalues": "values",
    "iterkeys": "keys",
    "urllib2": "urllib.request",
    "ConfigParser": "configparser",
    "StringIO": "io",
    "cPickle": "pickle",
    "cmp": "(a > b) - (a < b), and give sorted and sort a key=",
    "commands": "subprocess",
    "implements": "@implementer(…) above the class",
}
#: Functions of the module string that are methods now.
_STRING = frozenset("join split strip lower upper replace find atoi zfill letters".split())
#: An object that was a list in Python 2, in the messages of a TypeError or an AttributeError.
_LISTS = re.compile(
    r"\(not \"(map|filter|zip|range|dict_keys|dict_values|dict_items)\"\) to list"
    r"|'(map|filter|zip|dict_keys|dict_values|dict_items)' "
    r"(?:and |object is not subscriptable|has no len"
    r"|object has no attribute '(?:sort|append|extend|index|remove)')"
    r"|operand type\(s\) for \+: '\w+' and '(map|filter|zip|dict_keys|dict_values|dict_items)'"
)
#: A function that compares two values, given to sorted() or to sort() of a list.
_SORTED = re.compile(
    r"^sorted expected 1 argument, got [23]|^sort\(\) takes no positional arguments"
    r"|'cmp' is an invalid keyword|unexpected keyword argument 'cmp'"
)
#: Bytes that meet text, in the messages of a TypeError.
_BYTES = re.compile(
    r"^can't concat str to bytes|^can only concatenate str \(not \"bytes\"\) to str"
    r"|bytes-like object.*(?:not 'str'|str found)$|must be str, not bytes$"
    r"|first arg must be (?:bytes or a tuple of bytes, not str|str or a tuple of str, not bytes)$"
    r"|expected str instance, bytes found$|requires string as left operand, not bytes$"
)


def ofBytes(message: str) -> str:
    """The hint for an error about bytes that meet text: both were one type in Python 2. Empty for others."""
    if not _BYTES.search(message):
        return ""
    return TOLD.format(
        ": bytes and text are two types now: leave out the b of b'…' and .encode(…), or open the file with"
        " mode 'r'; a function that needs bytes gets text.encode()"
    )


def ofList(message: str) -> str:
    """The hint for an error about an object that was a list in Python 2; empty for all other errors."""
    if _SORTED.search(message):
        return TOLD.format(": give a function with one argument, as key=; functools.cmp_to_key makes one")
    found = _LISTS.search(message)
    if found is None:
        return ""
    kind = next(each for each in found.groups() if each).removeprefix("dict_")
    what = f"….{kind}()" if kind in ("keys", "values", "items") else f"{kind}(…)"
    return TOLD.format(f": write list({what})")


def ofSyntax(message: str | None, line: str | None) -> str:
    """The hint for a syntax error, from its message and the line; empty if it is not of Python 2."""
    return (
        TOLD.format("; buildbot checkconfig --migrate converts it")
        if _MESSAGE.search(message or "") or _LINE.search(line or "")
        else ""
    )


def ofName(name: object, ofModule: str = "") -> str:
    """The hint for an unknown name, attribute or module; empty if it is not of Python 2."""
    if ofModule == "string" and name in _STRING:
        return TOLD.format(f": write the method of the text, such as ''.{name}(…)")
    return TOLD.format(f": write {_NAMES[name]}") if isinstance(name, str) and name in _NAMES else ""
