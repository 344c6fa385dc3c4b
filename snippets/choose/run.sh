python ../forge.py
