until [ "$(call "$(cat stolen.txt)")" = 401 ]; do :; done
cat answer.json
