"""`python -m jambones.api`"""

from jambones.api.main import serve
from jambones.api.settings import ApiSettings
from jambones.common.service import run

if __name__ == "__main__":
    run("api", ApiSettings, serve)
