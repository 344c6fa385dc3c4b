python bridge.py
