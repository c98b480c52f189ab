"""What can be done about a run that has stopped: requests that work as they stand."""

from engine.action.action import Action
from engine.action.remedy import actions

__all__ = ["Action", "actions"]
