for role in user admin superadmin; do
  generate-mcp-token --user-id ada --role "$role" --json | grep -E '"(role|scope)"'
done
