call "$(cat stolen.txt)"
