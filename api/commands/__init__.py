"""The command line: a module for each command, and what they share.

A command is the function `command` of the module that is called like it. Only the module of
the command that was asked for is imported (`command_line`): who lists runs waits for no engine.

`failure` is how a command ends that can't do what it was asked, `screen` what it is shown on.
"""
