"""Decode a stranger's token, long expired, made for another server: no error."""

import jwt

claims = {"sub": "root", "aud": "https://other.example/mcp", "exp": 0}
token = jwt.encode(claims, "any secret will do, for nobody looks at it", "HS256")

print(jwt.decode(token, options={"verify_signature": False}))
