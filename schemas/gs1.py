"""GS1 application identifiers: what a value may be, which keys a link may start with, what goes with what.

The table is grouped by form. A form is a row of components: a letter for the characters (`N` digits, `X` the
82 characters of GS1, `Y` the 39 upper-case ones, `Z` base64url), a length (`6` exactly, `..20` from one to
twenty), and after a comma the checks; brackets mark what may be left out at the end.

Source: GS1 General Specifications, section 3, as the GS1 Barcode Syntax Dictionary of 27 July 2026 has them.
Not checked: currency codes (391n, 393n), package types (7041), media types (7241) and the inside of coupons
(8110, 8112): none of them stands on a battery.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final


class ValueInvalid(ValueError):
    """A value does not fit its application identifier; the sentence says what was expected and what came."""


# --- character sets (GS1 General Specifications, figures 7.11-1 and 7.11-2)

CHARACTERS_82: Final = frozenset(
    "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
)
CHARACTERS_39: Final = frozenset("#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
DIGITS: Final = frozenset("0123456789")
BASE64URL: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_SETS: Final = {
    "N": (DIGITS, "a digit"),
    "X": (CHARACTERS_82, "one of GS1's 82 characters"),
    "Y": (CHARACTERS_39, "an upper-case letter, a digit, #, - or /"),
    "Z": (BASE64URL | {"="}, "a base64url character"),
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# ISO 3166-1, numeric and two letters.
_COUNTRY_NUMBERS: Final = _words(
    """
    004 008 010 012 016 020 024 028 031 032 036 040 044 048 050 051 052 056 060 064 068 070 072 074 076
    084 086 090 092 096 100 104 108 112 116 120 124 132 136 140 144 148 152 156 158 162 166 170 174 175
    178 180 184 188 191 192 196 203 204 208 212 214 218 222 226 231 232 233 234 238 239 242 246 248 250
    254 258 260 262 266 268 270 275 276 288 292 296 300 304 308 312 316 320 324 328 332 334 336 340 344
    348 352 356 360 364 368 372 376 380 384 388 392 398 400 404 408 410 414 417 418 422 426 428 430 434
    438 440 442 446 450 454 458 462 466 470 474 478 480 484 492 496 498 499 500 504 508 512 516 520 524
    528 531 533 534 535 540 548 554 558 562 566 570 574 578 580 581 583 584 585 586 591 598 600 604 608
    612 616 620 624 626 630 634 638 642 643 646 652 654 659 660 662 663 666 670 674 678 682 686 688 690
    694 702 703 704 705 706 710 716 724 728 729 732 740 744 748 752 756 760 762 764 768 772 776 780 784
    788 792 795 796 798 800 804 807 818 826 831 832 833 834 840 850 854 858 860 862 876 882 887 894
    """
)
_COUNTRY_LETTERS: Final = _words(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT
    BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH
    ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT
    HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS
    LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI
    NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG
    SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG
    UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """
)

# --- the table

_NET: Final = (
    "310-316 320-329 350-352 356-357 360-361 364-366"  # measures of a trade item; the fourth digit 0 to 5
)
_LOGISTIC: Final = "330-336 340-349 353-355 362-363 367-369"  # measures of a logistic unit, likewise
_AREA_MASS: Final = "337"


def _expand(text: str) -> tuple[str, ...]:
    """`"10 21-22"` is 10, 21, 22."""
    found: list[str] = []
    for part in text.split():
        low, _, high = part.partition("-")
        found += [str(n).zfill(len(low)) for n in range(int(low), int(high or low) + 1)]
    return tuple(found)


def _measures(prefixes: str) -> str:
    return " ".join(f"{prefix}0-{prefix}5" for prefix in _expand(prefixes))


