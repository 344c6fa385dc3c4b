openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 \
  -subj "/CN=Example CA" -keyout ca.key -out ca.pem 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 \
  -subj "/CN=mcp.example.com" -addext "subjectAltName=DNS:mcp.example.com" \
  -CA ca.pem -CAkey ca.key -keyout server.key -out server.pem 2>/dev/null
openssl verify -CAfile ca.pem server.pem
