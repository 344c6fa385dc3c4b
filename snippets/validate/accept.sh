python verify.py