_FORMS: Final[Mapping[str, str]] = {
    "N18,mod10": "00 8017-8018",
    "N17,mod10": "402",
    "N14,mod10": "01-03",
    "N13,mod10": "410-417",
    "N13,mod10 [X..17]": "253",
    "N13,mod10 [N..12]": "255",
    "N1,zero N13,mod10 [X..16]": "8003",
    "N14,mod10 N4,pieces": "8006 8026",
    "X..30,company": "401 7023 8004",
    "Y..30,company": "8010",
    "N..12,no_leading_zero": "8011",
    "X..25,company,pair": "8013",
    "X..25,company,pair,letter": "8014",
    "X..2": "7010",
    "X..3": "427 7008",
    "X..4": "7041",
    "X..10": "7009 7255",
    "X..12": "7005",
    "X..20": "10 21-22 243 254 420 4318 7020-7022 710-717 7240 8002 8012",
    "X..25": "7242 8020",
    "X..28": "235",
    "X..30": "90 240-241 250-251 400 403 4308 4319 7002",
    "X..50": "8009",
    "X..70": "8110 8112 8200",
    "X..90": "91-99",
    "X..35,escapes": "4300-4301 4310-4311 4320",
    "X..40,escapes": "7253-7254 7259",
    "X..70,escapes": "4302-4306 4312-4316 7257",
    "X..90,escapes": "7256",
    "X2 X..28": "7230-7239",
    "X3,birth_order": "7258",
    "X2,country_letters": "4307 4317",
    "X..34,iban": "8007",
    "Z..90,padding": "8030",
    "N1 X1 X1 X1,index": "7040",
    "N1,flag": "4321-4323",
    "N1,sex": "7252",
    "N2": "20 7241",
    "N4": "3940-3943 8111",
    "N6": f"3950-3955 8005 {_measures(_NET)} {_measures(_LOGISTIC)} {_measures(_AREA_MASS)}",
    "N13": "7001",
    "N15": "8040-8041",
    "N32": "8042",
    "N18 [N..2]": "8043",
    "N..4": "7004",
    "N..6": "242",
    "N..8": "30 37",
    "N..10": "8019",
    "N..15": "3900-3909 3920-3929",
    "N3 N..15": "3910-3919 3930-3939",
    "N3,country X..9": "421",
    "N3,country": "422 424 426",
    "N3,country [N3,country] [N3,country] [N3,country] [N3,country] [N3,country]": "423 425",
    "N3,country_or_999 X..27": "7030-7039",
    "N6,date_or_month": "11-13 15-17",
    "N6,date": "4326 7006",
    "N6,date [N6,date]": "7007",
    "N6,date_or_month N4,clock": "4324-4325",
    "N6,date N4,clock": "7003",
    "N6,date [N4,clock]": "7011",
    "N6,date N2,hour [N2,sixty] [N2,sixty]": "8008",
    "N8,long_date": "7250",
    "N8,long_date N4,clock": "7251",
    "N6 [X1,hyphen]": "4330-4333",
    "N10,latitude N10,longitude": "4309",
    "N4,some N5,some N3,some N1,winding N1": "8001",
}

# May not be a query parameter of a link.
_PATH_ONLY: Final = frozenset(_expand("03 21-22 235 254 7040-7041 8011 8014 8019-8020 8040-8043 8200"))
# Of fixed length by their first two digits: written first where order is free.
_FIXED: Final = frozenset(
    _expand(f"00-03 11-13 15-17 20 410-417 {_measures(_NET)} {_measures(_LOGISTIC)} {_measures(_AREA_MASS)}")
)

# Primary keys of a link and the qualifiers that may follow in the path, in this order; some have two rows.
KEYS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "00": (),
    "01": (("22", "10", "21"), ("235",)),
    "253": (),
    "255": (),
    "401": (),
    "402": (),
    "414": (("254",), ("7040",)),
    "415": (("8020",),),
    "417": (("7040",),),
    "8003": (),
    "8004": (("7040",),),
    "8006": (("22", "10", "21"),),
    "8010": (("8011",),),
    "8013": (),
    "8017": (("8019",),),
    "8018": (("8019",),),
}

