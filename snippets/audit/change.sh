cp -r sealed spare
sed -i 's/"bob"/"eve"/' sealed/audit.log
mcp-auth-ref audit verify
