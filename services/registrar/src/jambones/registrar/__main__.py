"""`python -m jambones.registrar`: the registrar."""

from jambones.common.service import run
from jambones.registrar.main import NAME, serve
from jambones.registrar.settings import RegistrarSettings

run(NAME, RegistrarSettings, serve)
