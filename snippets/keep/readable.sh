chmod 644 token
python from_file.py 2>&1 | tail -n 1
