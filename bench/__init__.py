"""How fast is the server, measured beside another one on the same machine?"""
