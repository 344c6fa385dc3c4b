promtool check config prometheus.yml
