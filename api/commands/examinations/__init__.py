"""How each thing that awe needs is looked at: a module for each.

Each has a function `examine` that yields what it found. A module that can't even be imported
is a finding, too, so that nothing is imported here.
"""
