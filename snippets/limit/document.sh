call "another-guess" "$LIST" | tail -n 1
