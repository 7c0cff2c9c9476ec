"""Verbs as data: what applications may ask for. What each does is in the feature server, under the same file name."""

from jambones.common.verbs.hook import Auth, Hook
from jambones.common.verbs.model import VerbModel, WireModel
from jambones.common.verbs.parse import Note, Problem, Script, ScriptError, parse_script, parse_verb

__all__ = [
    "Auth", "Hook", "Note", "Problem", "Script", "ScriptError", "VerbModel", "WireModel", "parse_script", "parse_verb",
]  # fmt: skip
