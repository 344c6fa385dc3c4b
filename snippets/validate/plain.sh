python strict.py
