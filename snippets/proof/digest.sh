sha256sum example.py
