"""Finds the numbers that carry a check of their own: payment cards and bank accounts."""

import re
from collections.abc import Iterator

CARD = re.compile(r"(?<!\d)(?<!\d[.,])\d{3,19}+(?:[ \u00a0\u202f-]\d{1,6}+){0,5}+", re.ASCII)
GROUP = re.compile(r"\d+")
CARD_DIGITS = range(13, 20)

ISSUERS = re.compile(
    r"4|5[0-8]|6[0-9]|3[014-9]|2(?:2[2-9]|[3-6]|7[01]|720)|1800|2131|9792|2014|2149|220[0-4]"
)
"""What cards begin with (ISO/IEC 7812): a tenth of all numbers pass the check by chance."""

IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?=[ \u00a0\u202f-]?[A-Z0-9])", re.I | re.A)
BLANK = frozenset(" \u00a0\u202f-")

LENGTHS = {
    code: length
    for length, codes in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD FK",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK MN",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM TL SO",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "PT ST LY",
        26: "IS TR",
        27: "FR GR IT MC MR SM BI DJ",
        28: "AL AZ BY CY DO GT HN HU LB PL SV NI",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for code in codes.split()
}
"""Characters of an IBAN by country, as in SWIFT's registry."""


def find_cards(text: str) -> Iterator[tuple[int, int]]:
    """Spans of 13 to 19 digits in groups that begin as a card does and pass the Luhn check."""
    for match in CARD.finditer(text):
        groups = [group.span() for group in GROUP.finditer(text, *match.span())]
        for first, (start, _) in enumerate(groups):
            # Other numbers may stand before and behind.
            ends = [end for _, end in groups[first:] if _is_card(text[start:end])]
            if ends:
                yield start, ends[-1]
                break


def _is_card(text: str) -> bool:
    digits = [int(char) for char in text if "0" <= char <= "9"]
    if len(digits) not in CARD_DIGITS or not ISSUERS.match("".join(map(str, digits))):
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def find_ibans(text: str) -> Iterator[tuple[int, int]]:
    """Spans of IBANs, in groups or not, that are as long as their country's and pass the check of
    ISO 7064 (mod 97).
    """
    done = 0
    for match in IBAN.finditer(text):
        end = _iban_end(text, match.start())
        if end is not None and match.start() >= done:
            done = end
            yield match.start(), end


def _iban_end(text: str, start: int) -> int | None:
    length = LENGTHS.get(text[start : start + 2].upper(), 0)
    chars: list[str] = []
    for at in range(start, min(len(text), start + 2 * length)):
        char = text[at]
        if char.isascii() and char.isalnum():
            chars.append(char)
        elif char not in BLANK or text[at - 1] in BLANK:
            return None
        if len(chars) == length:
            follows = text[at + 1 : at + 2]
            return at + 1 if not follows.isalnum() and _passes_97("".join(chars)) else None
    return None


def _passes_97(iban: str) -> bool:
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1
