prometheus --config.file=prometheus.yml --storage.tsdb.path=data \
  --web.listen-address=127.0.0.1:9090 --log.level=error &
python queries.py mcp-dashboard.json
kill %1
