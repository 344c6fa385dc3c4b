"""Print which role is granted which scope."""

from mcp_auth_ref import ROLES

scopes = dict.fromkeys(scope for granted in ROLES.values() for scope in granted)
print(f"| Scope | {' | '.join(f'`{role}`' for role in ROLES)} |\n|---|{'---|' * len(ROLES)}")
for scope in scopes:
    cells = ("granted" if scope in granted else "" for granted in ROLES.values())
    print(f"| `{scope}` | {' | '.join(cells)} |")