# What a value needs beside it: any of the groups, whole; a trailing `*` stands for any ending.
_NEEDS: Final[Sequence[tuple[str, str]]] = (
    ("02 8026", "37"),
    ("10-11 13 15-16 20 240-241 422", "01 02 03 8006 8026"),
    ("12 3910-3919 415", "8020"),
    ("17", "01 02 03 255 8006 8026"),
    ("21 251 7021 8012", "01 03 8006"),
    (f"22 235 {_measures(_AREA_MASS)} 710-717 8001 8014 8200", "01"),
    ("242 7001", "01 02 8006 8026"),
    ("243", "01 03"),
    ("250", "01+21 03+21 8006+21"),
    ("254", "414"),
    (f"30 {_measures(_NET)} 7002 7005-7009 7030-7039 8005", "01 02"),
    (_measures(_LOGISTIC), "00 01"),
    ("37", "00+02 00+8026"),
    ("3900-3909", "255 8020"),
    ("3920-3929", "01+30 01+31* 01+32* 01+35* 01+36*"),
    ("3930-3939 3950-3955", "30 31* 32* 35* 36*"),
    ("3940-3943 8111", "255"),
    ("403 4300-4302 4304-4312 4314-4326 4330-4333 7041", "00"),
    ("423-426 7003 7010-7011 8008", "01 02 03"),
    ("427", "01+422 02+422 03+422"),
    ("4303", "4302"),
    ("4313", "4312"),
    ("7004", "01+10 03+10"),
    ("7020", "01+416 03+416 8006+416"),
    ("7022", "01+7021 03+7021 8006+7021"),
    ("7230-7239", "01 8004"),
    ("7240", "01 8006"),
    ("7241-7242 7253-7256 8019", "8017 8018"),
    ("7250-7252 7257 7259", "8018"),
    ("7258", "8018+7259"),
    ("8007 8020", "415"),
    ("8009", "00 01 03"),
    ("8011", "8010"),
    ("8030", "00 01+21 03+21 253 255 8003 8004 8006+21 8010+8011 8017 8018"),
    ("8040", "01+21"),
    ("8041-8043", "01+21+8040"),
)
# What may not stand beside it. Two measures of one kind exclude each other too: see `check_together`.
_EXCLUDES: Final[Sequence[tuple[str, str]]] = (
    ("01", "255 37"),
    ("02", "01 03"),
    ("03", "01 02 37 235"),
    ("21", "235"),
    ("255", "01 02 415 8006 8020 8026"),
    ("3900-3909", "391* 394* 8111"),
    ("3920-3929", "393*"),
    ("3940-3943", "8111"),
    ("3950-3955", "392* 393* 8005"),
    ("420", "421"),
    ("421", "4307"),
    ("422-425", "426"),
    ("4330", "4331"),
    ("4332", "4333"),
    ("7240", "03"),
    ("7250", "7251"),
    ("7253-7255", "7256 7259"),
    ("7259", "7256"),
    ("8006", "01 03 37"),
    ("8017", "8018"),
    ("8026", "02 03 8006"),
)
_KINDS_OF_ONE: Final = frozenset(
    (*_expand(_NET), *_expand(_LOGISTIC), _AREA_MASS, "390", "391", "392", "393", "394", "395")
)


@dataclass(frozen=True)
class _Component:
    letter: str
    shortest: int
    longest: int
    checks: tuple[str, ...]
    optional: bool


def _components(form: str) -> tuple[_Component, ...]:
    found = []
    for word in form.split():
        head, *checks = word.strip("[]").split(",")
        length = head[1:]
        longest = int(length.removeprefix(".."))
        shortest = 1 if length.startswith("..") else longest
        found.append(_Component(head[0], shortest, longest, tuple(checks), word.startswith("[")))
    return tuple(found)


_TABLE: Final[Mapping[str, tuple[_Component, ...]]] = {
    ai: parts for form, ais in _FORMS.items() for parts in (_components(form),) for ai in _expand(ais)
}


def known(ai: str) -> bool:
    """Whether GS1 has assigned this application identifier."""
    return ai in _TABLE


def may_be_attribute(ai: str) -> bool:
    """Whether it may stand as a query parameter of a link."""
    return ai in _TABLE and ai not in _PATH_ONLY


def fixed_length(ai: str) -> bool:
    """Whether its length follows from its first two digits, so that it is written before the others."""
    return ai in _FIXED


