"""The documents name what there is."""

import re
from pathlib import Path

import pytest

from jambones.api.settings import ApiSettings
from jambones.common.metrics import CATALOGUE
from jambones.common.settings import PREFIX, ServiceSettings, SipSettings, unknown_names
from jambones.feature_server.settings import FeatureServerSettings
from jambones.registrar.settings import RegistrarSettings
from jambones.sbc_inbound.settings import EdgeSettings
from jambones.sbc_outbound.settings import OutboundSettings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("metric", CATALOGUE)
def test_every_metric_is_documented(metric: str) -> None:
    assert f"`{metric}`" in OPERATIONS


@pytest.mark.parametrize(
    "settings",
    [
        ServiceSettings,
        SipSettings,
        EdgeSettings,
        OutboundSettings,
        FeatureServerSettings,
        RegistrarSettings,
        ApiSettings,
    ],
)
def test_every_setting_is_documented(settings: type[ServiceSettings]) -> None:
    missing = [name.upper() for name in settings.model_fields if f"`{name.upper()}`" not in OPERATIONS]
    assert not missing, f"docs/operations.md does not name {', '.join(PREFIX + name for name in missing)}"


@pytest.mark.parametrize(
    "settings", [EdgeSettings, OutboundSettings, FeatureServerSettings, RegistrarSettings, ApiSettings]
)
def test_one_environment_can_serve_all_processes(settings: type[ServiceSettings]) -> None:
    environment = {PREFIX + name.upper(): "" for name in settings.model_fields}
    assert not unknown_names(environment, set())


@pytest.mark.parametrize("page", sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")]), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]
