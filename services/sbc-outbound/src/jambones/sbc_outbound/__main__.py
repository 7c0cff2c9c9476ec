"""`python -m jambones.sbc_outbound`: the egress."""

from jambones.common.service import run
from jambones.sbc_outbound.main import NAME, serve
from jambones.sbc_outbound.settings import OutboundSettings

run(NAME, OutboundSettings, serve)
