"""`python -m jambones.feature_server`: the feature server."""

from jambones.common.service import run
from jambones.feature_server.main import NAME, serve
from jambones.feature_server.settings import FeatureServerSettings

run(NAME, FeatureServerSettings, serve)
