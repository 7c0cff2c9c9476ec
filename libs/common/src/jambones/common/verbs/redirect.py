"""redirect: fetch the next script elsewhere."""

from typing import Literal

from jambones.common.verbs.hook import Hook, OptionalHook
from jambones.common.verbs.model import VerbModel


class Redirect(VerbModel):
    """Ask `actionHook` for a new script; from then on status events go to `statusHook`, if given."""

    verb: Literal["redirect"] = "redirect"
    action_hook: Hook
    status_hook: OptionalHook = None
