{
  generate-mcp-token --user-id ada
  generate-mcp-token --user-id grace --audience https://other.example/mcp
  echo "not-a-token"
} > tokens.txt
validate-mcp-token - < tokens.txt
