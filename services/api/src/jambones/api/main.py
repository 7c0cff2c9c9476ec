"""The process: probes, bus, database, the web application and the keeper of records."""

from jambones.api.app import Api
from jambones.api.ask import Parts
from jambones.api.callers import Callers
from jambones.api.records import RecordKeeper
from jambones.api.resources import RESOURCES
from jambones.api.settings import ApiSettings
from jambones.common.bus import Bus
from jambones.common.bus.config import ConfigChanged
from jambones.common.bus.nodes import Node, NodeDirectory
from jambones.common.db.database import Database
from jambones.common.service import open_service
from jambones.common.tasks import Tasks

DAY = 86400.0


async def _hear(bus: Bus, callers: Callers) -> None:
    """Forget callers when another process changed something, for ever."""
    async with bus.subscribe(ConfigChanged) as changes:
        callers.forget()  # what was missed before
        async for change in changes:
            callers.changed(change)


def _tell_first(db: Database, callers: Callers) -> None:
    """A change of this process holds here before its request is answered."""
    announce = db.announce

    async def tell(change: ConfigChanged) -> None:
        callers.changed(change)
        if announce is not None:
            await announce(change)

    db.announce = tell


async def serve(settings: ApiSettings) -> None:
    """Serve until told to stop. PostgreSQL and NATS may come later; until then requests get 503."""
    api = Api(RESOURCES, settings)
    async with open_service("api", settings, app=api.web_app(), db=True) as service:
        api.metrics = service.metrics
        # Tasks that read the bus end before it does.
        async with NodeDirectory.watching(service.bus, "fs") as nodes, Tasks() as tasks:
            keeper = RecordKeeper(service.bus, service.db, service.metrics)
            tasks.keep(keeper.keep_calls, name="keep call records")
            tasks.keep(keeper.keep_alerts, name="keep alerts")
            tasks.every(DAY, lambda: keeper.tidy(settings.record_days, settings.audit_days), name="tidy records")
            callers = Callers(lambda: service.bus.connected)
            tasks.keep(lambda: _hear(service.bus, callers), name="hear of changes")
            _tell_first(service.db, callers)
            api.parts = Parts(service.db, service.bus, nodes, settings, service.tasks, callers)
            node = Node(kind="api", id=settings.node_id, http=f"http://{settings.http_host}:{service.http_port}")
            async with service.present(node):
                await service.run()
