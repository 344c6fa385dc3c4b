"""Our guard around any ASGI application, and beside it the metadata that its challenges point to."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_auth_ref.core.discovery import PROTECTED_RESOURCE, resource_metadata, well_known
from mcp_auth_ref.server.resource import RequireToken, Verifier


def protected(
    app: ASGIApp,
    *,
    verifier: Verifier,
    resource: str,
    authorization_servers: Collection[str],
    scopes: Collection[str] = (),
) -> ASGIApp:
    """Return `app` behind `RequireToken`, with its resource metadata in front.

    `resource` is the address that clients call, and the audience that `verifier` compares. Who sends no token learns
    from the challenge, and from the metadata, which of the `authorization_servers` to ask for these `scopes`.
    """
    metadata_url = well_known(resource, PROTECTED_RESOURCE)
    guarded = RequireToken(app, verifier=verifier, metadata_url=metadata_url, scopes=scopes)
    return PublishMetadata(guarded, resource=resource, authorization_servers=authorization_servers, scopes=scopes)


class PublishMetadata:
    """Answer at both well-known addresses of the resource metadata (RFC 9728, section 3); `app` answers elsewhere.

    Pages of every site may read the document.
    """

    def __init__(
        self, app: ASGIApp, *, resource: str, authorization_servers: Collection[str], scopes: Collection[str]
    ) -> None:
        self._app = app
        self._paths = {
            urlsplit(well_known(resource, PROTECTED_RESOURCE)).path,
            f"/.well-known/{PROTECTED_RESOURCE}",
        }
        document = resource_metadata(
            resource=resource, authorization_servers=authorization_servers, scopes_supported=scopes
        )
        self._document = CORSMiddleware(
            JSONResponse(document, headers={"cache-control": "public, max-age=300"}),
            allow_origins=["*"],
            allow_headers=["MCP-Protocol-Version"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        is_metadata = scope["type"] == "http" and scope["path"] in self._paths
        await (self._document if is_metadata else self._app)(scope, receive, send)
