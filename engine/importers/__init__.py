"""Somebody's file made into calls or labels. Pure: bytes in, values and refused rows out; nothing is stored here."""
