"""The audit log: who was let in, who was refused and why, who did what. A line of JSON for each event."""

from mcp_auth_ref.audit.chain import BrokenChain, Chain, Link
from mcp_auth_ref.audit.files import AuditFile, AuditStream
from mcp_auth_ref.audit.log import AuditLog, audit_from, chain_from

__all__ = ["AuditFile", "AuditLog", "AuditStream", "BrokenChain", "Chain", "Link", "audit_from", "chain_from"]
