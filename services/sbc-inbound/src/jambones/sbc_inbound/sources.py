"""Where a request really comes from: the packet's source, unless that is a proxy of ours which names another one."""

from jambones.sbc.prefixes import PrefixTable, parse_address
from jambones.sip.headers import Headers


def source_of(headers: Headers, host: str, proxies: PrefixTable[str]) -> str:
    """The address that counts. X-Forwarded-For of anybody else is no more than a claim, and is not believed."""
    if host not in proxies or (named := headers.get("X-Forwarded-For")) is None:
        return host
    claimed = parse_address(named.rpartition(",")[2].strip())
    return str(claimed) if claimed is not None else host
