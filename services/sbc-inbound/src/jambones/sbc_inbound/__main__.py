"""`python -m jambones.sbc_inbound`: the edge."""

from jambones.common.service import run
from jambones.sbc_inbound.main import NAME, serve
from jambones.sbc_inbound.settings import EdgeSettings

run(NAME, EdgeSettings, serve)