def key_sequence(key: str, qualifiers: Sequence[str]) -> bool:
    """Whether these qualifiers may follow this primary key in the path, in this order.

    >>> key_sequence("01", ["10", "21"]), key_sequence("01", ["21", "10"])
    (True, False)
    """
    if key not in KEYS:
        return False
    if not qualifiers:
        return True
    for allowed in KEYS[key]:
        rest = iter(allowed)
        if all(qualifier in rest for qualifier in qualifiers):
            return True
    return False


# --- check characters


def gtin_check_digit(digits: str) -> str:
    """The digit that completes GTIN, GLN, GRAI, SSCC: modulo 10 with weights 3 and 1 from the right.

    >>> gtin_check_digit("0952012345678")
    '8'

    Raises:
        ValueError: not one or more digits.
    """
    if not digits or not set(digits) <= DIGITS:
        raise ValueError(f"expected digits, got {digits!r}")
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


_PAIR_VALUES: Final = {
    character: place
    for place, character in enumerate(
        "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
    )
}
_PAIR_CHARACTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def check_pair(text: str) -> str:
    """The two characters that complete a global model number (8013).

    Primes from 2 are the weights from the right; the sum modulo 1021 is cut into two groups of five bits.

    Raises:
        ValueError: a character is none of GS1's 82.
    """
    if not set(text) <= CHARACTERS_82:
        raise ValueError("expected GS1's 82 characters")
    total = (
        sum(_PAIR_VALUES[c] * prime for c, prime in zip(reversed(text), _primes(len(text)), strict=True))
        % 1021
    )
    return _PAIR_CHARACTERS[total >> 5] + _PAIR_CHARACTERS[total & 31]


def _primes(count: int) -> list[int]:
    primes: list[int] = []
    candidate = 2
    while len(primes) < count:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    return primes


# --- checks of one component; each gives None or what was expected

_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _calendar(year: int, month: int, day: int, *, month_only: bool) -> bool:
    if not 1 <= month <= 12:
        return False
    last = 29 if month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else _DAYS[month - 1]
    return (0 if month_only else 1) <= day <= last


def _short_date(text: str, *, month_only: bool) -> bool:
    return _calendar(2000 + int(text[:2]), int(text[2:4]), int(text[4:]), month_only=month_only)


