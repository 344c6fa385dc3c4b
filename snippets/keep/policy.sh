visit "cookie?policy&"
