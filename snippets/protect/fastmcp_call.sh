python call.py
