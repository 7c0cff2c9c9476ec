"""The documents name what there is."""

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from jambones.api.settings import ApiSettings
from jambones.common.metrics import CATALOGUE
from jambones.common.settings import OTHER_PARTS, PREFIX, ServiceSettings, SipSettings
from jambones.feature_server.settings import FeatureServerSettings
from jambones.local import layout
from jambones.registrar.settings import RegistrarSettings
from jambones.sbc_inbound.settings import EdgeSettings
from jambones.sbc_outbound.settings import OutboundSettings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
TESTS = (ROOT, ROOT / "tests", ROOT / "tests/integration/api")
"""Where a page's paths of tests may begin."""
SERVICES = (EdgeSettings, OutboundSettings, FeatureServerSettings, RegistrarSettings, ApiSettings)
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")


def test_the_table_of_metrics_is_the_catalogue() -> None:
    rows = [
        f"| `{name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |"
        for name, metric in CATALOGUE.items()
    ]
    assert [line for line in OPERATIONS.splitlines() if line.startswith("| `jambones_")] == rows


def test_every_metric_is_recorded_somewhere() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for part in ("libs", "services")
        for path in sorted((ROOT / part).rglob("src/**/*.py"))
        if path.name != "metrics.py"
    )
    assert [metric for metric in CATALOGUE if f'"{metric}"' not in code] == []


@pytest.mark.parametrize("settings", [ServiceSettings, SipSettings, *SERVICES])
def test_every_setting_is_documented(settings: type[ServiceSettings]) -> None:
    missing = [name.upper() for name in settings.model_fields if f"`{name.upper()}`" not in OPERATIONS]
    assert not missing, f"docs/operations.md does not name {', '.join(PREFIX + name for name in missing)}"


def test_every_setting_of_the_local_supervisor_is_documented_with_its_default() -> None:
    rows = [line.split(" | ") for line in OPERATIONS.splitlines() if line.startswith("| `JAMBONES_LOCAL_")]
    told = {
        name: default
        for names, _, defaults, _ in rows
        for name, default in zip(re.findall(r"`(\w+)`", names), defaults.split(", "), strict=True)
    }
    ports = {layout.setting(name): str(port) for name, port in asdict(layout.Ports()).items()}
    assert told == dict(zip(layout.OTHERS, ("`.run`", "`fixed`", "`15000-24899`"), strict=True)) | ports


def test_one_environment_can_serve_all_processes_and_no_name_passes_that_nobody_reads() -> None:
    declared = {name for settings in SERVICES for name in settings.model_fields} - set(SipSettings.model_fields)
    assert {"cli_url", "cli_token", *declared} == OTHER_PARTS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"([\w./-]+\.py)::(\w+)", text)
    assert len(named) == text.count("::"), "a test is named in another way than file.py::test"
    assert named or not page.stem.endswith("-coverage")
    assert [f"{path}::{test}" for path, test in named if not is_there(path, test)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_of_code_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`([\w.-]+/[\w./-]+\.py)`", page.read_text(encoding="utf-8"))
    assert [path for path in named if not any((start / path).is_file() for start in TESTS)] == []


def is_there(path: str, test: str) -> bool:
    places = [start / path for start in TESTS if (start / path).is_file()]
    return any(re.search(rf"^(async )?def {test}\(", place.read_text(encoding="utf-8"), re.M) for place in places)
