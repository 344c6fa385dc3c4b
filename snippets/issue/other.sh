echo "$TOKEN" | python public.py
