"""Finds e-mail and IP addresses."""

import ipaddress
import re
from collections.abc import Iterator

FILES = "avif|bmp|gif|heic|ico|jpe?g|pdf|png|svg|tiff?|webp"
"""`logo@2x.png` is a file's name. None of them is a top-level domain."""

EMAIL = re.compile(
    # 64 characters are the most that RFC 5321 allows in front of the sign; some senders have more.
    r"(?<![\w.%+-])[\w%+-][\w.%+'\u2019-]{0,127}+"
    r"(?:[@\uff20]|\s?[(\[{]\s?at\s?[)\]}]\s?)"
    r"(?:[\w-]{1,63}+(?:\.|\s?[(\[{]\s?(?:dot|punkt)\s?[)\]}]\s?))+"
    rf"(?!(?:{FILES})\b)(?:[^\W\d_]{{2,63}}+|xn--[a-z0-9-]{{1,59}}+)",
    re.IGNORECASE,
)

OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
IPV4 = re.compile(rf"(?<![\w.])(?<!\d[-,]){OCTET}(?:\.{OCTET}){{3}}+(?![\w-]|\.\w)", re.ASCII)
VERSION = re.compile(r"(?:\bv|version|ver\.?|release|build|oid|section|§)[\s:=]*$", re.IGNORECASE)
"""What stands before four numbers that are no address."""

VERSION_CHARS = 12

IPV6 = re.compile(r"(?<![\w:.])[0-9A-F:]{2,39}+(?:(?<=:)\d[\d.]{6,14}+)?(?![\w:])", re.IGNORECASE)
COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")
"""Two of them, as every IPv6 address has; few texts have."""

MIN_GROUPS = 3
"""Of those that are not zero: shorter ones are loopbacks, and slices of a program's lists."""


def find_emails(text: str) -> Iterator[tuple[int, int]]:
    """Spans of e-mail addresses, also of those that are spelled `jane (at) example (dot) org`."""
    lowered = text.lower() if "(" in text or "[" in text or "{" in text else ""
    if "@" in text or "\uff20" in text or "at" in lowered:
        for match in EMAIL.finditer(text):
            yield match.span()


def find_ips(text: str) -> Iterator[tuple[int, int]]:
    """Spans of IP addresses of both versions, without port, network length or zone."""
    if "." in text:
        for match in IPV4.finditer(text):
            start, end = match.span()
            if not VERSION.search(text, max(0, start - VERSION_CHARS), start):
                yield start, end
    if COLONS.search(text):
        for match in IPV6.finditer(text):
            if _is_ipv6(match[0]):
                yield match.span()


def _is_ipv6(text: str) -> bool:
    groups = [group for group in re.split(r"[:.]", text) if group.strip("0")]
    if text.count(":") < 2 or not any(map(str.isdigit, text)):
        return False
    if len(groups) < MIN_GROUPS and not any(len(group) > 2 for group in groups):
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
