chmod 644 token
python with_token.py token python bridge.py
