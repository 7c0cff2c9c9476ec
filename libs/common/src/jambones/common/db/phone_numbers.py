"""Phone numbers: which application answers a number that a carrier delivers."""

from jambones.common.db.repository import Repository, Row


class PhoneNumber(Row):
    phone_number_sid: str
    number: str
    """Digits without "+", or a pattern: a prefix with "*", a regular expression, or "anonymous"."""
    voip_carrier_sid: str | None
    account_sid: str | None
    application_sid: str | None
    service_provider_sid: str | None

    @property
    def is_pattern(self) -> bool:
        return not self.number.isdigit()


class PhoneNumbers(Repository[PhoneNumber]):
    TABLE, KEY, ROW, ENTITY = "phone_numbers", "phone_number_sid", PhoneNumber, "phone_number"
    ORDER = "number, phone_number_sid"
