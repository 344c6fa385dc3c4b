"""Errors that the transports put in the place of an answer which did not come, or which is not passed on."""

from mcp_types import ErrorData, JSONRPCError, RequestId

# JSON-RPC 2.0, section 5.1, leaves these numbers to implementations. A server that sends them says that of itself.
UNREACHABLE = -32098
TOO_LARGE = -32099


def in_place_of_answer(request: RequestId | None, code: int, problem: str) -> JSONRPCError:
    """Make the error that ends one request, and leaves the others alone."""
    return JSONRPCError(jsonrpc="2.0", id=request, error=ErrorData(code=code, message=problem))
