"""Flows of connected devices, used by processes that do not hold them.

The edge owns the sockets. A process that calls a registered device runs the transactions and the dialog itself and
hands whole SIP messages to the edge, which writes them to the device's flow; what the device answers comes back by the
mark that the calling process put into its Via and Contact (`;jbn=<node id>`), so the edge keeps no state of the call.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from jambones.common.bus.control import Reply
from jambones.common.bus.event import Event, Question
from jambones.common.ids import NodeId

MARK = "jbn"
"""The parameter of our Via and of our Contact's URI that names the node a message is for."""


_BYTES = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


class Sent(Reply):
    """The bytes are on their way."""


class SendOnFlow(Question[Sent]):
    """Write one SIP message to a flow. The edge raises NotFound when it has no such flow (any more)."""

    model_config = _BYTES
    SUBJECT: ClassVar[str] = "flows.{edge_id}.send"
    REPLY: ClassVar[type[BaseModel]] = Sent

    edge_id: NodeId
    flow: str
    message: bytes


class ArrivedOnFlow(Event):
    """A SIP message for `node_id` came on a flow of an edge."""

    model_config = _BYTES
    SUBJECT: ClassVar[str] = "flows.arrived.{node_id}"

    node_id: NodeId
    edge_id: NodeId
    flow: str
    remote: str
    """The device's address, "wss:192.0.2.4:50123"."""
    message: bytes
