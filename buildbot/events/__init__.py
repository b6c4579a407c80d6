"""Small tools for what happens later: alarms, lists of observers, the next turn of the reactor."""
