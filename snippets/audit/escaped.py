"""Give the same name to the audit log."""

import sys

from mcp_auth_ref.audit import AuditLog, AuditStream
from mcp_auth_ref.events import Event

NAME = "eve\n2026-11-18T11:06:41Z accept subject=ada tool=write_file"

audit = AuditLog(AuditStream(sys.stdout))
audit(Event(kind="refuse", at=1_795_000_000, code="insufficient_scope", subject=NAME))