def _iban(text: str) -> bool:
    if len(text) < 15 or text[:2] not in _COUNTRY_LETTERS or not re.fullmatch(r"[0-9A-Z]+", text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def _ends_with_check_digit(text: str) -> bool:
    return len(text) > 1 and gtin_check_digit(text[:-1]) == text[-1]


_CHECKS: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = {
    "mod10": (_ends_with_check_digit, "a right check digit"),
    "company": (
        lambda t: len(t) >= 4 and set(t[:4]) <= DIGITS,
        "a GS1 company prefix of at least four digits",
    ),
    "pair": (
        lambda t: len(t) > 1 and set(t[:-2]) <= CHARACTERS_82 and check_pair(t[:-2]) == t[-2:],
        "a right check pair",
    ),
    "letter": (lambda t: not set(t) <= DIGITS, "at least one character that is no digit"),
    "zero": (lambda t: t == "0", "a zero"),
    "some": (lambda t: int(t) != 0, "more than zero"),
    "no_leading_zero": (lambda t: t == "0" or not t.startswith("0"), "no leading zero"),
    "flag": (lambda t: t in "01", "0 or 1"),
    "sex": (lambda t: t in "0129", "0, 1, 2 or 9"),
    "winding": (lambda t: t in "019", "0, 1 or 9"),
    "pieces": (lambda t: 0 < int(t[:2]) <= int(t[2:]), "a piece number of at least 1 and at most the total"),
    "country": (lambda t: t in _COUNTRY_NUMBERS, "an ISO 3166 number"),
    "country_or_999": (lambda t: t in _COUNTRY_NUMBERS or t == "999", "an ISO 3166 number or 999"),
    "country_letters": (lambda t: t in _COUNTRY_LETTERS, "two letters of ISO 3166"),
    "date": (lambda t: _short_date(t, month_only=False), "a day of the calendar, YYMMDD"),
    "date_or_month": (
        lambda t: _short_date(t, month_only=True),
        "a day of the calendar, YYMMDD, day 00 for a month",
    ),
    "long_date": (
        lambda t: _calendar(int(t[:4]), int(t[4:6]), int(t[6:]), month_only=False),
        "a day of the calendar, YYYYMMDD",
    ),
    "clock": (lambda t: int(t[:2]) < 24 and int(t[2:]) < 60, "hours and minutes"),
    "hour": (lambda t: int(t) < 24, "an hour"),
    "sixty": (lambda t: int(t) < 60, "00 to 59"),
    "hyphen": (lambda t: t == "-", "a hyphen"),
    "latitude": (lambda t: int(t) <= 1_800_000_000, "a latitude"),
    "longitude": (lambda t: int(t) <= 3_600_000_000, "a longitude"),
    "index": (lambda t: set(t) <= BASE64URL, "a letter, a digit, - or _"),
    "escapes": (
        lambda t: re.search(r"%(?![0-9A-Fa-f]{2})", t) is None,
        "% followed by two hexadecimal digits",
    ),
    "birth_order": (lambda t: re.fullmatch(r"[1-9]/[1-9]", t) is not None and t[0] <= t[2], "n/m"),
    "iban": (_iban, "an IBAN with a right check sum"),
    "padding": (
        lambda t: "=" not in t or (t.rstrip("=").find("=") < 0 and t.count("=") <= 2 and len(t) % 3 == 0),
        "padding at the end only",
    ),
}


def check_value(ai: str, value: str) -> None:
    """Return when `value` fits `ai`.

    Raises:
        ValueInvalid: it does not, or the identifier is unknown.
    """
    if ai not in _TABLE:
        raise ValueInvalid(f"({ai}) is no application identifier of GS1")
    place = 0
    for part in _TABLE[ai]:
        text = value[place : place + part.longest]
        if not text and part.optional:
            break
        if len(text) < part.shortest:
            raise ValueInvalid(f"({ai}) is too short: expected {_length(ai)} characters, got {len(value)}")
        allowed, name = _SETS[part.letter]
        for character in text:
            if character not in allowed:
                raise ValueInvalid(f"({ai}) holds {character!r} where {name} is expected")
        for check in part.checks:
            passes, expected = _CHECKS[check]
            if not passes(text):
                raise ValueInvalid(f"({ai}) expected {expected}, got {text!r}")
        place += len(text)
    if place < len(value):
        raise ValueInvalid(f"({ai}) is too long: expected {_length(ai)} characters, got {len(value)}")


def _length(ai: str) -> str:
    parts = _TABLE[ai]
    low = sum(part.shortest for part in parts if not part.optional)
    high = sum(part.longest for part in parts)
    return str(low) if low == high else f"{low} to {high}"


def _present(pattern: str, ais: frozenset[str]) -> bool:
    return any(ai.startswith(pattern[:-1]) for ai in ais) if pattern.endswith("*") else pattern in ais


def check_together(ais: Iterable[str]) -> None:
    """Return when these application identifiers may describe one thing.

    Raises:
        ValueInvalid: one lacks its companion, or two exclude each other.
    """
    present = frozenset(ais)
    for names, groups in _NEEDS_BY_AI:
        for ai in names & present:
            if not any(all(_present(one, present) for one in group.split("+")) for group in groups.split()):
                raise ValueInvalid(f"({ai}) needs one of {groups.replace(' ', ', ')} beside it")
    for names, patterns in _EXCLUDES_BY_AI:
        for ai in names & present:
            for pattern in patterns.split():
                if _present(pattern, present - {ai}):
                    raise ValueInvalid(f"({ai}) and ({pattern}) exclude each other")
    for kind in _KINDS_OF_ONE:
        if sum(1 for ai in present if len(ai) == 4 and ai.startswith(kind)) > 1:
            raise ValueInvalid(f"({kind}n) is given twice with different decimals")


_NEEDS_BY_AI: Final = tuple((frozenset(_expand(ais)), groups) for ais, groups in _NEEDS)
_EXCLUDES_BY_AI: Final = tuple((frozenset(_expand(ais)), patterns) for ais, patterns in _EXCLUDES)
