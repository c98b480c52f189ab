"""Tools of the kind `http`, and the one way out that they take.

`kind` makes them, of the `fields` that a declaration has. `reading` is how its request is read,
`request` what is sent for a call, `answer` what is taken of what comes back, `charsets` in what
texts may be written there, `secret` what is known by name only. `egress` sends: where it may go
is said by `addresses` and `allowance`, and how much of an answer is read by `intake`.
"""

from tools.http.egress import Answer, Egress, Sending
from tools.http.kind import HttpKind

__all__ = ["Answer", "Egress", "HttpKind", "Sending"]
