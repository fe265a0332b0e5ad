"""Closed word lists: one spelling for each thing the law or an engineer names.

The value of a member is what stands on the wire, in the database and in the address bar.
"""

from enum import StrEnum, unique


@unique
class Unit(StrEnum):
    """SI symbols as printed; never a word in a language."""

    VOLT = "V"
    AMPERE = "A"
    WATT = "W"
    AMPERE_HOUR = "Ah"
    KILOWATT_HOUR = "kWh"
    PERCENT = "%"
    PERCENT_BY_MASS = "% w/w"
    PERCENT_PER_MONTH = "%/month"
    CELSIUS = "°C"
    OHM = "Ω"
    KILOOHM = "kΩ"
    KILOGRAM = "kg"
    SECOND = "s"
    MINUTE = "min"
    MONTH = "month"
    YEAR = "a"
    CYCLE = "cycles"
    WATT_PER_WATT_HOUR = "W/Wh"
    AMPERE_PER_AMPERE_HOUR = "A/Ah"
    KILOGRAM_CO2E = "kg CO2e"
    KILOGRAM_CO2E_PER_KILOWATT_HOUR = "kg CO2e/kWh"
    ONE = "1"


@unique
class Category(StrEnum):
    """What kind of battery the passport is for (Art. 3(1)(11), (13), (14)); stationary is industrial."""

    EV = "ev"
    LMT = "lmt"
    INDUSTRIAL = "industrial"
    STATIONARY = "stationary"


@unique
class Level(StrEnum):
    """What a value is true of."""

    MODEL = "model"
    BATCH = "batch"
    ITEM = "item"


@unique
class Disclosure(StrEnum):
    """What is asked for: the points of Annex XIII. Not an order; see `passport.disclosure`."""

    PUBLIC = "public"  # point 1
    INTEREST_AND_AUTHORITIES = "interest_and_authorities"  # point 2
    AUTHORITIES = "authorities"  # point 3
    INDIVIDUAL = "individual"  # point 4


@unique
class Audience(StrEnum):
    """Who asks (Art. 77(2)). Never compared with `>=`: no audience contains another but the public."""

    PUBLIC = "public"
    LEGITIMATE_INTEREST = "legitimate_interest"
    AUTHORITY = "authority"


@unique
class RecordKind(StrEnum):
    """In which signed record an attribute lives."""

    PASSPORT = "passport"  # declared facts; changes seldom
    CONDITION = "condition"  # Annex XIII point 4 and Annex VII
    ASSESSMENT = "assessment"  # opinions, with an expiry


@unique
class Obligation(StrEnum):
    """What the law asks of one attribute for one battery on one day."""

    OWED = "owed"
    VOLUNTARY = "voluntary"
    MUST_STAY_EMPTY = "must_stay_empty"
    NOT_APPLICABLE = "not_applicable"
    PENDING = "pending"  # an act is awaited


@unique
class Absent(StrEnum):
    """Why an attribute has no value in a view."""

    NOT_YET_REQUIRED = "not_yet_required"
    NOT_PROVIDED = "not_provided"
    RESTRICTED = "restricted"
    NOT_APPLICABLE = "not_applicable"


@unique
class Source(StrEnum):
    """Where a stated value comes from."""

    DECLARED = "declared"
    MEASURED = "measured"
    COMPUTED = "computed"
    BMS_REPORTED = "bms_reported"
    INSPECTED = "inspected"


@unique
class BatteryStatus(StrEnum):
    """Annex XIII point 4(c)."""

    ORIGINAL = "original"
    REPURPOSED = "repurposed"
    RE_USED = "re-used"
    REMANUFACTURED = "remanufactured"
    WASTE = "waste"


@unique
class PassportStatus(StrEnum):
    """EN 18223 `dppStatus`; another thing than the battery's status."""

    ACTIVE = "Active"
    ARCHIVED = "Archived"
    INACTIVE = "Inactive"
    MARKED_FOR_DELETION = "Marked-for-deletion"


@unique
class Origin(StrEnum):
    """How a device came to a reading."""

    NATIVE = "native"
    DERIVED = "derived"
    CONFIGURED = "configured"
    PLACEHOLDER = "placeholder"


@unique
class ReadingAbsence(StrEnum):
    """Why a reading has no value. A doubted value stays, with its doubts."""

    NOT_READ = "not_read"
    NOT_SUPPORTED = "not_supported"
    NOT_APPLICABLE = "not_applicable"
