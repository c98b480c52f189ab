"""Which waiting messages are due: `waiting` answers, `group` and `circle` are its parts."""
